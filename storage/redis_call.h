/*
 * redis_call.h - one op at work, and what it does with the server.
 *
 *     redis.c (open, batch) -> redis_<subject>.c (one function per op) -> redis_call.c -> redis_conn.c
 *
 * An op function reads what it needs, computes, and commits: its changes go to the server as one
 * script that makes them only if what they rest on has not changed (the field rev of the session or
 * thread). If it has, the function runs anew.
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
 * Errors     as op functions have them; when memory ends, call_answers() and call_commit() tell it.
 */
#ifndef REDIS_CALL_H
#define REDIS_CALL_H

#include "acquaintance.h"
#include "redis_conn.h"
#include "redis_keys.h"
#include "redis_pack.h"
#include "redis_scripts.h"

enum { REDIS_PREFIX_MAX = 64, REDIS_TRIES = 100 };

/* Buckets of a tenant that are known to be marked as used. */
struct redis_used {
    struct redis_used *next;
    unsigned char bits[REDIS_BUCKETS / 8];
    size_t len;
    char tenant[];
};

struct redis {
    struct backend base;
    struct conn conn;
    char prefix[REDIS_PREFIX_MAX];
    char sha[REDIS_SCRIPTS][REDIS_SHA_LEN + 1];
    int64_t session_ttl_us, checkpoint_ttl_us, context_versions;
    bool numbered, fallback; /* its number is configured; it is the second of a pair */
    int64_t clock_us;        /* no stamp in the store that we made is above it */
    struct redis_used *used; /* until then, of that generation of the acquaintance */
    int64_t used_until_ns;
    unsigned used_generation;
    struct acquaintance *acquaintance; /* NULL: it is of no pair */
    struct met met;                    /* what this connection leads to */
    struct turns *turns;               /* made with the first batch of several ops */
};

/* One run of one op. */
struct call {
    struct redis *d;
    struct op *op;
    struct arena *arena;
    struct slice tenant, id; /* the session or thread at hand */
    unsigned bucket;
    size_t asked;       /* commands that were put and are not answered */
    struct err failure; /* of a command that could not be put */
    bool changed;       /* something was committed, or may have been */
    bool conflict;      /* what was read has changed: run it anew */
    size_t entered;     /* copies of the op that an entry of the outbox names */
    struct slice *guards, *changes;
    size_t n_guards, guards_cap, n_changes, changes_cap;
    struct turn *turn;                             /* NULL: it runs alone */
    bool (*wait)(struct call *c, struct err *err); /* of its turn: others run meanwhile */
    struct reply **replies;
};

/* Memory has ended: that is what failed, unless something did before. */
void call_no_memory(struct call *c);

/* Turns to another session or thread; its keys, those of a namespace in it, of a checkpoint there. */
void call_at(struct call *c, struct slice tenant, struct slice id);
struct slice call_key(struct call *c, const char *kind) MUST_USE;
struct slice call_key_ns(struct call *c, const char *kind, struct slice ns) MUST_USE;
struct slice call_key_in(struct call *c, const char *kind, struct slice ns,
                         struct slice id) MUST_USE;

/* Of an index of the tenant: in the bucket at hand, in any, of one user or run; of all tenants. */
struct slice call_index(struct call *c, const char *kind) MUST_USE;
struct slice call_index_at(struct call *c, const char *kind, unsigned bucket) MUST_USE;
struct slice call_index_of(struct call *c, const char *kind, struct slice part) MUST_USE;
struct slice call_shared(struct call *c, const char *kind) MUST_USE;
struct slice call_shared_at(struct call *c, const char *kind, unsigned bucket) MUST_USE;

/* A number as an argument; two texts, one behind the other. */
struct slice call_number(struct call *c, int64_t n) MUST_USE;
struct slice call_concat(struct call *c, struct slice a, struct slice b) MUST_USE;

/* Puts a command that reads. */
void call_ask(struct call *c, const struct slice *args, size_t n);
#define ASK(c, ...)                                    \
    call_ask((c), (const struct slice[]){__VA_ARGS__}, \
             COUNT_OF(((const struct slice[]){__VA_ARGS__})))

/* The replies to what was asked and sent, into c->replies; they may be errors. The other: those to
 * what nobody has waited for, which are dropped. */
bool call_take(struct call *c, struct err *err) MUST_USE;
void call_drain(struct call *c);

/* The answers to all that was asked, in order; an error among them is a failure. */
bool call_answers(struct call *c, struct reply ***replies, struct err *err) MUST_USE;

/* Runs a part of an op that reads much, in memory that is given back behind it. It changes nothing. */
typedef bool call_part(struct call *c, void *arg, struct err *err);
bool call_apart(struct call *c, call_part *part, void *arg, struct err *err) MUST_USE;

/* Marks the bucket at hand as used before anything is in it. */
bool call_use(struct call *c, struct err *err) MUST_USE;

/* The changes rest on this: the field rev of a key was `rev`, absent if there was none. */
void call_guard(struct call *c, struct slice key, struct slice rev);

/* Adds a command to the changes. */
void call_change(struct call *c, const struct slice *args, size_t n);
#define CHANGE(c, ...)                                    \
    call_change((c), (const struct slice[]){__VA_ARGS__}, \
                COUNT_OF(((const struct slice[]){__VA_ARGS__})))

/* Makes the changes, all or none, with an entry in the outbox of what was copied since the last time.
 * False and c->conflict: what they rest on has changed. */
bool call_commit(struct call *c, struct err *err) MUST_USE;

/* Runs a script that changes something, with what comes behind EVALSHA and the hash; its reply is no
 * error. When contact is lost it is ERR_IN_DOUBT. */
bool call_script(struct call *c, enum redis_script which, const struct slice *args, size_t n,
                 struct reply **reply, struct err *err) MUST_USE;

/* What was read does not fit together, for it changed meanwhile: the op runs anew. Always false. */
bool call_torn(struct call *c, struct err *err);

/* Forgets what was to be changed, for another try. False: there were too many, or it failed otherwise. */
bool call_again(struct call *c, int *tries) MUST_USE;

/* The buckets that a tenant uses; the tenants that there are. */
bool call_buckets(struct call *c, struct slice tenant, unsigned **buckets, size_t *n,
                  struct err *err) MUST_USE;
bool call_tenants(struct call *c, struct slice **tenants, size_t *n, struct err *err) MUST_USE;

/* Removes the tenant at hand, of which nothing is left, from these. */
bool call_tenant_drop(struct call *c, struct err *err) MUST_USE;

#endif
