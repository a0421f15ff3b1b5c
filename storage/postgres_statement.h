/*
 * postgres_statement.h - the texts of statements, and how they get into the pipeline.
 *
 *     query (postgres_query.c) -> statement_lock() -> statement_send() -> pipeline
 *                                    `- statement_open(), statement_fetch(), ..., statement_close()
 *
 * Threads    the lane's.
 * Ownership  a use that cannot be sent is freed.
 * Units      none.
 * Errors     as postgres_pipe.h.
 */
#ifndef POSTGRES_STATEMENT_H
#define POSTGRES_STATEMENT_H

#include "postgres_driver.h"

enum { TYPE_BYTES = 17, TYPE_INT8 = 20, TYPE_TEXT = 25, TYPE_FLOAT8 = 701, TYPE_NUMBERS = 1016 };

/* Rows that one fetch from a cursor gives. */
enum { STATEMENT_FETCHED = 500 };

/* How many parameters a statement has. */
int statement_parameters(int which) MUST_USE;

/* Whether a statement may change rows. */
bool statement_writes(int which) MUST_USE;

/*
 * In a transaction that writes, makes a use lock what it looks for: either the use itself does, or *lock, to be
 * sent before it, which is bound to the same bytes.
 */
bool statement_lock(struct postgres *d, struct use *use, struct use **lock,
                    struct err *err) MUST_USE;

/* Puts a use and its parameters into the pipeline; prepares its statement first if needed. */
bool statement_send(struct postgres *d, struct use *use, struct err *err) MUST_USE;

/* Whether a statement may give too many rows to hold at once; then a cursor reads them. */
bool statement_is_long(int which) MUST_USE;

/* Open a cursor, request rows of it (use->cursor), close it. Only for the rows one has to wait. */
bool statement_open(struct postgres *d, const struct use *of, unsigned cursor,
                    struct err *err) MUST_USE;
bool statement_fetch(struct postgres *d, struct use *use, struct err *err) MUST_USE;
bool statement_close(struct postgres *d, unsigned cursor, struct err *err) MUST_USE;

#endif
