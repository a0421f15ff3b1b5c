/* keep.c - see keep.h. */
#include "keep.h"

#include <stdlib.h>

#include "json.h"
#include "names.h"
#include "sorted.h"
#include "split.h"

#define SENDS "__pregel_tasks"

enum { SENDS_INLINE = 4 }; /* from this format on a checkpoint holds its sends itself */

struct channels {
    struct slice *names;
    size_t n, cap;
};

static bool need(struct keep *k, struct keep_item *item, enum keep_part part, struct err *err);

/* A damaged head counts as one that cannot be read. */
static bool open_head(struct keep *k, struct keep_item *item, struct err *err)
{
    if (!unpack_head(item->head, k->arena, &item->said, err)) {
        item->said = (struct packed_head){0};
        if (err->kind != ERR_DAMAGED)
            return false;
    }
    item->head = item->said.json;
    return true;
}

/* Adds the channels whose values are inlined in the head. */
static bool add_inlined(struct keep *k, struct keep_item *item, struct err *err)
{
    struct slice *all;
    size_t n = item->n_values;

    if (!need(k, item, KEEP_HEAD, err))
        return false;
    all = arena_alloc(k->arena, (n + item->said.n + 1) * sizeof(*all));
    if (!all)
        return err_no_memory(err);
    if (n > 0)
        memcpy(all, item->values, n * sizeof(*all));
    for (size_t i = 0; i < item->said.n; i++)
        if (item->said.items[i].place == IN_HEAD)
            all[n++] = item->said.items[i].of.channel;
    item->values = all;
    item->n_values = sorted_texts(all, n);
    return true;
}

static bool need(struct keep *k, struct keep_item *item, enum keep_part part, struct err *err)
{
    if (item->loaded[part])
        return true;
    item->loaded[part] = true;
    if (!k->load(k->driver, item, part, err))
        return false;
    if (part == KEEP_WRITES)
        item->n_writes = sorted_texts(item->writes, item->n_writes);
    if (part == KEEP_HEAD)
        return open_head(k, item, err);
    return part != KEEP_VALUES || add_inlined(k, item, err);
}

/* Finds a member of an object; absent if there is none, or json is no object. */
static bool member(struct keep *k, struct slice json, const char *name, struct slice *out,
                   struct err *err)
{
    struct split_member *members;
    size_t n;

