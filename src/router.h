/*
 * router.h - maps method and raw path to a route and its decoded parameters.
 *
 *     server -> router_match() -> struct route (routes/routes.c holds the table)
 *
 * Threads    a router is read-only: any.
 * Ownership  parameters live in the request's arena.
 * Units      none.
 * Errors     ERR_NOT_FOUND: no such path. ERR_METHOD: known path (allow is set). ERR_INVALID: a
 *            segment is no id.
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
    ROUTE_MATCH = 1 << 3,   /* a change that supports If-Match */
    ROUTE_ABSENT = 1 << 4,  /* a change that supports If-None-Match: * */
    ROUTE_NO_KEY = 1 << 5, /* a repeat is a change of its own, and Idempotency-Key would not help */
    ROUTE_PROBE = 1 << 6,  /* 503 is one of its answers, and no failure */
};

/* Who may call a route. Not enforced yet: there is no authentication. */
enum route_scope { SCOPE_OPEN, SCOPE_READ, SCOPE_WRITE, SCOPE_ADMIN };

/*
 * Parses, validates and submits ops; never waits. False: answers with err. If it submits nothing, finish()
 * is called at once, with op = NULL.
 */
typedef bool route_start_fn(struct request *req, struct err *err);

/*
 * Writes the answer from the finished ops (op is the first of them, then op->sibling). If it submits
 * further ops (request_then), the answer waits until they are done. False: answers with err instead of
 * what was written.
 */
typedef bool route_finish_fn(struct request *req, struct op *op, struct response *res,
                             struct err *err);

struct route {
    const char *method;
    const char *path;      /* "/sessions/{id}/context" */
    const char *name;      /* operationId of OpenAPI; "operation" in logs and metrics */
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
    const struct route *routes; /* in any order: literal segments win over parameters */
    size_t n;
};

/* Finds the route. path is raw, without the query. HEAD is matched as GET. */
bool router_match(const struct router *r, struct slice method, struct slice path,
                  struct arena *arena, struct route_match *out, struct err *err) MUST_USE;

#endif
