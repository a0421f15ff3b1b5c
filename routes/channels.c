/* channels.c - see channels.h. */
#include "channels.h"

#include <stdio.h>
#include <stdlib.h>

#include "id.h"
#include "input.h"
#include "json.h"
#include "names.h"
#include "parse.h"

#define AT_VERSIONS "/checkpoint/channel_versions"

enum { NAME_SHOWN = 64, VERSION_POINTER_LEN = sizeof(AT_VERSIONS) + 1 + NAME_SHOWN };

enum state { CARRIED, SENT, REMOVED };

/* A member of channel_versions. */
struct channel {
    struct channel_version of;
    enum state state;
};

/* The members of channel_versions, sorted by name. */
struct channels {
    struct channel *items;
    size_t n;
    struct arena *arena;
};

static bool find_versions(struct slice checkpoint, struct arena *arena, struct slice *json,
                          struct err *err)
{
    struct split_member *members;
    size_t n;

    if (!split_members(checkpoint, arena, &members, &n, err))
        return body_at("/checkpoint", err);
    *json = SLICE("{}");
    for (size_t i = 0; i < n; i++)
        if (split_name_is(members[i].name, "channel_versions"))
            *json = members[i].value;
    return true;
}

/* The pointer to a member of channel_versions, or to the whole if the name would need escapes. */
static void version_pointer(struct slice channel, char out[VERSION_POINTER_LEN])
{
    bool plain = channel.len <= NAME_SHOWN;

    for (size_t i = 0; i < channel.len && plain; i++)
        plain = channel.at[i] > ' ' && channel.at[i] < 0x7F && !strchr("/~", channel.at[i]);
    snprintf(out, VERSION_POINTER_LEN, AT_VERSIONS "%s%.*s", plain ? "/" : "",
             plain ? (int)channel.len : 0, channel.at);
}

static bool check_channel(const struct channel_version *of, struct err *err)
{
    char at[VERSION_POINTER_LEN];

    if (!id_is_utf8(of->channel))
        return err_set(err, ERR_INVALID,
                       AT_VERSIONS ": the name of a channel must not hold a lone surrogate");
    if (of->channel.len < 1 || of->channel.len > INPUT_CHANNEL_MAX)
        return err_set(err, ERR_INVALID,
                       AT_VERSIONS ": the name of a channel must be 1 to %d bytes",
                       INPUT_CHANNEL_MAX);
    version_pointer(of->channel, at);
    return input_version(of->version, at, err);
}

static bool read_versions(struct slice checkpoint, struct channels *out, struct err *err)
{
    struct split_member *members;
    struct name *sorted;
    struct slice json;
    size_t n;

    if (!find_versions(checkpoint, out->arena, &json, err))
        return false;
    if (!split_members(json, out->arena, &members, &n, err))
        return body_at(AT_VERSIONS, err);
    if (!names_sort(members, n, out->arena, &sorted, err))
        return false;
    out->items = arena_zalloc(out->arena, n, sizeof(*out->items));
    if (!out->items)
        return err_no_memory(err);
    out->n = n;
    for (size_t i = 0; i < n; i++) {
        struct channel_version of = {sorted[i].text, members[sorted[i].index].value};

        if (!check_channel(&of, err))
            return false;
        out->items[i].of = of;
    }
    return true;
}

static int by_name(const void *name, const void *item)
{
    return slice_compare(*(const struct slice *)name, ((const struct channel *)item)->of.channel);
}

static struct channel *find(const struct channels *all, struct slice name)
{
    return bsearch(&name, all->items, all->n, sizeof(*all->items), by_name);
}

/* Marks the channel of a value as sent, and checks that the version is written alike: stores find it by
 * its text. */
static bool take_sent(struct channels *all, const struct value *value, size_t i, struct err *err)
{
    struct channel *c = find(all, value->of.channel);

    if (!c || !slice_equal(c->of.version, value->of.version))
        return err_set(err, ERR_INVALID,
                       "/values/%zu/channel: must be in checkpoint.channel_versions, with the "
                       "version written alike",
                       i);
    if (c->state == SENT)
        return err_set(err, ERR_INVALID,
                       "/values/%zu/channel: an earlier value has this channel already", i);
    c->state = SENT;
    return true;
}

/* Marks a channel as removed; one that channel_versions does not name is gone anyway. */
static bool take_removed(struct channels *all, struct slice json, size_t i, struct err *err)
{
    struct channel *c;
    struct slice name;
    char at[PARSE_POINTER_LEN];

    parse_pointer(at, "/removed", i);
    if (!json_decode_string(json, all->arena, &name, err))
        return body_at(at, err);
    c = find(all, name);
    if (c && c->state == SENT)
        return err_set(err, ERR_INVALID,
                       "%s: this channel is in values too; it must be in one of the two", at);
    if (c)
        c->state = REMOVED;
    return true;
}

static bool list_in(const struct channels *all, enum state state, struct channel_version **list,
                    size_t *n, struct err *err)
{
    *n = 0;
    *list = arena_alloc(all->arena, all->n * sizeof(**list));
    if (!*list)
        return err_no_memory(err);
    for (size_t i = 0; i < all->n; i++)
        if (all->items[i].state == state)
            (*list)[(*n)++] = all->items[i].of;
    return true;
}

bool channels_resolve(struct slice removed, struct arena *arena, struct op_checkpoint_put *put,
                      struct err *err)
{
    struct channels all = {.arena = arena};
    struct slice *names = NULL;
    size_t n = 0;

    if (!read_versions(put->head.bytes, &all, err))
        return false;
    for (size_t i = 0; i < put->n_values; i++)
        if (!take_sent(&all, &put->values[i], i, err))
            return false;
    if (slice_present(removed) && !split_elements(removed, arena, &names, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!take_removed(&all, names[i], i, err))
            return false;
    return list_in(&all, CARRIED, &put->carried, &put->n_carried, err) &&
           list_in(&all, REMOVED, &put->removed, &put->n_removed, err);
}
