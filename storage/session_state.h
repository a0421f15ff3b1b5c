/*
 * session_state.h - the state of one session id, and the rules by which it changes; calls no store.
 *
 *     driver: reads it into the row that it keeps -> session_state_put() | _patch() | _merge()
 *             -> writes the row back
 *
 * The session is alive iff gen > tomb. Without one (gen = 0) an id may still hold messages and contexts: it
 * is an anchor then. An id that holds nothing and only remembers its deletion is hollow. What is past
 * session_ttl may still be stored; callers treat it as absent.
 *
 * Threads    plain data.
 * Ownership  texts live in the arena of the op, or are borrowed from it.
 * Units      *_us wall microseconds; ttl_us 0 = nothing expires; stamps as in clock.h.
 * Errors     named at each function.
 */
#ifndef SESSION_STATE_H
#define SESSION_STATE_H

#include "op.h"

struct session_state {
    bool stored; /* false: nothing is known of this id, and the rest is 0 */
    bool hollow;
    bool user_changed; /* user_id differs from what was read */
    struct slice session_id;
    int64_t gen, tomb, active_us;
    int64_t last_seq, last_context, version; /* the highest ever given */
    int64_t request_count, error_count;
    double processing_time; /* seconds */
    int64_t created_us, updated_us;
    int64_t user_stamp, status_stamp, metadata_stamp;
    struct slice user_id, status, metadata; /* metadata: absent stands for {} */
};

/* Whether the id holds something, and that has expired. */
bool session_state_expired(const struct session_state *s, int64_t ttl_us, int64_t now_us) MUST_USE;

/* Whether readers see a session. */
bool session_state_live(const struct session_state *s, int64_t ttl_us, int64_t now_us) MUST_USE;

/* Whether readers see anything: a session, or messages and contexts without one. */
bool session_state_known(const struct session_state *s, int64_t ttl_us, int64_t now_us) MUST_USE;

/* The highest stamp of the session itself, without messages and contexts. */
int64_t session_state_stamp(const struct session_state *s) MUST_USE;

/* Metadata as it is stored: absent for {}, the usual case, which then takes no room. */
struct slice session_state_metadata(struct slice metadata) MUST_USE;

/* Fails with ERR_NO_SESSION. */
bool session_state_missing(struct err *err) MUST_USE;

/* Checks If-Match against the version of the session. ERR_PRECONDITION. */
bool session_state_check(const struct session_state *s, bool live, int64_t if_version,
                         struct err *err) MUST_USE;

/* The session as answers show it. */
struct session session_state_answer(const struct session_state *s) MUST_USE;

/* How many bytes such an answer adds to a page (PAGE_BYTES_MAX). */
size_t session_state_bytes(const struct session *s) MUST_USE;

/* The session as a record for other stores; the caller sets key and kind. */
struct record_session session_state_record(const struct session_state *s) MUST_USE;

/* Applies OP_SESSION_PUT. `live`: readers saw a session before; if not, its status is "active", unless one
 * was set with a stamp above the tombstone (a deletion that came late). */
void session_state_put(struct session_state *s, const struct op *op, bool live, int64_t stamp);

/* Applies OP_SESSION_PATCH. *touch: only its last activity has moved. ERR_INVALID, ERR_NO_MEMORY,
 * ERR_TOO_LARGE; ERR_FENCED as op_stamp_above(). */
bool session_state_patch(struct session_state *s, struct op *op, bool *touch,
                         struct err *err) MUST_USE;

/* The seq of a message that is appended now. The caller raises last_seq to it. */
int64_t session_state_next_seq(const struct session_state *s, int64_t now_us) MUST_USE;

/* Notes an append: the session is as active as now, and as its last message. */
void session_state_used(struct session_state *s, int64_t now_us);

/* Adds what was pending to the counters. */
void session_state_count(struct session_state *s, const struct record_pending *more);

/* A tombstone with this stamp. It keeps the highest seq and versions, since these are never given twice. */
struct session_state session_state_tombstone(const struct session_state *s, int64_t stamp) MUST_USE;

/* Raises *at to `to`, and sets *changed, if `to` is higher. */
void session_state_raise(int64_t *at, int64_t to, bool *changed);

/* The highest stamp here that keeps a part of the record from being taken; 0: all of it is taken. A tombstone
 * that is old enough to be collected does not: the other store may have done so. */
int64_t session_state_overrules(const struct session_state *s, const struct record_session *r,
                                int64_t now_us) MUST_USE;

/*
 * Merges what another store holds. The result does not depend on the order of merges, nor on how often
 * they are made: times, versions and last_seq only rise; counters belong to one life of the session, so
 * those with the higher tomb stand, and within one life the higher ones. A tomb that is old enough to be
 * collected (COLLECT_AFTER_US) is forgotten if the other store has done so: if a session that began after it has none
 * there. True: something changed. If the record's tomb was above ours, the caller must remove messages and contexts up
 * to it, even if it is forgotten: this store may never have heard of it.
 */
bool session_state_merge(struct session_state *s, const struct record_session *r,
                         int64_t now_us) MUST_USE;

#endif
