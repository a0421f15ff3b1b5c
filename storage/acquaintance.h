/*
 * acquaintance.h - remembers what a store of a pair was when it was looked at last, for its lanes.
 *
 *     failover: has judged a store -> acquaintance_learn()
 *     driver: has connected -> acquaintance_meet() -> acquaintance_admits() before each batch
 *
 * A store that comes back as another one, or older, may have forgotten what it confirmed. Its lanes then
 * refuse all but the ops that find this out, until the failover has judged the store again.
 *
 * Threads    any; the lock guards all fields.
 * Ownership  belongs to the pair, which outlives the lanes.
 * Units      a position has the store's own unit; it only rises. 0: the store has none.
 * Errors     ERR_UNAVAILABLE.
 */
#ifndef ACQUAINTANCE_H
#define ACQUAINTANCE_H

#include <pthread.h>

#include "backend.h"

enum { ACQUAINTANCE_TEXT = 160, ACQUAINTANCE_PAIR = 32 };

/* What a connection leads to: a store of this incarnation, with the id of its pair. */
struct met {
    char incarnation[ACQUAINTANCE_TEXT], pair[ACQUAINTANCE_PAIR];
    bool early;          /* nothing was known yet, so the pair may not have had an id */
    bool older;          /* the store was behind the position that was known */
    unsigned generation; /* of the acquaintance, when it connected */
};

struct acquaintance {
    pthread_mutex_t lock;
    bool known;
    char incarnation[ACQUAINTANCE_TEXT], pair[ACQUAINTANCE_PAIR];
    int64_t position;
    unsigned generation; /* rises when a store was found to have forgotten something */
};

/* Starts without knowing anything. */
void acquaintance_init(struct acquaintance *a);

/* Describes the store of a new connection; `pair` is absent if it has no pair id. */
struct met acquaintance_meet(struct acquaintance *a, struct slice incarnation, struct slice pair,
                             int64_t position);

/* What a look at a store has found. */
struct learnt {
    struct slice incarnation, pair;
    int64_t position;
    bool forgot; /* it has lost something, and has been judged */
};

/* Takes what was found as what the store is from now on. NULL is allowed. */
void acquaintance_learn(struct acquaintance *a, const struct learnt *what);

/* Takes what a look has found, which has judged nothing: a store that was not known is known from now on; of the one
 * that is known it takes how far that is by now. NULL is allowed. */
void acquaintance_see(struct acquaintance *a, const struct learnt *what);

/* Whether a connection leads to the store that is known. ERR_UNAVAILABLE: it does not. a = NULL: it does. */
bool acquaintance_admits(struct acquaintance *a, const struct met *met, struct err *err) MUST_USE;

/* A number that changes whenever the store was found to have forgotten something. NULL: 0. */
unsigned acquaintance_generation(struct acquaintance *a) MUST_USE;

/*
 * Puts the ops of a batch that may run on this connection into `allowed`, which has room for n, and
 * returns how many. The others get their status: ERR_UNAVAILABLE.
 */
size_t acquaintance_sort(struct acquaintance *a, const struct met *met, struct op *const ops[],
                         size_t n, struct op **allowed) MUST_USE;

#endif
