/*
 * request_internal.h - the struct behind request.h, for the server and response.c alone.
 *
 *     server: request_new() -> head -> body -> run -> answer -> request_unref()
 *
 * Threads    its loop's.
 * Ownership  refs counts the connection and the round of ops that is on lanes; when it is 0
 *            request_unref() frees everything.
 * Units      as request.h.
 * Errors     request_new: NULL when memory ends.
 */
#ifndef REQUEST_INTERNAL_H
#define REQUEST_INTERNAL_H

#include "request.h"
#include "response.h"

struct MHD_Connection;
struct peer;
struct server;

enum {
    REQUEST_FIRST = 4096, /* bytes of arena inside a request */
    BOX_FIRST = 1024,     /* bytes inside an op that has its own arena */
};

enum request_stage {
    REQUEST_HEAD,    /* the head is being read */
    REQUEST_BODY,    /* the body is being read, or discarded */
    REQUEST_WAITING, /* ops are on lanes */
    REQUEST_READY,   /* res is the answer, or its first page */
    REQUEST_SENDING,
};

/* An op with its own arena. The request's arena serves one op only, the first. */
struct op_box {
    struct op op;
    struct arena arena;
    struct op_box *next;
    _Alignas(16) char first[BOX_FIRST];
};

struct request {
    struct server *server;
    struct service *service;
    struct MHD_Connection *connection; /* NULL once it is closed */
    struct peer *peer;
    /* In the list of suspended requests; next: also in that of free ones. */
    struct request *next, *prev;
    unsigned refs;
    enum request_stage stage;
    bool suspended;
    bool close; /* the connection ends after this answer */
    bool early; /* the answer was given before the body was read */
    bool alone; /* it was sent without the memory of the connection */

    struct slice method, target, path, query, traceparent;
    struct slice id; /* X-Request-Id */
    char own_id[40];
    int64_t started_ns, deadline_ns, now_us;
    size_t head_size;
    struct route_match match;
    struct slice subject;

    char *body;
    size_t body_len, body_cap; /* body_cap is what counts in body_total, */
    size_t held;               /* and what request_hold() has added */
    size_t body_most;          /* the length that was announced, or max_body */
    uint64_t bytes_in;
    bool chunked, discard, is_frame;
    struct frame_reader frame;

    struct op *fresh_first, *fresh_last; /* submitted, not yet handed to the lanes */
    size_t n_fresh;
    struct op *round; /* handed over; linked by sibling */
    size_t pending;   /* ops of the round that are not back */
    int64_t parked_ns;
    bool op_made; /* the request's arena is in use by an op */
    struct op_box *boxes, *old_boxes;

    route_finish_fn *finish;
    void *state;

    struct err err;       /* why the route is not run; ERR_OK if it is */
    enum err_kind failed; /* the error kind of the answer */
    struct slice failure; /* its text, when the service is at fault */
    struct response res;
    struct arena page;          /* of the page that is being sent, from the second page on */
    struct allowance allowance; /* of all its arenas, if the route reads */
    size_t page_sent;
    uint64_t bytes_out;
    bool streamed, broken; /* broken: the stream cannot go on */

    struct arena arena;
    _Alignas(16) char first[REQUEST_FIRST];
};

/* A request with one reference and an empty arena. NULL when memory runs out. */
struct request *request_new(struct server *s);

/* Drops one reference; the last one frees the request. Nothing else frees its memory. */
void request_unref(struct request *req);

/* Keeps the reason of a failure for the log line. */
void request_note_failure(struct request *req, const struct err *err);

/* Frees the ops of a list of boxes. */
void request_free_boxes(struct op_box *box);

#endif
