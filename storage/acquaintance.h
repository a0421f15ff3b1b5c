/*
 * acquaintance.h - what a store of a pair was when it was looked at last, for its lanes.
 *
 *     failover: has judged both stores -> acquaintance_learn()
 *     driver: has connected anew -> met.text, met.position -> acquaintance_admits() before each batch
 *
 * A store that comes back as another one, or older, may have forgotten what it confirmed. Its lanes refuse
 * everything but the ops by which that is found out, until the failover has judged it again.
 *
 * Threads    any; it locks itself.
 * Ownership  plain data of the pair, which outlives the lanes.
 * Units      a position is of the store's own making; it only rises.
 * Errors     ERR_UNAVAILABLE.
 */
#ifndef ACQUAINTANCE_H
#define ACQUAINTANCE_H

#include <pthread.h>

#include "backend.h"

enum { ACQUAINTANCE_TEXT = 160, ACQUAINTANCE_PAIR = 32 };

/* What a connection leads to: the incarnation of the store, and the name of its pair. */
struct met {
    char incarnation[ACQUAINTANCE_TEXT], pair[ACQUAINTANCE_PAIR];
    bool early;          /* nothing was known then: the pair may have had no name */
    bool older;          /* the store was behind the place that was known */
    unsigned generation; /* of what was known then */
};

struct acquaintance {
    pthread_mutex_t lock;
    bool known;
    char incarnation[ACQUAINTANCE_TEXT], pair[ACQUAINTANCE_PAIR];
    int64_t position;
    unsigned generation; /* rises when a store that has forgotten something was judged */
};

/* Starts as nobody's. */
void acquaintance_init(struct acquaintance *a);

/* Describes the store of a new connection; pair is absent where it has none. */
struct met acquaintance_meet(struct acquaintance *a, struct slice incarnation, struct slice pair,
                             int64_t position);

/* What a store is now, as a look at it says. */
struct learnt {
    struct slice incarnation, pair;
    int64_t position;
    bool forgot; /* it has lost something, and is known to */
};

/* From now on the store is this. NULL is allowed. */
void acquaintance_learn(struct acquaintance *a, const struct learnt *what);

/* Whether a connection is to the store that is known. NULL: yes. */
bool acquaintance_admits(struct acquaintance *a, const struct met *met, struct err *err) MUST_USE;

/* Another number each time a store was found to have forgotten something. NULL: 0. */
unsigned acquaintance_generation(struct acquaintance *a) MUST_USE;

/*
 * The ops of a batch that may run on this connection, into `allowed`, which has room for all; how many.
 * The others have failed.
 */
size_t acquaintance_sort(struct acquaintance *a, const struct met *met, struct op *const ops[],
                         size_t n, struct op **allowed) MUST_USE;

#endif
