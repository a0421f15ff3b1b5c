/*
 * request.h - one request, from its first byte to its last.
 *
 *     server makes it -> route start() reads it and submits ops -> route finish() -> response
 *
 * Counted by its connection and by each op on a lane; request_unref() is the one place that gives
 * its memory back.
 *
 * Threads    its loop's. A lane touches only the ops.
 * Ownership  everything lives in its arena; foreign objects are tied to it by request_defer().
 * Units      *_ns monotonic, *_us wall.
 * Errors     as documented; request_submit: ERR_OVERLOADED.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include "arena.h"
#include "op.h"
#include "router.h"

struct request;
struct service;

/* A decoded path parameter; absent if the route has none of that name. */
struct slice request_param(const struct request *req, const char *name);

/* The JSON text of the body (of a frame: its JSON). Absent when there is none. Not validated. */
struct slice request_body(const struct request *req);

/* The raw bytes behind the JSON of a frame; NULL when the body is plain JSON. */
struct frame_reader *request_frame(struct request *req);

/* Whether the answer shall be a frame (Accept names it and does not want JSON more). */
bool request_wants_frame(struct request *req);

/* The query string, raw; empty when there is none. */
struct slice request_query(const struct request *req);

/* A header's value; absent if not sent. Lookup ignores case. */
struct slice request_header(const struct request *req, const char *name);

/* The arena of the request. */
struct arena *request_arena(struct request *req);

/* What all requests share: configuration, monitor, metrics. */
struct service *request_service(const struct request *req);

/* The tenant of the caller. */
struct slice request_tenant(const struct request *req);

/* Wall time at which the request arrived. */
int64_t request_now_us(const struct request *req);

/* Names the session or thread for the log line; path parameters "id" and "t" do so by themselves. */
void request_subject(struct request *req, struct slice id);

/*
 * A new op of this request with type, tenant, id, times, deadline and stamp set, the rest zero. Each
 * has an arena of its own or the request's, as is safe. NULL: ERR_NO_MEMORY.
 */
struct op *request_op(struct request *req, enum op_type type, struct slice id,
                      struct err *err) MUST_USE;

/* Sends an op on its way; finish() runs when every submitted op is back. ERR_OVERLOADED. */
bool request_submit(struct request *req, struct op *op, struct err *err) MUST_USE;

/* Of a finish() that goes on and on: the ops so far are not needed any more, and their memory is given
 * back, but for that of the first; those to come have as much time as a request has. */
void request_go_on(struct request *req);

/* The finish half for what is submitted from now on. */
void request_then(struct request *req, route_finish_fn *finish);

/* State that a route keeps between its halves; lives in the arena. */
void request_set_state(struct request *req, void *state);

/* What request_set_state() was given, or NULL. */
void *request_state(const struct request *req);

/* Runs fn(p) when the request's memory is given back. ERR_NO_MEMORY: fn has been run already. */
bool request_defer(struct request *req, void (*fn)(void *), void *p, struct err *err) MUST_USE;

/*
 * If-Match of the request: IF_NONE, IF_EXISTS for "*", or the version. ERR_INVALID when it is not
 * a quoted version.
 */
bool request_if_match(const struct request *req, int64_t *version, struct err *err) MUST_USE;

/*
 * If-None-Match of a change: whether it is "*", so that the record must be absent. ERR_INVALID when
 * it is anything else.
 */
bool request_if_absent(const struct request *req, bool *absent, struct err *err) MUST_USE;

/* Whether If-None-Match names this version: answer 304. */
bool request_not_modified(struct request *req, int64_t version);

/* Fills op->repeat from Idempotency-Key and the body, for a session. ERR_INVALID: not an id. */
bool request_repeat(const struct request *req, struct slice session_id, struct op_repeat *out,
                    struct err *err) MUST_USE;

#endif
