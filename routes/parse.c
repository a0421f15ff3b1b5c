/* parse.c - see parse.h. */
#include "parse.h"

#include <stdio.h>

#include "id.h"
#include "json.h"
#include "split.h"

bool parse_body(struct request *req, const struct member *members, void *out, struct err *err)
{
    return body_read(request_body(req), members, out, request_arena(req), err);
}

bool parse_query(struct request *req, const struct member *members, void *out, struct err *err)
{
    return query_read(request_query(req), members, out, request_arena(req), err);
}

bool parse_no_query(struct request *req, struct err *err)
{
    static const struct member none[] = {MEMBER_END};
    char nothing;

    return parse_query(req, none, &nothing, err);
}

bool parse_elements(struct request *req, const struct parse_array *in, struct slice **elements,
                    size_t *n, struct err *err)
{
    struct slice *found;
    size_t count;

    if (!split_elements(in->json, request_arena(req), &found, &count, err))
        return false;
    if (count < in->min || count > PARSE_ARRAY_MAX)
        return err_set(err, ERR_INVALID, "%s: must have %zu to %d elements", in->at, in->min,
                       PARSE_ARRAY_MAX);
    *elements = found;
    *n = count;
    return true;
}

static bool decode_string(struct request *req, const struct parse_array *in, struct slice *element,
                          struct err *err)
{
    if (element->at[0] != '"')
        return err_set(err, ERR_INVALID, "must be a string");
    return json_decode_string(*element, request_arena(req), element, err) &&
           (!in->ids || id_check(*element, err));
}

bool parse_strings(struct request *req, const struct parse_array *in, struct slice **strings,
                   size_t *n, struct err *err)
{
    struct slice *found;
    size_t count;

    if (!parse_elements(req, in, &found, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!decode_string(req, in, &found[i], err))
            return err_set(err, err->kind, "%s/%zu: %s", in->at, i, err->text);
    }
    *strings = found;
    *n = count;
    return true;
}

void parse_pointer(char out[PARSE_POINTER_LEN], const char *at, size_t i)
{
    snprintf(out, PARSE_POINTER_LEN, "%s/%zu", at, i);
}
