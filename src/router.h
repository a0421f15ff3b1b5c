/*
 * router.h - from method and raw path to a route and its decoded parameters.
 *
 *     server -> router_match() -> struct route (routes/routes.c holds the table)
 *
 * Threads    a router is read-only after router_init: any.
 * Ownership  parameters live in the request's arena.
 * Units      none.
 * Errors     ERR_NOT_FOUND no such path, ERR_METHOD known path (allow is set), ERR_INVALID a segment
 *            that is no id.
 */
#ifndef ROUTER_H
#define ROUTER_H

#include "arena.h"
#include "err.h"

struct op;
struct request;
struct response;

enum { ROUTE_PARAMS_MAX = 4, ROUTE_ALLOW_LEN = 64 };

enum route_flags {
    ROUTE_FRAME = 1 << 0,   /* the body may be a frame */
    ROUTE_EACH_OP = 1 << 1, /* finish() looks at the status of each op itself */
    ROUTE_NO_BODY = 1 << 2, /* a body is read and ignored */
    ROUTE_MATCH = 1 << 3,   /* a change that If-Match guards */
    ROUTE_ABSENT = 1 << 4,  /* a change that If-None-Match: * guards */
};

/* Who may call (tokens come with authentication). */
enum route_scope { SCOPE_OPEN, SCOPE_READ, SCOPE_WRITE, SCOPE_ADMIN };

/*
 * Parses, validates and submits ops; never waits. False: err is answered. Without submitting
 * anything it is followed by finish(op = NULL) at once.
 */
typedef bool route_start_fn(struct request *req, struct err *err);

/*
 * Writes the answer from the finished ops (op is the first of them, then op->sibling). Submitting
 * further ops from here (request_then) postpones the answer until they are done. False: err is
 * answered instead of what was written.
 */
typedef bool route_finish_fn(struct request *req, struct op *op, struct response *res,
                             struct err *err);

struct route {
    const char *method;
    const char *path;      /* "/sessions/{id}/context" */
    const char *name;      /* operationId; "operation" in logs and metrics */
    route_start_fn *start; /* NULL: finish alone answers */
    route_finish_fn *finish;
    enum route_scope scope;
    unsigned flags;
};

struct route_match {
    const struct route *route;
    struct slice names[ROUTE_PARAMS_MAX]; /* "id" */
    struct slice values[ROUTE_PARAMS_MAX];
    size_t n;
    char allow[ROUTE_ALLOW_LEN]; /* "GET, HEAD, PATCH": set with ERR_METHOD */
};

struct router {
    const struct route *routes; /* literal segments win over parameters whatever the order */
    size_t n;
};

/* Finds the route. path is raw, without query. HEAD is matched as GET. */
bool router_match(const struct router *r, struct slice method, struct slice path,
                  struct arena *arena, struct route_match *out, struct err *err) MUST_USE;

#endif
