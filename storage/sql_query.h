/*
 * sql_query.h - prepared statements, whatever the store.
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
 * Ownership  what is bound, and what query_col() gives, belongs to others: see there.
 * Units      none.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY of the store.
 */
#ifndef SQL_QUERY_H
#define SQL_QUERY_H

#include "sql_driver.h"

/* Readies the statement, one of enum sql_statement or the driver's own. */
bool query_begin(struct sql *d, int which, struct query *q, struct err *err) MUST_USE;

/* Bind the next parameter. The bytes must live until query_end(). An absent slice is NULL. */
void query_int(struct query *q, int64_t n);
void query_double(struct query *q, double n);
void query_blob(struct query *q, struct slice s);
void query_null(struct query *q);

/* How many parameters and columns the statement has. */
int query_parameters(const struct query *q) MUST_USE;
int query_columns(const struct query *q) MUST_USE;

/*
 * Sends the statement, whose parameters are bound, ahead of its first step: statements that were asked
 * one after the other are answered in one trip to a distant store. Failure ends the query.
 */
bool query_ask(struct query *q, struct err *err) MUST_USE;

/* Moves to the next row; *row is false when there is none. Failure ends the query. */
bool query_step(struct query *q, bool *row, struct err *err) MUST_USE;

/* Runs a statement that gives no rows, and ends the query. */
bool query_run(struct query *q, struct err *err) MUST_USE;

/* The same; *changes is how many rows were changed. */
bool query_change(struct query *q, int64_t *changes, struct err *err) MUST_USE;

/* Makes one row, and ends the query; *id is its integer key. */
bool query_make(struct query *q, int64_t *id, struct err *err) MUST_USE;

/* Columns of the row. query_col is valid until the next step; query_copy lives in the arena and is
 * absent for NULL; it fails with ERR_NO_MEMORY. */
int64_t query_col_int(struct query *q, int column);
double query_col_double(struct query *q, int column);
struct slice query_col(struct query *q, int column);
bool query_copy(struct query *q, int column, struct arena *arena, struct slice *out,
                struct err *err) MUST_USE;

/* Ends the use; allowed twice. Also by AUTO(query_end). */
void query_end(struct query *q);

/* Runs a statement without results that takes up to two numbers. */
bool query_do(struct sql *d, int which, int64_t a, int64_t b, struct err *err) MUST_USE;

/* The same; *changes is how many rows were changed. */
bool query_do_change(struct sql *d, int which, const int64_t in[2], int64_t *changes,
                     struct err *err) MUST_USE;

/* Reads the number in the first row; *n stays when there is no row. Same parameters. */
bool query_number(struct sql *d, int which, const int64_t in[2], int64_t *n,
                  struct err *err) MUST_USE;

#endif
