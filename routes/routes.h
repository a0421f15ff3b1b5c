/*
 * routes.h - the table of all routes, and the two halves of each.
 *
 * Each resource has a file. start(): parse -> validate -> submit. finish(): respond. See the comment
 * at the head of each file for bodies, answers and errors; openapi/openapi.yaml is the contract.
 *
 * Threads    the request's loop.
 * Ownership  everything belongs to the request.
 * Units      as in op.h.
 * Errors     start and finish fill err; response_error() answers it.
 */
#ifndef ROUTES_H
#define ROUTES_H

#include "request.h"
#include "response.h"
#include "router.h"

/* Makes the router of all routes, in the order of openapi.yaml. */
struct router routes_table(void);

/* For routes with ROUTE_EACH_OP: whether the op succeeded; if not, *err is its status. */
bool routes_op_ok(const struct op *op, struct err *err) MUST_USE;

/* Declares the two halves of a route. */
#define ROUTE(name)              \
    route_start_fn name##_start; \
    route_finish_fn name##_finish

/* sessions.c, sessions_batch.c */
ROUTE(session_create);
ROUTE(session_put);
ROUTE(session_get);
ROUTE(session_list);
ROUTE(session_patch);
ROUTE(session_end);
ROUTE(session_delete);
ROUTE(session_batch_create);
ROUTE(session_batch_get);

/* contexts.c */
ROUTE(context_put);
ROUTE(context_get);
ROUTE(context_versions);

/* conversations.c */
ROUTE(message_append);
ROUTE(message_list);
ROUTE(message_trim);

/* checkpoints.c, checkpoint_list.c */
ROUTE(checkpoint_put);
ROUTE(checkpoint_get);
ROUTE(checkpoint_latest);
ROUTE(checkpoint_list);
ROUTE(checkpoint_query);

/* writes.c */
ROUTE(writes_put);
ROUTE(writes_get);

/* threads.c */
ROUTE(thread_list);
ROUTE(thread_get);
ROUTE(thread_delete);
ROUTE(thread_copy);

/* maintenance.c */
ROUTE(cleanup);
ROUTE(prune);
ROUTE(delete_runs);

/* reports.c */
route_finish_fn health_finish;
route_finish_fn health_live_finish;
route_finish_fn health_ready_finish;
route_finish_fn health_startup_finish;
route_finish_fn metrics_finish;
ROUTE(stats);
route_finish_fn openapi_finish;
route_finish_fn docs_finish;

#endif
