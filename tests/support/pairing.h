/*
 * pairing.h - two stores in memory that become a pair, look by look.
 *
 *     pairing_setup(); change one of `sides`; pairing_settle() -> how many fills it took
 *
 * Threads    one.
 * Ownership  pairing_teardown() closes all.
 * Units      none.
 * Errors     a test fails, but for those that are returned.
 */
#ifndef PAIRING_H
#define PAIRING_H

#include "acquaintance.h"
#include "failover_fill.h"
#include "sides.h"

/* The stores, and the process that has them: its state, and what it saw last. */
extern struct sides sides;
extern struct failover *failover;
extern struct acquaintance known[2];
extern struct fill fill;
extern struct op reads[2];

/* Opens two empty stores, and a process; ends both. */
void pairing_setup(void);
void pairing_teardown(void);

/* A process that has seen neither store; its end. */
void pairing_begin(bool single_instance);
void pairing_end(void);

/* Reads what both say of themselves. */
void pairing_look(void);

/* Judges what was seen of one store, or of both. */
bool pairing_judge(bool primary, bool fallback, struct err *err);

/* Looks at both, and judges that: it must go well. */
void pairing_judge_both(void);

/* Fills to the end what is being filled. */
void pairing_fill(void);

/* Looks at both until they are a pair; how many fills it took. */
int pairing_settle(void);

/* Sets a note of a store. NULL: the note goes. */
void pairing_note(int side, const char *name, const char *text);

/* The text that a store has noted, as the last look found it. */
struct slice pairing_noted(int side, const char *name);

#endif