    *out = (struct slice){NULL, 0};
    if (json.len == 0 || json.at[0] != '{')
        return true;
    if (!split_list(json, k->arena, &members, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (split_name_is(members[i].name, name))
            *out = members[i].value;
    return true;
}

static bool add_channel(struct keep *k, struct channels *c, struct slice raw, struct err *err)
{
    void *grown = arena_grow(k->arena, c->names, c->n, sizeof(*c->names), &c->cap);

    if (!grown)
        return err_no_memory(err);
    c->names = grown;
    return names_decode(raw, k->arena, &c->names[c->n++], err);
}

/* Finds the delta channels of a namespace: those for which any of its checkpoints has a counter. */
static bool find_channels(struct keep *k, const struct keep_ns *space, struct channels *c,
                          struct err *err)
{
    struct split_member *members;
    struct slice counters;
    size_t n;

    for (size_t i = 0; i < space->n; i++) {
        if (!member(k, space->items[i].metadata, "counters_since_delta_snapshot", &counters, err))
            return false;
        if (counters.len == 0 || counters.at[0] != '{')
            continue;
        if (!split_list(counters, k->arena, &members, &n, err))
            return false;
        for (size_t j = 0; j < n; j++)
            if (!add_channel(k, c, members[j].name, err))
                return false;
    }
    c->n = sorted_texts(c->names, c->n);
    return true;
}

static int order_ids(const void *a, const void *b)
{
    const struct keep_item *x = a, *y = b;

    return slice_compare(y->id, x->id); /* newest first */
}

static int order_stamps(const void *a, const void *b)
{
    const struct keep_item *x = a, *y = b;

    return (x->stamp < y->stamp) - (x->stamp > y->stamp); /* newest first */
}

void keep_newest_first(struct keep_ns *space)
{
    if (space->n > 1)
        qsort(space->items, space->n, sizeof(*space->items),
              space->form == FORM_DOCUMENT ? order_stamps : order_ids);
}

/* Finds the checkpoint with this id; channel form. */
static struct keep_item *find(const struct keep_ns *space, struct slice id)
{
    struct keep_item key = {.id = id};

    if (space->n == 0 || !slice_present(id))
        return NULL;
    return bsearch(&key, space->items, space->n, sizeof(key), order_ids);
}

/* The result of a walk up the parents. */
struct walk {
    struct keep_item *end; /* where it met an earlier walk, or a value; NULL = beyond the root */
    size_t steps;          /* items before the end */
    size_t needed;         /* the first so many of them are needed, whatever the end says */
};

/* Walks up from `at`; visits each item once per channel. */
static bool walk_up(struct keep *k, const struct keep_ns *space, struct keep_item *at,
                    size_t number, struct slice channel, struct walk *w, struct err *err)
{
    *w = (struct walk){0};
    for (; at; at = find(space, at->parent_id)) {
        if (at->walk == number)
            break;
        at->walk = number;
        at->walk_open = true;
        at->walk_needed = false;
        if (!need(k, at, KEEP_VALUES, err) || !need(k, at, KEEP_WRITES, err))
            return false;
        if (sorted_has(at->values, at->n_values, channel)) {
            at->walk_open = false;
            at->walk_needed = true;
            break;
        }
        w->steps++;
        if (sorted_has(at->writes, at->n_writes, channel))
            w->needed = w->steps;
    }
    w->end = at;
    return true;
}

/* Keeps what a walk from `at` needs, and notes the result for later walks that come through here. */
static void settle(const struct keep_ns *space, struct keep_item *at, const struct walk *w)
{
    bool goes_on = w->end && !w->end->walk_open && w->end->walk_needed;

    if (goes_on)
        w->end->kept = true;
    for (size_t i = 0; i < w->steps; i++, at = find(space, at->parent_id)) {
        at->walk_open = false;
        at->walk_needed = goes_on || i < w->needed;
        at->kept |= at->walk_needed;
    }
}

static bool keep_ancestors(struct keep *k, const struct keep_ns *space,
                           const struct channels *channels, struct keep_item *item, struct err *err)
{
    struct keep_item *parent = find(space, item->parent_id);
    struct walk walk;

    if (channels->n == 0 || !parent)
        return true;
    if (!need(k, item, KEEP_VALUES, err))
        return false;
    for (size_t i = 0; i < channels->n; i++) {
        if (sorted_has(item->values, item->n_values, channels->names[i]))
            continue;
        if (!walk_up(k, space, parent, i + 1, channels->names[i], &walk, err))
            return false;
        settle(space, parent, &walk);
    }
    return true;
}

/* Whether the sends of a checkpoint are among the writes of its parent; true if it is unreadable. */
static bool is_old(struct keep *k, struct keep_item *item, bool *old, struct err *err)
{
    struct slice v;
    double format;

    if (!need(k, item, KEEP_HEAD, err))
        return false;
    *old = !slice_present(item->head);
    if (*old)
        return true;
    if (!member(k, item->head, "v", &v, err))
        return false;
    *old = v.len > 0 && (*v.at == '-' || (*v.at >= '0' && *v.at <= '9')) &&
           json_decode_double(v, &format, err) && format < SENDS_INLINE;
    return true;
}

/* Keeps the parents that hold sends for these items; they then count as held themselves. */
static bool hold_sends(struct keep *k, struct keep_ns *space, struct err *err)
{
    bool old;

    for (size_t i = 0; space->form == FORM_CHANNEL && i < space->n; i++) {
        struct keep_item *item = &space->items[i], *parent = find(space, item->parent_id);

        if (!item->holds || !parent || parent->holds)
            continue;
        if (!need(k, parent, KEEP_WRITES, err))
            return false;
        if (!sorted_has(parent->writes, parent->n_writes, SLICE(SENDS)))
            continue;
        if (!is_old(k, item, &old, err))
            return false;
        parent->kept |= old;
    }
    for (size_t i = 0; i < space->n; i++)
        space->items[i].holds |= space->items[i].kept;
    return true;
}

/* Keeps what is held, and the ancestors that it needs. */
static bool keep_held(struct keep *k, struct keep_ns *space, struct err *err)
{
    struct channels channels = {0};

    if (space->form == FORM_CHANNEL && !find_channels(k, space, &channels, err))
        return false;
    for (size_t i = 0; i < space->n; i++) {
        if (!space->items[i].holds)
            continue;
        space->items[i].kept = true;
        if (!keep_ancestors(k, space, &channels, &space->items[i], err))
            return false;
    }
    return true;
}

bool keep_needed(struct keep *k, struct keep_ns *space, struct err *err)
{
    return hold_sends(k, space, err) && keep_held(k, space, err);
}

static void hold_newest(const struct keep *k, struct keep_ns *space)
{
    for (size_t i = 0; i < space->n; i++)
        space->items[i].holds = (int64_t)i < k->keep_last ||
                                (k->older_than_us &&
                                 space->items[i].created_us >= k->older_than_us);
}

/* Finds the checkpoint of the root graph that a call of a subgraph belongs to; NULL if unknown. */
static bool find_caller(struct keep *k, const struct keep_ns *root, const struct keep_ns *call,
                        const struct keep_item **caller, struct err *err)
{
    struct slice parents, raw, id;

    *caller = NULL;
    if (call->n == 0)
        return true;
    if (!member(k, call->items[0].metadata, "parents", &parents, err) ||
        !member(k, parents, "", &raw, err))
        return false;
    if (raw.len == 0 || raw.at[0] != '"')
        return true;
    if (json_decode_string(raw, k->arena, &id, err))
        *caller = find(root, id);
    else if (err->kind == ERR_NO_MEMORY)
        return false;
    return true;
}

/* A call of a subgraph ("name:task") goes with the checkpoint of the root that it belongs to. */
static bool drop_call(struct keep *k, const struct keep_ns *root, struct keep_ns *space,
                      struct err *err)
{
    const struct keep_item *caller;

    if (!root || space->form != FORM_CHANNEL || space->ns.len == 0 ||
        !memchr(space->ns.at, ':', space->ns.len))
        return true;
    if (!find_caller(k, root, space, &caller, err))
        return false;
    if (!caller || caller->holds)
        return true;
    for (size_t i = 0; i < space->n; i++)
        space->items[i].holds = k->older_than_us && space->items[i].created_us >= k->older_than_us;
    space->dropped = k->older_than_us == 0;
    return true;
}

static struct keep_ns *find_root(struct keep_ns *spaces, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (spaces[i].ns.len == 0 && spaces[i].form == FORM_CHANNEL)
            return &spaces[i];
    return NULL;
}

bool keep_prune(struct keep *k, struct keep_ns *spaces, size_t n, struct err *err)
{
    struct keep_ns *root = find_root(spaces, n);

    for (size_t i = 0; i < n; i++)
        hold_newest(k, &spaces[i]);
    if (root && !hold_sends(k, root, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!drop_call(k, root, &spaces[i], err) ||
            (&spaces[i] != root && !hold_sends(k, &spaces[i], err)) ||
            !keep_held(k, &spaces[i], err))
            return false;
    return true;
}
