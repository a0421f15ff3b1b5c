/*
 * redis_keys.h - builds the names of keys, and lists what each key holds.
 *
 * A key is  <prefix>{<bucket>}<kind>[:<tenant>[:<id>[:<namespace>[:<checkpoint>]]]]  with % and : of
 * each part percent-encoded. The bucket, 0000..1023, is a hash of tenant and id. All that one
 * operation changes at once is in one bucket, so the layout runs on a cluster as it is.
 *
 *   session      hash: the fields of the session; also an anchor and a tombstone. rev: new with each
 *                change, so that a change made elsewhere is seen
 *   order        zset by text: seq (20 digits) and id of each message
 *   messages     hash: id -> packed message
 *   contexts     hash: "version stamp" -> the JSON; what else is known of them is in the session
 *   thread       hash: rev, tomb, updated_us; "n:<namespace>" -> packed form, last stamp, counts
 *   checkpoints  hash: id -> packed checkpoint; stamp 0: only the place of writes that came first
 *   sequence     zset by text: "c" id (channel form) or "d" stamp id (document form)
 *   ages         zset by created_us: "c" id of a checkpoint, "a" id of a place of writes
 *   values       hash: value id -> packed value
 *   names        zset by text: channel, version, id, base and length of each value
 *   bases        hash: value id -> how many values are based on it
 *   weights      hash: checkpoint id -> bytes of its writes
 *   writes       hash, one a checkpoint: task id -> packed task
 *   repeat       string: body hash of a request with an Idempotency-Key, and its time
 *   pending      hash: op id -> an addition to counters that the primary has yet to count
 *   missing      hash: rev; exists while changes of this id are missing here
 *
 * One of each for a bucket and tenant (no id):
 *
 *   sessions     zset by text: every id that has a session hash
 *   active       zset by last activity: sessions that live
 *   loose        zset by last activity: messages and contexts without a session
 *   tombs        zset by time: deleted sessions
 *   user         set, one a user: their sessions
 *   threads      zset by text: every id that has a thread hash
 *   thread-tombs zset by time: deleted threads
 *   created      zset by created_us: thread, namespace, id of each checkpoint
 *   places       the same of places of writes
 *   run          set, one a run id: thread, namespace, id of its checkpoints
 *   totals       hash: messages, active (sessions whose status is active)
 *
 * One of each for a bucket and all tenants, for it is read once a second by each instance of a pair:
 *
 *   outbox       zset by text: number (20 digits), tenant, id, names of the records that changed
 *   missing-ids  set: tenant, id of each key missing
 *
 * And one for all, each in a bucket of its own: tenants (set), buckets:<tenant> (bitmap of buckets
 * that were ever used), clock (hash: instance -> time above its stamps), node:<number> (who has
 * that instance number), note (hash: what is remembered of a pair of stores; #position: how often that was
 * changed), rehearsal (removed by the script that makes it).
 *
 * Threads    no state.
 * Ownership  keys live in the arena.
 * Units      none.
 * Errors     an absent slice: out of memory.
 */
#ifndef REDIS_KEYS_H
#define REDIS_KEYS_H

#include "arena.h"

enum { REDIS_BUCKETS = 1024, REDIS_PARTS = 4 };

struct redis_key {
    const char *prefix, *kind;
    unsigned bucket;
    struct slice parts[REDIS_PARTS]; /* tenant, id, ...; the first absent one ends them */
};

/* The bucket of a session or thread: a hash of both texts. */
unsigned redis_bucket(struct slice tenant, struct slice id) MUST_USE;

/* The text of a key. */
struct slice redis_key_text(const struct redis_key *key, struct arena *arena) MUST_USE;

/* A key outside the buckets: <prefix><kind>[:<part>]. */
struct slice redis_key_single(const char *prefix, const char *kind, struct slice part,
                              struct arena *arena) MUST_USE;

/* Joins texts into one member of a set; splits such a member into n texts. */
struct slice redis_join(const struct slice *parts, size_t n, struct arena *arena) MUST_USE;
bool redis_split(struct slice joined, struct slice *parts, size_t n, struct arena *arena) MUST_USE;

#endif
