/*
 * lines.h - is the head of a request what libmicrohttpd makes of it?
 *
 *     server_head -> lines_begin() -> lines_header() for each header, in order -> lines_end()
 *
 * libmicrohttpd gives texts that end at the first NUL, whoever put it there, and drops what a folded
 * line holds. What another server on the way has seen may then be another request. It has ended the
 * texts within the bytes that it read, so each must begin where the one before ends: one NUL behind
 * method, target and name of a header, two (CR LF) at the end of a line.
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

/* The first line of a request, as libmicrohttpd has cut it. */
struct lines_first {
    const char *method, *target, *version;
};

struct lines {
    const char *next;  /* where the next line must begin */
    const char *wrong; /* what is wrong with the head; NULL while nothing is */
};

/* Begins with the first line; `target` is what its target was before anybody changed it. */
struct lines lines_begin(const struct lines_first *first, struct slice target);

/* A header. */
void lines_header(struct lines *l, struct slice name, struct slice value);

/* The end of the head, behind its empty line. */
bool lines_end(const struct lines *l, const char *end, struct err *err) MUST_USE;

#endif
