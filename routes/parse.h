/*
 * parse.h - the parse step that routes share: body, query, arrays.
 *
 *     route start() -> parse_*() -> body.h, split.h
 *
 * Threads    the request's loop.
 * Ownership  results live in the request's arena or point into the request.
 * Units      none.
 * Errors     ERR_INVALID with the pointer in front ("/messages/3: ..."), ERR_NO_MEMORY.
 */
#ifndef PARSE_H
#define PARSE_H

#include "body.h"
#include "request.h"

enum { PARSE_ARRAY_MAX = 1000, PARSE_POINTER_LEN = 48 };

/* Reads the body of the request by a table of members. */
bool parse_body(struct request *req, const struct member *members, void *out,
                struct err *err) MUST_USE;

/* Reads the query of the request by a table of members. */
bool parse_query(struct request *req, const struct member *members, void *out,
                 struct err *err) MUST_USE;

/* Refuses every query parameter. */
bool parse_no_query(struct request *req, struct err *err) MUST_USE;

/* An array that parse_body() found. */
struct parse_array {
    struct slice json;
    const char *at; /* its JSON pointer, "/messages" */
    size_t min;     /* fewest elements; the most are PARSE_ARRAY_MAX */
    bool ids;       /* parse_strings(): each is checked as an id */
};

/* Lists the elements of an array. */
bool parse_elements(struct request *req, const struct parse_array *in, struct slice **elements,
                    size_t *n, struct err *err) MUST_USE;

/* Lists the elements, decoded; each must be a string. */
bool parse_strings(struct request *req, const struct parse_array *in, struct slice **strings,
                   size_t *n, struct err *err) MUST_USE;

/* Writes the pointer to an element, "/messages/3". */
void parse_pointer(char out[PARSE_POINTER_LEN], const char *at, size_t i);

#endif
