/*
 * sides.h - two stores in memory, for tests of what failover does with both.
 *
 *     sides_open(&s); sides_message(&s, 0, "s1", "m1"); ... sides_count(&s, 1, RECORD_MESSAGE)
 *
 * Threads    one.
 * Ownership  sides_close() closes everything.
 * Units      *_ns nanoseconds, ms milliseconds.
 * Errors     a test fails.
 */
#ifndef SIDES_H
#define SIDES_H

#include "failover.h"
#include "fault.h"

struct sides {
    struct fault_plan plans[2];
    struct backend *stores[2];
    struct backend *faults[2]; /* the same stores, each behind a fault.c */
    struct arena arena;
};

void sides_open(struct sides *s);
void sides_close(struct sides *s);

/* Stops the clock, opens both stores, and makes what their lanes share: a store is lost after so many
 * failures in ten seconds. sides_end() frees it and closes the stores. */
struct failover *sides_begin(struct sides *s, unsigned failures, int64_t pause_max_ns);
void sides_end(struct sides *s, struct failover *f);

/* Moves the clock. */
void sides_pass(int64_t ms);

/* Puts alone.h above a store of `faults`, and returns what is now there. */
struct backend *sides_use_alone(struct sides *s, int side);

/* An op of the tenant "default" with a new stamp; its inputs are zero. id NULL: none. */
struct op sides_op(struct sides *s, enum op_type type, const char *id);

/* Runs an op in one of the stores, which must succeed. */
void sides_run(struct sides *s, int side, struct op *op);

/* Put one record into one of the stores. */
void sides_session(struct sides *s, int side, const char *id);
void sides_message(struct sides *s, int side, const char *id, const char *message);
void sides_checkpoint(struct sides *s, int side, const char *thread, const char *id);
void sides_child(struct sides *s, int side, const char *thread, const char *id,
                 struct slice parent);
void sides_writes(struct sides *s, int side, const char *thread, const char *id, const char *task);

/* Reads the first records of a kind in a store, at most 1000. */
const struct record *sides_read(struct sides *s, int side, enum record_kind kind, size_t *n);

/* How many records of a kind a store holds, up to 1000. */
size_t sides_count(struct sides *s, int side, enum record_kind kind);

/* Makes a call to a store of `faults` fail, counted from now: 1 is the next; 0: none fails. */
void sides_fail(struct sides *s, int side, size_t call);

#endif
