/*
 * postgres_pipe.h - the pipeline: what was sent to the server and is not answered yet, in order.
 *
 *     pipe_use() -> pipe_sent() -> pipe_wait() -> result -> pipe_free()
 *
 * Threads    the lane's.
 * Ownership  a use belongs to its query until pipe_free(); a detached one belongs to the pipe.
 * Units      timeouts are milliseconds without a byte from the server.
 * Errors     UNAVAILABLE: the connection was lost, and is closed; else those of the server.
 */
#ifndef POSTGRES_PIPE_H
#define POSTGRES_PIPE_H

#include "postgres_driver.h"

/* Gets an unused struct use, for a statement. NULL: ERR_NO_MEMORY. */
struct use *pipe_use(struct postgres *d, enum use_kind kind, int which, struct err *err) MUST_USE;

/* Appends a use to a list, whose *first is NULL if it is empty. */
void use_append(struct use **first, struct use **last, struct use *use);

/* Binds the first n parameters of another use; bytes are shared, not copied. */
void use_bind_as(struct use *use, const struct use *other, int n);

/* Gives a use back; if it is not answered yet, it is freed when it is. */
void pipe_free(struct postgres *d, struct use *use);

/* Adds a use to the pipeline after its PQsend...(), whose result is `sent`; 0 fails. */
bool pipe_sent(struct postgres *d, struct use *use, int sent, struct err *err) MUST_USE;

/* Ends a transaction in the pipeline: what failed before it does not affect what follows. */
bool pipe_sync(struct postgres *d, struct use **sync, struct err *err) MUST_USE;

/* The same with a use (USE_SYNC) that the caller has; *sync is that use. */
bool pipe_sync_by(struct postgres *d, struct use *use, struct use **sync, struct err *err) MUST_USE;

/* Waits for the answer to a use. True even if it is an error of the server: then d->failed. */
bool pipe_wait(struct postgres *d, struct use *use, struct err *err) MUST_USE;

/* Closes the connection, for a reason. `gone`: the server has closed it; if it worked before, another may be
 * tried at once, else later. */
void pipe_lose(struct postgres *d, const char *reason, bool gone);

#endif
