/*
 * request.h - one request, from its first byte to its last, as routes see it.
 *
 *     server makes it -> route start() reads it and submits ops -> route finish() -> response
 *
 * References are held by its connection and by its ops on lanes; request_unref() is the only place that
 * frees its memory.
 *
 * Threads    its loop's. A lane touches only the ops.
 * Ownership  everything lives in its arena; an op may have one of its own, which goes with the request
 *            at the latest.
 * Units      *_ns monotonic, *_us wall.
 * Errors     named at each function.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include "arena.h"
#include "op.h"
#include "router.h"

struct request;
struct service;

/* A decoded path parameter; absent if the route has none of this name. */
struct slice request_param(const struct request *req, const char *name);

/* The JSON text of the body, or of a frame; not validated. Absent when there is no body. */
struct slice request_body(const struct request *req);

/* The raw bytes behind the JSON of a frame; NULL when the body is plain JSON. */
struct frame_reader *request_frame(struct request *req);

/* Whether to answer with a frame: Accept names it and does not prefer JSON. */
bool request_wants_frame(struct request *req);

/* The query string, raw; empty when there is none. */
struct slice request_query(const struct request *req);

/* The value of a header; absent if not sent. Lookup ignores case. */
struct slice request_header(const struct request *req, const char *name);

/* The arena of the request. */
struct arena *request_arena(struct request *req);

/* Counts memory that the request takes beside its body in body_total, until it ends. ERR_OVERLOADED. */
bool request_hold(struct request *req, size_t bytes, struct err *err) MUST_USE;

/* What all requests share: configuration, monitor, metrics. */
struct service *request_service(const struct request *req);

/* The tenant of the caller. */
struct slice request_tenant(const struct request *req);

/* Wall time at which the request arrived. */
int64_t request_now_us(const struct request *req);

/* Names the session or thread for the log line. Path parameters "id" and "t" do so by themselves. */
void request_subject(struct request *req, struct slice id);

/*
 * A new op of this request with type, tenant, id, times, deadline and stamp set, the rest zero. It uses
 * the request's arena if no other op does, else one of its own. NULL: ERR_NO_MEMORY.
 */
struct op *request_op(struct request *req, enum op_type type, struct slice id,
                      struct err *err) MUST_USE;

/* Submits an op; finish() runs when every submitted op is back. ERR_TOO_LARGE: more than
 * queue_max of one request. */
bool request_submit(struct request *req, struct op *op, struct err *err) MUST_USE;

/* For a finish() that runs many times: frees the ops so far and their memory, except for the first
 * op's. The ops that follow get a full request timeout. */
void request_go_on(struct request *req);

/* Sets the finish half for the ops that are submitted from now on. */
void request_then(struct request *req, route_finish_fn *finish);

/* Stores what a route keeps between its halves; it lives in the arena. */
void request_set_state(struct request *req, void *state);

/* What request_set_state() has stored, or NULL. */
void *request_state(const struct request *req);

/*
 * Reads If-Match: IF_NONE if not sent, IF_EXISTS for "*", else the version. ERR_INVALID when it is not a
 * quoted version.
 */
bool request_if_match(const struct request *req, int64_t *version, struct err *err) MUST_USE;

/*
 * Reads If-None-Match of a change: *absent is set if it is "*", so the record must not exist. ERR_INVALID
 * when it is anything else.
 */
bool request_if_absent(const struct request *req, bool *absent, struct err *err) MUST_USE;

/* Whether If-None-Match names this version, so that the answer is 304. */
bool request_not_modified(struct request *req, int64_t version);

/* Fills an op->repeat for a session from Idempotency-Key and the body. ERR_INVALID: the key is no id. */
bool request_repeat(const struct request *req, struct slice session_id, struct op_repeat *out,
                    struct err *err) MUST_USE;

#endif
