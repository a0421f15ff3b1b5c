/*
 * pairing.h - makes a pair of two stores in memory, look by look.
 *
 *     pairing_setup(); change one of `sides`; pairing_settle() -> how many fills it took
 *
 * Threads    one.
 * Ownership  pairing_teardown() closes everything.
 * Units      none.
 * Errors     a test fails, unless the error is returned.
 */
#ifndef PAIRING_H
#define PAIRING_H

#include "acquaintance.h"
#include "failover_fill.h"
#include "sides.h"

/* The stores; the process that uses them: its state, and what it read last. */
extern struct sides sides;
extern struct failover *failover;
extern struct acquaintance known[2];
extern struct fill fill;
extern struct op reads[2];

/* Opens two empty stores and begins a process; ends both. */
void pairing_setup(void);
void pairing_teardown(void);

/* Begins a process that has seen neither store; ends it. */
void pairing_begin(bool single_instance);
void pairing_end(void);

/* Reads what both stores say of themselves. */
void pairing_look(void);

/* Judges what was read of the primary, of the fallback, or of both. */
bool pairing_judge(bool primary, bool fallback, struct err *err);

/* Reads and judges both, which must succeed. */
void pairing_judge_both(void);

/* Runs a fill, if one has begun, to its end. */
void pairing_fill(void);

/* Reads, judges and fills until the two are a pair. Returns how many fills began. */
int pairing_settle(void);

/* Sets a note of a store; text NULL: removes it. */
void pairing_note(int side, const char *name, const char *text);

/* The text of a note, as pairing_look() found it. */
struct slice pairing_noted(int side, const char *name);

#endif
