/*
 * postgres_statement.h - the texts of the statements, and how they get into the pipeline.
 *
 *     query (postgres_query.c) -> statement_lock() -> statement_send() -> pipeline
 *                                    `- statement_open(), statement_fetch(), ..., statement_close()
 *
 * Threads    the lane's.
 * Ownership  a use that cannot be sent is gone.
 * Units      none.
 * Errors     as postgres_pipe.h.
 */
#ifndef POSTGRES_STATEMENT_H
#define POSTGRES_STATEMENT_H

#include "postgres_driver.h"

enum { TYPE_BYTES = 17, TYPE_INT8 = 20, TYPE_TEXT = 25, TYPE_FLOAT8 = 701, TYPE_NUMBERS = 1016 };

/* Rows of a cursor that come at once. */
enum { STATEMENT_FETCHED = 500 };

/* How many parameters a statement has. */
int statement_parameters(int which) MUST_USE;

/* Whether it changes rows. */
bool statement_writes(int which) MUST_USE;

/*
 * In a transaction that writes what is looked for is locked: by the use, or by *lock, which is to be sent
 * before it and is bound to the same bytes.
 */
bool statement_lock(struct postgres *d, struct use *use, struct use **lock,
                    struct err *err) MUST_USE;

/* Puts a use with its parameters into the pipeline. */
bool statement_send(struct postgres *d, struct use *use, struct err *err) MUST_USE;

/* Whether it has more rows than one wants to hold; such a one is read by a cursor. */
bool statement_is_long(int which) MUST_USE;

/* Opens a cursor, has rows of it sent (use->cursor), closes it. Only the rows need be waited for. */
bool statement_open(struct postgres *d, const struct use *of, unsigned cursor,
                    struct err *err) MUST_USE;
bool statement_fetch(struct postgres *d, struct use *use, struct err *err) MUST_USE;
bool statement_close(struct postgres *d, unsigned cursor, struct err *err) MUST_USE;

#endif
