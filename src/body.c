/* body.c - see body.h. */
#include "body.h"

#include <assert.h>

#include "body_internal.h"
#include "id.h"
#include "json.h"
#include "names.h"
#include "split.h"

const struct member *member_find(const struct member *members, struct slice name, size_t *index)
{
    for (size_t i = 0; members[i].name; i++) {
        assert(i < MEMBERS_MAX);
        if (split_name_is(name, members[i].name)) {
            *index = i;
            return &members[i];
        }
    }
    return NULL;
}

const struct member *member_missing(const struct member *members, uint64_t seen)
{
    for (size_t i = 0; members[i].name; i++)
        if ((members[i].flags & MEMBER_REQUIRED) && !(seen >> i & 1))
            return &members[i];
    return NULL;
}

static void *field(const struct member *m, void *out)
{
    return (char *)out + m->offset;
}

static bool in_range(const struct member *m, double n)
{
    return (m->min == 0 && m->max == 0) || (n >= (double)m->min && n <= (double)m->max);
}

static bool out_of_range(const struct member *m, const char *what, bool below, struct err *err)
{
    if (below && m->max == INT64_MAX)
        return err_set(err, ERR_INVALID, "must be %s, %lld or more", what, (long long)m->min);
    return err_set(err, ERR_INVALID, "must be %s from %lld to %lld", what, (long long)m->min,
                   (long long)m->max);
}

static bool read_int(const struct member *m, struct slice json, int64_t *out, struct err *err)
{
    int64_t n;

    if (json.at[0] != '-' && (json.at[0] < '0' || json.at[0] > '9'))
        return err_set(err, ERR_INVALID, "must be an integer");
    if (!json_decode_int(json, &n, err))
        return false;
    if (!(m->min == 0 && m->max == 0) && (n < m->min || n > m->max))
        return out_of_range(m, "an integer", n < m->min, err);
    *out = n;
    return true;
}

static bool read_number(const struct member *m, struct slice json, double *out, struct err *err)
{
    double n;

    if (json.at[0] != '-' && (json.at[0] < '0' || json.at[0] > '9'))
        return err_set(err, ERR_INVALID, "must be a number");
    if (!json_decode_double(json, &n, err))
        return false;
    if (!in_range(m, n))
        return out_of_range(m, "a number", n < (double)m->min, err);
    *out = n;
    return true;
}

static bool read_bool(struct slice json, bool *out, struct err *err)
{
    if (json.at[0] != 't' && json.at[0] != 'f')
        return err_set(err, ERR_INVALID, "must be true or false");
    *out = json.at[0] == 't';
    return true;
}

static bool read_raw(struct slice json, char first, const char *what, struct slice *out,
                     struct err *err)
{
    if (first && json.at[0] != first)
        return err_set(err, ERR_INVALID, "must be %s", what);
    *out = json;
    return true;
}

bool member_from_text(const struct member *m, struct slice text, void *out, struct err *err)
{
    switch (m->flags & MEMBER_TYPE_MASK) {
    case MEMBER_TIME:
        return json_parse_time(text, field(m, out), err);
    case MEMBER_ID:
        if (!id_check(text, err))
            return false;
        break;
    default:
        break;
    }
    memcpy(field(m, out), &text, sizeof(text));
    return true;
}

static bool read_string(const struct member *m, struct slice json, void *out, struct arena *arena,
                        struct err *err)
{
    struct slice text;

    if (json.at[0] != '"')
        return err_set(err, ERR_INVALID, "must be a string");
    return json_decode_string(json, arena, &text, err) && member_from_text(m, text, out, err);
}

bool member_from_json(const struct member *m, struct slice json, void *out, struct arena *arena,
                      struct err *err)
{
    switch (m->flags & MEMBER_TYPE_MASK) {
    case MEMBER_OBJECT:
        return read_raw(json, '{', "an object", field(m, out), err);
    case MEMBER_ARRAY:
        return read_raw(json, '[', "an array", field(m, out), err);
    case MEMBER_ANY:
        return read_raw(json, 0, NULL, field(m, out), err);
    case MEMBER_BOOL:
        return read_bool(json, field(m, out), err);
    case MEMBER_INT:
        return read_int(m, json, field(m, out), err);
    case MEMBER_NUMBER:
        return read_number(m, json, field(m, out), err);
    default:
        return read_string(m, json, out, arena, err);
    }
}

bool body_at(const char *at, struct err *err)
{
    bool deeper = *at == '/' && *err->text == '/';

    if (err->kind == ERR_INVALID)
        err_fill(err, ERR_INVALID, "%s%s%s", at, deeper ? "" : ": ", err->text);
    return false;
}

/* Puts the pointer to a member of the object at `at` before the text of an ERR_INVALID. */
static bool wrong_at(const char *at, struct slice name, struct arena *arena, struct err *err)
{
    char pointer[NAMES_POINTER_LEN];

    if (err->kind != ERR_INVALID)
        return false;
    names_pointer(name, arena, pointer);
    return err_set(err, ERR_INVALID, "%s/%s: %s", at, pointer, err->text);
}

static bool read_members(const struct split_member *parts, size_t n, const char *at,
                         const struct member *members, void *out, struct arena *arena,
                         struct err *err)
{
    const struct member *missing;
    uint64_t seen = 0;

    for (size_t i = 0; i < n; i++) {
        size_t index = 0;
        const struct member *m = member_find(members, parts[i].name, &index);

        if (!m) {
            err_fill(err, ERR_INVALID, "there is no such member");
            return wrong_at(at, parts[i].name, arena, err);
        }
        if (parts[i].value.at[0] == 'n' && (m->flags & MEMBER_TYPE_MASK) != MEMBER_ANY)
            continue;
        if (!member_from_json(m, parts[i].value, out, arena, err))
            return wrong_at(at, slice_of(m->name), arena, err);
        seen |= UINT64_C(1) << index;
    }
    missing = member_missing(members, seen);
    if (missing)
        return err_set(err, ERR_INVALID, "%s/%s: is needed", at, missing->name);
    return true;
}

/* Whether text begins as an object; if not, tells other JSON from invalid JSON. */
static bool check_object(struct slice text, struct err *err)
{
    struct slice value;
    size_t at = 0;

    while (at < text.len && strchr(" \t\r\n", text.at[at]))
        at++;
    if (at < text.len && text.at[at] == '{')
        return true;
    return split_check(text, &value, err) &&
           err_set(err, ERR_INVALID, "the body must be a JSON object");
}

bool body_read(struct slice text, const struct member *members, void *out, struct arena *arena,
               struct err *err)
{
    struct split_member *parts;
    size_t n;

    if (text.len == 0)
        return err_set(err, ERR_INVALID, "a JSON body is needed");
    return check_object(text, err) && split_object(text, arena, &parts, &n, err) &&
           read_members(parts, n, "", members, out, arena, err);
}

bool body_read_part(struct slice json, const char *at, const struct member *members, void *out,
                    struct arena *arena, struct err *err)
{
    struct split_member *parts;
    size_t n;

    if (!split_members(json, arena, &parts, &n, err))
        return body_at(at, err);
    return read_members(parts, n, at, members, out, arena, err);
}
