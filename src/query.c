/* query.c - query_read() of body.h. */
#include "body_internal.h"
#include "id.h"
#include "names.h"
#include "split.h"

/* Cuts what precedes the first `end`, and `end` itself, off the front of *rest. */
static struct slice cut(struct slice *rest, char end)
{
    const char *at = rest->len ? memchr(rest->at, end, rest->len) : NULL;
    struct slice part = {rest->at, at ? (size_t)(at - rest->at) : rest->len};
    size_t used = at ? part.len + 1 : part.len;

    *rest = (struct slice){rest->at + used, rest->len - used};
    return part;
}

static bool is_text(const struct member *m)
{
    unsigned type = m->flags & MEMBER_TYPE_MASK;

    return type == MEMBER_STRING || type == MEMBER_ID || type == MEMBER_TIME;
}

/* Stricter than JSON: no blanks except in objects, and integers as digits only. */
static bool is_plain(const struct member *m, struct slice value)
{
    unsigned type = m->flags & MEMBER_TYPE_MASK;

    for (size_t i = 0; i < value.len && type != MEMBER_OBJECT; i++)
        if (strchr(type == MEMBER_INT ? " \t\r\n.eE" : " \t\r\n", value.at[i]))
            return false;
    return true;
}

/* Replaces "not JSON" by what a number or a boolean must look like. */
static bool refuse_type(const struct member *m, struct err *err)
{
    switch (m->flags & MEMBER_TYPE_MASK) {
    case MEMBER_BOOL:
        return err_set(err, ERR_INVALID, "must be true or false");
    case MEMBER_INT:
        return err_set(err, ERR_INVALID, "must be an integer");
    case MEMBER_NUMBER:
        return err_set(err, ERR_INVALID, "must be a number");
    default:
        return false;
    }
}

static bool read_value(const struct member *m, struct slice value, void *out, struct arena *arena,
                       struct err *err)
{
    struct slice json;

    if (!id_is_utf8(value))
        return err_set(err, ERR_INVALID, "is not UTF-8");
    if (is_text(m))
        return member_from_text(m, value, out, err);
    if (!split_check(value, &json, err))
        return err->kind == ERR_INVALID ? refuse_type(m, err) : false;
    if (!is_plain(m, value))
        return err_set(err, ERR_INVALID,
                       "must be written without blanks, an integer with digits only");
    return member_from_json(m, json, out, arena, err);
}

static bool unknown(struct slice raw, struct err *err)
{
    return err_set(err, ERR_INVALID, "?%.*s: there is no such query parameter",
                   SLICE_ARGS(names_shown(raw)));
}

static bool read_one(struct slice part, const struct member *members, uint64_t *seen, void *out,
                     struct arena *arena, struct err *err)
{
    struct slice raw_name = cut(&part, '='), name, value;
    const struct member *m;
    size_t index = 0;

    if (!id_percent_decode(raw_name, true, arena, &name, err))
        return err->kind == ERR_INVALID ? unknown(raw_name, err) : false;
    /* member_find() expects the inside of a JSON string, in which a backslash begins an escape. */
    m = memchr(name.at, '\\', name.len) ? NULL : member_find(members, name, &index);
    if (!m)
        return unknown(raw_name, err);
    if (*seen >> index & 1)
        return err_set(err, ERR_INVALID, "?%s: is given more than once", m->name);
    *seen |= UINT64_C(1) << index;
    if (id_percent_decode(part, true, arena, &value, err) && read_value(m, value, out, arena, err))
        return true;
    return err->kind == ERR_INVALID ? err_set(err, ERR_INVALID, "?%s: %s", m->name, err->text)
                                    : false;
}

bool query_read(struct slice query, const struct member *members, void *out, struct arena *arena,
                struct err *err)
{
    const struct member *missing;
    uint64_t seen = 0;

    while (query.len > 0) {
        struct slice part = cut(&query, '&');

        if (part.len > 0 && !read_one(part, members, &seen, out, arena, err))
            return false;
    }
    missing = member_missing(members, seen);
    if (missing)
        return err_set(err, ERR_INVALID, "?%s: is needed", missing->name);
    return true;
}
