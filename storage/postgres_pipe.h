/*
 * postgres_pipe.h - what was sent to the server and is not answered yet, in order.
 *
 *     pipe_use() -> pipe_send() -> pipe_wait() -> result -> pipe_free()
 *
 * Threads    the lane's.
 * Ownership  a use belongs to its query until pipe_free(); one that is detached belongs to the pipe.
 * Units      timeouts are milliseconds without a byte from the server.
 * Errors     UNAVAILABLE: the connection is lost, and was closed; else those of the server.
 */
#ifndef POSTGRES_PIPE_H
#define POSTGRES_PIPE_H

#include "postgres_driver.h"

/* A use that nobody has, for a statement. NULL: ERR_NO_MEMORY. */
struct use *pipe_use(struct postgres *d, enum use_kind kind, int which, struct err *err) MUST_USE;

/* Puts a use at the end of a list; *first is NULL of an empty one. */
void use_append(struct use **first, struct use **last, struct use *use);

/* Binds the first n parameters of another use, whose bytes are not copied. */
void use_bind_as(struct use *use, const struct use *other, int n);

/* Gives a use back; one that is not answered yet goes when it is. */
void pipe_free(struct postgres *d, struct use *use);

/* Puts what libpq has taken into the pipeline; sent: libpq's answer. */
bool pipe_sent(struct postgres *d, struct use *use, int sent, struct err *err) MUST_USE;

/* Marks the end of a transaction: what failed before it does not touch what comes after. */
bool pipe_sync(struct postgres *d, struct use **sync, struct err *err) MUST_USE;

/* The same by a use that was taken before (USE_SYNC); *sync is that use. */
bool pipe_sync_by(struct postgres *d, struct use *use, struct use **sync, struct err *err) MUST_USE;

/* Waits for the answer to a use; true also when it is an error of the server: then d->failed. */
bool pipe_wait(struct postgres *d, struct use *use, struct err *err) MUST_USE;

/* Closes the connection, for a reason. `gone`: the server has closed it; then a new one may be tried
 * at once, else later. */
void pipe_lose(struct postgres *d, const char *reason, bool gone);

#endif
