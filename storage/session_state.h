/*
 * session_state.h - the state of one session id, and the rules by which it changes; no store in it.
 *
 *     driver: reads it into the row that it keeps -> session_state_put() | _patch() | _merge()
 *             -> writes the row back
 *
 * Alive iff gen > tomb. Without a session (gen = 0) an id may still hold messages and contexts: an
 * anchor. One that holds nothing and only remembers its deletion is hollow. What is past session_ttl
 * is stored still, and absent to everybody.
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
    bool stored; /* else nothing is known of this id, and all below is 0 */
    bool hollow;
    bool user_changed; /* user_id is not what was read */
    struct slice session_id;
    int64_t gen, tomb, active_us;
    int64_t last_seq, last_context, version; /* the highest ever given */
    int64_t request_count, error_count;
    double processing_time; /* seconds */
    int64_t created_us, updated_us;
    int64_t user_stamp, status_stamp, metadata_stamp;
    struct slice user_id, status, metadata; /* metadata is absent for {} */
};

/* What was active at or before this is expired; INT64_MIN when nothing expires. */
int64_t session_state_expired_us(int64_t ttl_us, int64_t now_us) MUST_USE;

/* Whether there is something that is past its time. */
bool session_state_expired(const struct session_state *s, int64_t ttl_us, int64_t now_us) MUST_USE;

/* Whether there is a session to be seen. */
bool session_state_live(const struct session_state *s, int64_t ttl_us, int64_t now_us) MUST_USE;

/* Whether there is anything to be seen: a session, or messages and contexts without one. */
bool session_state_known(const struct session_state *s, int64_t ttl_us, int64_t now_us) MUST_USE;

/* The highest stamp of the session itself, without messages and contexts. */
int64_t session_state_stamp(const struct session_state *s) MUST_USE;

/* Metadata as it is kept: absent for the usual {}, which then takes no room. */
struct slice session_state_metadata(struct slice metadata) MUST_USE;

/* Fails with ERR_NO_SESSION. */
bool session_state_missing(struct err *err) MUST_USE;

/* If-Match against the version. ERR_PRECONDITION. */
bool session_state_check(const struct session_state *s, bool live, int64_t if_version,
                         struct err *err) MUST_USE;

/* What answers say of the session. */
struct session session_state_answer(const struct session_state *s) MUST_USE;

/* What an answer takes of a page (PAGE_BYTES_MAX). */
size_t session_state_bytes(const struct session *s) MUST_USE;

/* What other stores are told of it; key and kind are the caller's. */
struct record_session session_state_record(const struct session_state *s) MUST_USE;

/* What OP_SESSION_PUT makes of it. */
void session_state_put(struct session_state *s, const struct op *op, bool live, int64_t stamp);

/* What OP_SESSION_PATCH makes of it; *touch: nothing but its last activity has moved. ERR_INVALID,
 * ERR_NO_MEMORY; ERR_FENCED as op_stamp_above(). */
bool session_state_patch(struct session_state *s, struct op *op, bool *touch,
                         struct err *err) MUST_USE;

/* Counts additions. */
void session_state_count(struct session_state *s, const struct record_pending *more);

/* The tombstone with this stamp: the highest seq and versions stay, they are never given again. */
struct session_state session_state_tombstone(const struct session_state *s, int64_t stamp) MUST_USE;

/* Raises a number that only rises; *changed is set if that was a change. */
void session_state_raise(int64_t *at, int64_t to, bool *changed);

/* The highest stamp here because of which a part of the record is not taken; 0 = none. */
int64_t session_state_overrules(const struct session_state *s,
                                const struct record_session *r) MUST_USE;

/*
 * Merges what another store says. The result depends on what was merged, not on the order or how
 * often: times, versions and last_seq only rise; counters belong to the life of a session, so those
 * that come with the higher tomb stand, and of one life the higher ones. True if it was a change;
 * messages and contexts up to a tomb that has risen are then for the caller to remove.
 */
bool session_state_merge(struct session_state *s, const struct record_session *r) MUST_USE;

#endif
