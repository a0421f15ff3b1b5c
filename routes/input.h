/*
 * input.h - checks that several routes share.
 *
 *     route start() -> parse_*() -> input_*() on what they found
 *
 * Threads    no state.
 * Ownership  results point into the request.
 * Units      lengths are bytes.
 * Errors     ERR_INVALID "pointer: what is wrong", ERR_NO_MEMORY.
 */
#ifndef INPUT_H
#define INPUT_H

#include "bytes.h"
#include "err.h"

struct request;

enum {
    INPUT_CHANNEL_MAX = 512,
    INPUT_TYPE_MAX = 128,
    INPUT_VERSION_MAX = 512, /* of JSON text */
};

/* Checks a text of 1..max bytes; `member` belongs to the object at the pointer `at`. */
bool input_length(struct slice text, size_t max, const char *at, const char *member,
                  struct err *err) MUST_USE;

/* Checks the JSON text of a channel's version: a number or a string, not too long. */
bool input_version(struct slice json, const char *at, struct err *err) MUST_USE;

/* Checks a namespace. */
bool input_ns_check(struct slice ns, const char *at, struct err *err) MUST_USE;

/* Reads the namespace of a request whose only query parameter is ns; "" if it is absent. */
bool input_ns(struct request *req, struct slice *ns, struct err *err) MUST_USE;

#endif
