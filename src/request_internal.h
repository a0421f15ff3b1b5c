/*
 * request_internal.h - the struct behind request.h, for the server and response.c alone.
 *
 *     server: request_new() -> head -> body -> run -> answer -> request_unref()
 *
 * Threads    its loop's.
 * Ownership  refs counts the connection and the round of ops that is on lanes; at 0
 *            request_unref() gives everything back.
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
    REQUEST_FIRST = 4096, /* bytes of arena that a request brings along */
    BOX_FIRST = 1024,     /* and an op that has an arena of its own */
};

enum request_stage {
    REQUEST_HEAD,    /* the head is being read */
    REQUEST_BODY,    /* the body is being read, or discarded */
    REQUEST_WAITING, /* ops are on lanes */
    REQUEST_READY,   /* res is the answer, or its first page */
    REQUEST_SENDING,
};

/* An op with its own arena; the first op of a request uses the request's instead. */
struct op_box {
    struct op op;
    struct arena arena;
    struct op_box *next;
    _Alignas(16) char first[BOX_FIRST];
};

struct deferred {
    void (*fn)(void *);
    void *p;
    struct deferred *next;
};

struct request {
    struct server *server;
    struct service *service;
    struct MHD_Connection *connection; /* NULL when it is gone */
    struct peer *peer;
    struct request *next, *prev; /* in the list of suspended ones; next: of free ones */
    unsigned refs;
    enum request_stage stage;
    bool suspended;
    bool close; /* the connection ends with this answer */
    bool early; /* which was given before the body was read */

    struct slice method, target, path, query, traceparent;
    struct slice id; /* X-Request-Id */
    char own_id[40];
    int64_t started_ns, deadline_ns, now_us;
    struct route_match match;
    struct slice subject;

    char *body;
    size_t body_len, body_cap; /* cap is counted in body_total */
    uint64_t bytes_in;
    bool chunked, discard, is_frame;
    struct frame_reader frame;

    struct op *fresh_first, *fresh_last; /* submitted, not handed to the lanes */
    size_t n_fresh;
    struct op *round; /* handed over; by sibling */
    size_t pending;   /* of the round, not back */
    int64_t parked_ns;
    bool op_made; /* the request's arena is in use by an op */
    struct op_box *boxes, *old_boxes;

    route_finish_fn *finish;
    void *state;
    struct deferred *deferred;

    struct err err;       /* why the route is not run; kind is ERR_OK if it is */
    enum err_kind failed; /* what the answer says */
    struct slice failure; /* and its text, when the service is at fault */
    struct response res;
    struct arena page; /* of the page that is being sent, from the second on */
    size_t page_sent;
    uint64_t bytes_out;
    bool streamed, broken; /* broken: the stream cannot go on */

    struct arena arena;
    _Alignas(16) char first[REQUEST_FIRST];
};

/* A request with one reference and an empty arena. NULL: out of memory. */
struct request *request_new(struct server *s);

/* Gives back one reference; the one place where the memory of a request is given back. */
void request_unref(struct request *req);

/* Keeps for the log why the request fails. */
void request_note_failure(struct request *req, const struct err *err);

/* Frees the ops in a list of boxes. */
void request_free_boxes(struct op_box *box);

#endif
