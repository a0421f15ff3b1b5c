/*
 * redis_call.h - one run of an op, and how it talks to the server.
 *
 *     redis.c (open, batch) -> redis_<subject>.c (one function per op) -> redis_call.c -> redis_conn.c
 *
 * An op function reads what it needs, computes, and commits: its changes go to the server as one script
 * that makes them only if the field rev of the session or thread is as it was; else the function runs anew.
 *
 *     call_at(c, tenant, id);                           which session or thread
 *     ASK(c, SLICE("HGET"), call_key(c, "session"), SLICE("gen"));
 *     if (!call_answers(c, &replies, err)) return false;
 *     call_guard(c, call_key(c, "session"), rev);
 *     CHANGE(c, SLICE("HSET"), ...);
 *     return call_commit(c, err);
 *
 * Threads    the lane's.
 * Ownership  texts of replies live in the arena of the op.
 * Units      *_us wall microseconds; stamps as in clock.h.
 * Errors     those of the op. Running out of memory is reported by call_answers() and call_commit().
 */
#ifndef REDIS_CALL_H
#define REDIS_CALL_H

#include "acquaintance.h"
#include "redis_conn.h"
#include "redis_keys.h"
#include "redis_pack.h"
#include "redis_scripts.h"

enum { REDIS_PREFIX_MAX = 64, REDIS_TRIES = 100, REDIS_TRIES_LOST = 10 };

struct redis {
    struct backend base;
    struct conn conn;
    char prefix[REDIS_PREFIX_MAX];
    char sha[REDIS_SCRIPTS][REDIS_SHA_LEN + 1];
    int64_t session_ttl_us, checkpoint_ttl_us, context_versions;
    bool numbered, fallback, denied; /* number configured; second of a pair; rights were lacking */
    int64_t high;            /* no stamp that this instance has stored is above it; 0: none was */
    struct redis_used *used; /* redis_used.h: valid until then, in that generation */
    int64_t used_until_ns, lasting_ns; /* lasting_ns: redis_lasting.h */
    unsigned used_generation, denials; /* denials[] of redis.c when the rights were tried */
    struct acquaintance *acquaintance; /* shared by the lanes; NULL: not one of a pair */
    struct met met;                    /* the store that this connection leads to */
    struct err unkept;                 /* the server can only be read: why */
    struct turns *turns;               /* NULL until the first batch of several ops */
};

/* One op at work, from its first try to its last. */
struct call {
    struct redis *d;
    struct op *op;
    struct arena *arena;
    struct slice tenant, id; /* the session or thread at hand: call_at() */
    unsigned bucket, lost;   /* lost: tries that ended in call_lost() */
    size_t asked;            /* commands in the output buffer whose replies have not been taken */
    struct err failure;      /* of the first command that could not be put */
    bool changed;            /* a script has changed something, or may have */
    bool conflict;           /* something read has changed since: run the op anew */
    size_t entered;          /* how many of op->copies are named by an outbox entry */
    struct slice *guards, *changes;
    size_t n_guards, guards_cap, n_changes, changes_cap;
    struct turn *turn;                             /* NULL: the op runs alone, not in a fiber */
    bool (*wait)(struct call *c, struct err *err); /* of its turn: others run meanwhile */
    struct reply **replies;
};

/* Notes that memory ran out, unless something failed before. */
void call_no_memory(struct call *c);

/* Turns to a session or thread. The others: a key of it, of a namespace, of a checkpoint's writes. */
void call_at(struct call *c, struct slice tenant, struct slice id);
struct slice call_key(struct call *c, const char *kind) MUST_USE;
struct slice call_key_ns(struct call *c, const char *kind, struct slice ns) MUST_USE;
struct slice call_writes_key(struct call *c, struct slice ns, struct slice id) MUST_USE;

/* Indexes: of the tenant in the bucket at hand, in a given one, of one user or run; of all tenants. The last: a key
 * without a bucket, of a tenant or, if `part` is absent, of all. */
struct slice call_index(struct call *c, const char *kind) MUST_USE;
struct slice call_index_at(struct call *c, const char *kind, unsigned bucket) MUST_USE;
struct slice call_index_of(struct call *c, const char *kind, struct slice part) MUST_USE;
struct slice call_shared(struct call *c, const char *kind) MUST_USE;
struct slice call_shared_at(struct call *c, const char *kind, unsigned bucket) MUST_USE;
struct slice call_single(struct call *c, const char *kind, struct slice part) MUST_USE;

/* A number as text; two texts joined. When memory ends, commits and answers fail (c->failure). */
struct slice call_number(struct call *c, int64_t n) MUST_USE;
struct slice call_concat(struct call *c, struct slice a, struct slice b) MUST_USE;

/* Puts a command that only reads into the output buffer. */
void call_ask(struct call *c, const struct slice *args, size_t n);
#define ASK(c, ...)                                    \
    call_ask((c), (const struct slice[]){__VA_ARGS__}, \
             COUNT_OF(((const struct slice[]){__VA_ARGS__})))

/* call_take(): reads the replies to what was sent into c->replies; some may be errors. call_drain():
 * sends, reads and drops what nobody has waited for. */
bool call_take(struct call *c, struct err *err) MUST_USE;
void call_drain(struct call *c);

/* Sends what was asked and waits for the replies, in order. An error among them is a failure. */
bool call_answers(struct call *c, struct reply ***replies, struct err *err) MUST_USE;

/* Runs a reading part of an op in an arena of its own, which is freed when the part returns. */
typedef bool call_part(struct call *c, void *arg, struct err *err);
bool call_apart(struct call *c, call_part *part, void *arg, struct err *err) MUST_USE;

/* Makes the commit depend on this: the field rev of the key still is `rev`; absent: there is none. */
void call_guard(struct call *c, struct slice key, struct slice rev);

/* Adds a command to the next commit; the second one before all that were added. */
void call_change(struct call *c, const struct slice *args, size_t n);
void call_change_first(struct call *c, const struct slice *args, size_t n);
#define CHANGE(c, ...)                                    \
    call_change((c), (const struct slice[]){__VA_ARGS__}, \
                COUNT_OF(((const struct slice[]){__VA_ARGS__})))

/* Makes the changes, all or none, with one outbox entry for new copies. c->conflict: a guard does not hold. */
bool call_commit(struct call *c, struct err *err) MUST_USE;

/* Runs a script that changes something; args follow EVALSHA and the hash. An error reply is a failure.
 * ERR_IN_DOUBT when contact is lost; c->changed is set if it was refused a command midway. */
bool call_script(struct call *c, enum redis_script which, const struct slice *args, size_t n,
                 struct reply **reply, struct err *err) MUST_USE;

/* The op has read parts that do not fit together, since others changed them: it runs anew. Returns false.
 * call_lost(): a part ("a value") was not there; after REDIS_TRIES_LOST times it is ERR_DAMAGED. */
bool call_torn(struct call *c, struct err *err);
bool call_lost(struct call *c, const char *part, struct err *err);

/* Forgets the planned changes before another try. False: no conflict, or no more tries. */
bool call_again(struct call *c, int *tries) MUST_USE;

#endif
