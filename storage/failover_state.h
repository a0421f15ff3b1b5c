/*
 * failover_state.h - what the lanes of a failover share, and the rules on it.
 *
 *     failover.c (an op of a lane), failover_tend.c (the look at both) -> here
 *
 * The numbers in comments are the rules of docs/failover.md.
 *
 * Threads    each function locks; no store is called while it does.
 * Ownership  main's, by failover_new().
 * Units      *_ns CLOCK_MONOTONIC nanoseconds; numbers of entries are stamps.
 * Errors     none.
 */
#ifndef FAILOVER_STATE_H
#define FAILOVER_STATE_H

#include <pthread.h>

#include "backend.h"
#include "failover_config.h"
#include "failover_report.h"
#include "id_set.h"

enum side { PRIMARY, FALLBACK };

enum { LOOK_MAX = 1000 }; /* entries that one look takes */

/* Numbers of the entries that a look at the primary's outbox has found, in order. */
struct sighting {
    int64_t at_ns, numbers[LOOK_MAX];
    size_t n;
};

/* An entry that was copied: it waits to leave the outbox of the primary. */
struct copied {
    struct copied *next;
    struct outbox_entry entry;
    char texts[];
};

struct failover {
    struct failover_config cfg;
    pthread_mutex_t lock;
    struct breaker breakers[2];
    struct id_set unsynced;       /* U: what only the primary is known to have (5) */
    struct sighting sightings[2]; /* of the primary: the last but one, the last */
    bool more_unsynced;           /* its outbox is longer than what was looked at: any id may be */
    bool behind;                  /* the primary lacks what the fallback took (8) */
    bool seen[2];                 /* since the start (11) */
    bool usable, foreign; /* the fallback was judged: to be of this pair, or of another one */
    bool filled[2];       /* it holds what the other one does, as far as outboxes do not tell */
    int64_t born_ns;
    int64_t own_fallback_ns; /* when the last own write to the fallback was confirmed (8) */
    struct copied *copied;   /* newest first */
    size_t n_copied;
    struct failover_report report;
    struct failover_keeper *keeper; /* of failover_tend() alone */
};

/* Whether a rule is kept. */
#ifdef FAILOVER_RULES
#define KEEPS(f, rule) (!((f)->cfg.without & (rule)))
#else
#define KEEPS(f, rule) ((void)(f), true)
#endif

/* How it all is now. */
void state_report(struct failover *f, struct failover_report *out);

/* What is told of a store; under the lock. */
struct failover_store *state_report_of(struct failover *f, enum side side) MUST_USE;

/* Whether a store that is perhaps down may be tried now; then state_answered() or state_lost() follows. */
bool state_allows(struct failover *f, enum side side) MUST_USE;

/* What became of such a call. `probe`: it was made to find out. */
void state_answered(struct failover *f, enum side side);
void state_lost(struct failover *f, enum side side, bool probe, const char *why);

/* Whether calls go to the store as usual: lanes call no other. */
bool state_is_up(struct failover *f, enum side side) MUST_USE;

/* The fallback was judged; and whether it may be written to. */
void state_judged(struct failover *f, bool foreign);
bool state_usable(struct failover *f) MUST_USE;

/* Whether the primary is behind, or is being filled: then the fallback serves (8). */
bool state_behind(struct failover *f) MUST_USE;

/* Whether this process may serve from a store, by what it has seen (11) and by what fills it. */
bool state_ready(struct failover *f, enum side side) MUST_USE;

/* Whether all is as it should be: conditional operations may run. */
bool state_normal(struct failover *f) MUST_USE;

/* The fallback has taken a write alone, of this process or of another one. */
void state_fell_behind(struct failover *f, bool own);

/* Only the primary has the change of an op. */
void state_unsynced(struct failover *f, const struct op *op);

/* Whether the fallback lacks changes of what the op is about. */
bool state_lacks(struct failover *f, const struct op *op) MUST_USE;

/* Ids that the fallback is to be told of now: up to `max`, in the arena. They count as told. */
size_t state_untold(struct failover *f, struct arena *arena, struct pair_id *ids, size_t max);

/* The same of ids of one op that the primary has not been told of: that the fallback lacks them. */
size_t state_unflagged(struct failover *f, const struct op *op, struct pair_id *ids, size_t max);

/* The telling failed: they are to be told again. */
void state_retell(struct failover *f);

/* An op is in both stores: its entry may go. */
void state_copied(struct failover *f, const struct op *op);

/* Takes over the list of these; free() each. */
struct copied *state_take_copied(struct failover *f);

/* What a look at a store has shown; `asked_ns`: when it was sent. */
void state_look(struct failover *f, enum side side, const struct op_pair_read *read,
                int64_t asked_ns);

/* Whether a store holds what the other one does; one that does not is not read. */
void state_set_filled(struct failover *f, enum side side, bool filled);
bool state_filled(struct failover *f, enum side side) MUST_USE;

/* Whether an entry of the primary's outbox was there some time ago: then no lane is about to copy it. */
bool state_is_late(struct failover *f, int64_t number) MUST_USE;

/* Whether an entry in the outbox that was read is about this id. */
bool state_waits(const struct op_pair_read *read, const struct pair_id *id) MUST_USE;

/* What the last look at a store took, and how durable it is. */
void state_measured(struct failover *f, enum side side, int64_t took_ns, unsigned caps);

/* What keeps the two from becoming equal; empty: nothing. */
void state_trouble(struct failover *f, const char *text);

/* How many records were copied late. */
void state_count(struct failover *f, size_t records);

#endif
