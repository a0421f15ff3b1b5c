/*
 * failover_state.h - the state that the lanes of a failover share, and the rules on it (docs/failover.md).
 *
 *     failover.c (ops of a lane), failover_tend.c (looks at both stores) -> state_*()
 *
 * Threads    each function locks by itself, unless it says otherwise; no store is called under the lock.
 * Ownership  made by failover_new(), whose caller owns it.
 * Units      *_ns CLOCK_MONOTONIC nanoseconds; numbers of entries are stamps.
 * Errors     none.
 */
#ifndef FAILOVER_STATE_H
#define FAILOVER_STATE_H

#include <pthread.h>

#include "backend.h"
#include "failover_config.h"
#include "failover_hold.h"
#include "failover_report.h"
#include "id_set.h"

enum side { PRIMARY, FALLBACK };

enum { LOOK_MAX = 8192 }; /* entries of one look: twice what lanes under load leave at a time */

/* The numbers of the entries that a look has found in the primary's outbox, ascending. */
struct sighting {
    int64_t at_ns, numbers[LOOK_MAX];
    size_t n;
};

/* An entry whose change is in both stores: it waits to leave the primary's outbox. */
struct copied {
    struct copied *next;
    struct outbox_entry entry;
    char texts[];
};

struct failover {
    struct failover_config cfg;
    pthread_mutex_t lock;
    struct breaker breakers[2];
    struct id_set unsynced; /* U: ids of which only the primary is known to have changes (5) */
    struct sighting sightings[2]; /* of the primary: the one before the last, the last */
    bool more_unsynced;           /* its outbox is longer than a look: any id may be unsynced */
    bool behind;                  /* the fallback holds changes that the primary lacks (8) */
    bool seen[2];                 /* by store: whether it was looked at since the start (11) */
    bool compared;                /* it is known whether the primary has forgotten something (11) */
    bool usable, foreign;         /* the fallback was judged: it is of this pair; it is not */
    bool aside;     /* neither serves: an instance that runs names them the other way round */
    bool filled[2]; /* by store: it holds all that the other did, but for what outboxes name */
    _Atomic int64_t
        recall_until_us; /* wall time: as long the fallback is asked for requests (13) */
    int64_t born_ns;
    size_t missing;          /* ids that the fallback knew to be missing at the last look */
    int64_t own_fallback_ns; /* when the fallback last confirmed a write of this process (8) */
    struct copied *copied;   /* in any order */
    size_t n_copied;
    struct failover_report report;
    struct failover_keeper *keeper; /* used by failover_tend() alone */
    struct hold hold;               /* what lanes wait for */
};

/* Whether a rule is kept: always, unless tests are built with FAILOVER_RULES. */
#ifdef FAILOVER_RULES
#define KEEPS(f, rule) (!((f)->cfg.without & (rule)))
#else
#define KEEPS(f, rule) ((void)(f), true)
#endif

/* Says how the pair is now. */
void state_report(struct failover *f, struct failover_report *out);

/* The part of the report about a store. The caller holds the lock. */
struct failover_store *state_report_of(struct failover *f, enum side side) MUST_USE;

/* Whether a store may be called to find out if it is up; one of the next two reports the outcome. */
bool state_allows(struct failover *f, enum side side) MUST_USE;

/* Report that a call succeeded or failed. `probe`: a call to find out, so one failure is enough. */
void state_answered(struct failover *f, enum side side);
void state_lost(struct failover *f, enum side side, bool probe, const char *why);

/* Whether the store is up: lanes call no other. */
bool state_is_up(struct failover *f, enum side side) MUST_USE;

/* Reports if the fallback is of another pair; whether it was judged to be of this one, and may be written. */
void state_judged(struct failover *f, bool foreign);
bool state_usable(struct failover *f) MUST_USE;

/* Notes that it is known whether the primary has forgotten something (11). */
void state_compared(struct failover *f);

/* Whether the fallback serves: the primary is behind (8), or is being filled. */
bool state_behind(struct failover *f) MUST_USE;

/* Whether this process may serve from a store: it has seen enough (11), and the store is filled. */
bool state_ready(struct failover *f, enum side side) MUST_USE;

/* Whether both stores serve and are equal in what the op is about. For a clean-up what changed lately may differ. */
bool state_settled(struct failover *f, const struct op *op) MUST_USE;

/* Notes that the fallback has taken a write alone: of this process (`own`), or of another one. */
void state_fell_behind(struct failover *f, bool own);

/* Notes that only the primary has the changes of an op. */
void state_unsynced(struct failover *f, const struct op *op);

/* Whether the fallback lacks changes of the id that the op is about, or of any if it is about none. */
bool state_lacks(struct failover *f, const struct op *op) MUST_USE;

/* Lists up to `max` ids that the fallback must be told it is missing. False: no memory is left. They count as told
 * once state_told() says that it was, but for those that have come anew since `asked_ns`. */
bool state_untold(struct failover *f, struct arena *arena, struct pair_id *ids, size_t max,
                  size_t *n) MUST_USE;
void state_told(struct failover *f, const struct pair_id *ids, size_t n, int64_t asked_ns);

/* Gives the ids of an op that the primary has not noted as missing in the fallback. The second says that it was asked
 * then to note these, and has; the third that they are noted no more. */
size_t state_unflagged(struct failover *f, const struct op *op, struct pair_id *ids, size_t max);
void state_flagged(struct failover *f, const struct pair_id *ids, size_t n, int64_t asked_ns);
void state_unflag(struct failover *f, const struct pair_id *ids, size_t n);

/* The telling failed: no id counts as told. */
void state_retell(struct failover *f);

/* Notes that the change of an op is in both stores, so that its entry may be cleared. */
void state_copied(struct failover *f, const struct op *op);

/* Takes over the list of such entries. The caller frees each, or puts back the list. */
struct copied *state_take_copied(struct failover *f);
void state_put_back(struct failover *f, struct copied *list);

/* Begins anew: neither store serves, whatever looks show, before one of them is found to be filled. */
void state_stand_aside(struct failover *f);

/* Whether a store holds what the other one does; it is not read until then. */
void state_set_filled(struct failover *f, enum side side, bool filled);
bool state_filled(struct failover *f, enum side side) MUST_USE;

/* Reports how long the last look at a store took, and how durable the store is. */
void state_measured(struct failover *f, enum side side, int64_t took_ns, unsigned caps);

/* Reports what keeps the two from becoming equal; empty: nothing does. */
void state_trouble(struct failover *f, const char *text);

/* Counts records that were copied from an outbox or by a fill. */
void state_count(struct failover *f, size_t records);

#endif
