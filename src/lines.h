/*
 * lines.h - checks that libmicrohttpd has understood the head of a request as it was sent.
 *
 *     server_head -> lines_begin() -> lines_header() for each header, in order -> lines_end()
 *
 * libmicrohttpd hands out NUL-terminated texts, so a NUL that the client sent cuts one short, and it drops
 * the content of folded lines. Another server on the way may have seen a different request. The texts lie
 * in the buffer that was read, each terminated in place; so each must begin where the previous one ends:
 * after one NUL behind method, target and header name, after two (in place of CR LF) at the end of a line.
 *
 * Threads    no state.
 * Ownership  looks into the memory of the connection, which must stay while the struct is used.
 * Units      bytes.
 * Errors     ERR_INVALID.
 */
#ifndef LINES_H
#define LINES_H

#include "bytes.h"
#include "err.h"

/* The parts of the request line, as libmicrohttpd has cut it. */
struct lines_first {
    const char *method, *target, *version;
};

struct lines {
    const char *next;  /* where the next line must begin */
    const char *wrong; /* what is wrong with the head; NULL while nothing is */
};

/* Begins with the request line; `target` is the target as it was before anybody changed it. */
struct lines lines_begin(const struct lines_first *first, struct slice target);

/* Checks the next header. */
void lines_header(struct lines *l, struct slice name, struct slice value);

/* Checks the end of the head, which is behind its empty line. */
bool lines_end(const struct lines *l, const char *end, struct err *err) MUST_USE;

#endif
