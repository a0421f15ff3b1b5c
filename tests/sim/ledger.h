/*
 * ledger.h - knows of each change in which stores it is, so that what was lost with a store may be missing.
 *
 *     store.c: an op was run, a store has forgotten -> ledger_*() -> ledger_lost() -> check.c, client.c
 *
 * It is kept in worlds whose stores forget; in others nothing is ever lost.
 *
 * Threads    one.
 * Ownership  the world's.
 * Units      as in world.h; numbers of changes are stamps.
 * Errors     none.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include "journal.h"

/* Makes an empty ledger. */
struct ledger *ledger_new(struct world *w);

/* A store has run this op without an error. Does nothing where no ledger is kept. */
void ledger_follow(struct world *w, int side, const struct op *op);

/* The same of an op that was given up: what it copies counts as lost if it is lost where it was made. */
void ledger_late(struct world *w, int side, const struct op *op);

/* Whether a store has forgotten something that no look has found yet. */
bool ledger_is_older(const struct world *w, int side);

/* A store is again as it was at that time. */
void ledger_forget(struct world *w, int side, int64_t saved_us);

/* Whether a store has forgotten something since this time. */
bool ledger_forgot_since(const struct world *w, int side, int64_t since_us);

/* Whether a store has the change with this number. */
bool ledger_holds(const struct world *w, int side, int64_t number);

/* Whether what this entry has changed was lost in both stores, and is not in both again. */
bool ledger_lost(const struct world *w, const struct entry *e);

/* Whether an entry was being made while a store forgot. */
bool ledger_spans(const struct world *w, const struct entry *e, int side);

/* Whether a store has forgotten something, and no look has found it yet; or another instance has found it in the last
 * second, so that not every one may know. */
bool ledger_hides_loss(const struct world *w);

/* The second of these. */
bool ledger_found_lately(const struct world *w);

/* Whether a record with this stamp may be in a store again that has removed it, since the store is one that has
 * forgotten what came later. */
bool ledger_returns(const struct world *w, int side, int64_t stamp);

#endif
