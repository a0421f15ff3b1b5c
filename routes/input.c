/* input.c - see input.h. */
#include "input.h"

#include "id.h"
#include "parse.h"

struct ns_query {
    struct slice ns;
};

static const struct member ns_members[] = {
    MEMBER(struct ns_query, ns, MEMBER_STRING),
    MEMBER_END,
};

bool input_length(struct slice text, size_t max, const char *at, const char *member,
                  struct err *err)
{
    if (text.len >= 1 && text.len <= max)
        return true;
    return err_set(err, ERR_INVALID, "%s/%s: must be 1 to %zu bytes", at, member, max);
}

bool input_version(struct slice json, const char *at, struct err *err)
{
    char first = *json.at;

    if (first != '"' && first != '-' && (first < '0' || first > '9'))
        return err_set(err, ERR_INVALID, "%s: must be a number or a string", at);
    if (json.len > INPUT_VERSION_MAX)
        return err_set(err, ERR_INVALID, "%s: must be at most %d bytes of JSON", at,
                       INPUT_VERSION_MAX);
    return true;
}

bool input_ns_check(struct slice ns, const char *at, struct err *err)
{
    return id_check_ns(ns, err) || body_at(at, err);
}

bool input_ns(struct request *req, struct slice *ns, struct err *err)
{
    struct ns_query in = {SLICE("")};

    if (!parse_query(req, ns_members, &in, err) || !input_ns_check(in.ns, "?ns", err))
        return false;
    *ns = in.ns;
    return true;
}
