/*
 * sql_query.h - prepared statements, for any store.
 *
 *     op function -> query_begin(), query_int(), query_step(), ... -> struct sql_driver
 *
 *     struct query q;
 *     if (!query_begin(d, SQL_SESSION_FIND, &q, err)) return false;
 *     query_int(&q, tenant); query_blob(&q, id);
 *     if (!query_step(&q, &row, err)) return false;      (ends the query on failure)
 *     ... query_col_*(&q, 0) ...
 *     query_end(&q);
 *
 * Threads    the lane's.
 * Ownership  bound bytes are borrowed until query_end(); query_col() lends bytes until the next step.
 * Units      none.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY of the store.
 */
#ifndef SQL_QUERY_H
#define SQL_QUERY_H

#include "sql_driver.h"

/* Prepares a statement, one of enum sql_statement or the driver's own. */
bool query_begin(struct sql *d, int which, struct query *q, struct err *err) MUST_USE;

/* Bind the next parameter. The bytes must live until query_end(). An absent slice becomes NULL. */
void query_int(struct query *q, int64_t n);
void query_double(struct query *q, double n);
void query_blob(struct query *q, struct slice s);
void query_null(struct query *q);

/* How many parameters and columns the statement has. */
int query_parameters(const struct query *q) MUST_USE;
int query_columns(const struct query *q) MUST_USE;

/*
 * Sends a statement, whose parameters are bound, before its first step: a distant store answers all that
 * were sent one after the other in one round trip. Failure ends the query.
 */
bool query_ask(struct query *q, struct err *err) MUST_USE;

/* Moves to the next row; *row is false if there is none. Failure ends the query. */
bool query_step(struct query *q, bool *row, struct err *err) MUST_USE;

/* Runs a statement that gives no rows, and ends the query. An error may show only at a later step or commit. */
bool query_run(struct query *q, struct err *err) MUST_USE;

/* Runs it and waits; *changes is how many rows were changed. */
bool query_change(struct query *q, int64_t *changes, struct err *err) MUST_USE;

/* Makes one row, and ends the query; *id is its integer key. */
bool query_make(struct query *q, int64_t *id, struct err *err) MUST_USE;

/* Read a column of the current row. query_col is valid until the next step. query_copy lives in the arena,
 * is absent for NULL, and fails with ERR_NO_MEMORY. */
int64_t query_col_int(struct query *q, int column);
double query_col_double(struct query *q, int column);
struct slice query_col(struct query *q, int column);
bool query_copy(struct query *q, int column, struct arena *arena, struct slice *out,
                struct err *err) MUST_USE;

/* Ends the use; harmless when it has ended. Also for AUTO(query_end). */
void query_end(struct query *q);

/* Runs a statement without results that takes up to two numbers. */
bool query_do(struct sql *d, int which, int64_t a, int64_t b, struct err *err) MUST_USE;

/* Runs it and waits; *changes is how many rows were changed. */
bool query_do_change(struct sql *d, int which, const int64_t in[2], int64_t *changes,
                     struct err *err) MUST_USE;

/* Reads the number in the first row; *n is unchanged if there is none. Same parameters. */
bool query_number(struct sql *d, int which, const int64_t in[2], int64_t *n,
                  struct err *err) MUST_USE;

#endif
