/*
 * fiber.h - functions that can be left in the middle, and gone on with.
 *
 *     fiber_start() -> fn -> fiber_leave() -> back in the caller -> fiber_resume() -> ...
 *
 * Each has a stack of its own. An op that waits for the store leaves; meanwhile others send what
 * they have to ask, and one round trip serves them all.
 *
 * Threads    fibers belong to the thread that starts them.
 * Ownership  the caller owns fibers; a fiber that has ended may be started again.
 * Units      bytes.
 * Errors     fiber_new: ERR_NO_MEMORY.
 */
#ifndef FIBER_H
#define FIBER_H

#include <stdbool.h>

#include "compiler.h"
#include "err.h"

struct fiber;

/* NULL: ERR_NO_MEMORY. */
struct fiber *fiber_new(struct err *err) MUST_USE;

/* Frees one that does not run. NULL is allowed. */
void fiber_free(struct fiber *f);

/* Runs fn(arg) until it leaves or ends; whether it has ended. */
bool fiber_start(struct fiber *f, void (*fn)(void *arg), void *arg);

/* Goes on with a fiber that has left; whether it has ended. */
bool fiber_resume(struct fiber *f);

/* In a fiber: goes back to who started or resumed it. */
void fiber_leave(struct fiber *f);

#endif
