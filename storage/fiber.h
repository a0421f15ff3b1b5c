/*
 * fiber.h - functions that can be suspended in the middle and resumed later.
 *
 *     fiber_start() -> fn -> fiber_leave() -> back in the caller -> fiber_resume() -> ...
 *
 * Each has its own stack. An op that waits for the store suspends itself; meanwhile others send their
 * questions, and one round trip serves them all.
 *
 * Threads    the thread that has started a fiber also resumes it, until it has ended.
 * Ownership  the caller owns fibers; one that has ended may be started again.
 * Units      bytes.
 * Errors     fiber_new: ERR_NO_MEMORY.
 */
#ifndef FIBER_H
#define FIBER_H

#include <stdbool.h>

#include "compiler.h"
#include "err.h"

struct fiber;

/* Makes a fiber. NULL: ERR_NO_MEMORY. */
struct fiber *fiber_new(struct err *err) MUST_USE;

/* Frees a fiber that is not running. NULL is allowed. */
void fiber_free(struct fiber *f);

/* Runs fn(arg) until it leaves or ends; returns whether it has ended. */
bool fiber_start(struct fiber *f, void (*fn)(void *arg), void *arg);

/* Resumes a fiber that has left; returns whether it has ended. */
bool fiber_resume(struct fiber *f);

/* Within a fiber: returns to the caller that started or resumed it. */
void fiber_leave(struct fiber *f);

#endif
