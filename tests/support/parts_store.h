/*
 * parts_store.h - a sqlite store whose long ops are done in many small parts.
 *
 *     tcase_add_checked_fixture(tc, parts_setup, parts_teardown);
 *     op = parts_prune("t", 10); while (parts_more(&op)) ...
 *
 * Threads    one.
 * Ownership  the store is opened and closed by the fixture.
 * Units      as in op.h.
 * Errors     a test fails.
 */
#ifndef PARTS_STORE_H
#define PARTS_STORE_H

#include "sqlite_store.h"

extern struct sqlite *parts_driver;
extern struct backend *parts_backend;
extern size_t parts_steps; /* steps of one part; taken over by parts_open() */

void parts_open(void);
void parts_setup(void);
void parts_teardown(void);

/* parts_run() runs an op to its end, which must succeed. parts_more() runs one part, and returns whether
 * there are more. */
void parts_run(struct op *op);
bool parts_more(struct op *op);

/* The first column of the first row, as a number. */
int64_t parts_number(const char *sql);

/*
 * Put checkpoint i ("c0007", of the run "odd" or "even") with its parent, a value of its own, one that
 * all share, and one write; put the first n. parts_count(): how many a thread has; -1: there is none.
 */
void parts_put(const char *thread, int i);
void parts_fill(const char *thread, int n);
int64_t parts_count(const char *thread);

/* Appends message i to a session; counts its messages. */
void parts_append(const char *id, int i);
size_t parts_messages(const char *id);

/* parts_no_rows(): no rows are left but those of threads and sessions. parts_die_and_clean(): the process
 * ends, and another one cleans up. */
void parts_no_rows(void);
void parts_die_and_clean(void);

/* Checks the counters of namespaces against a count of the rows. */
void parts_check_counters(void);

/* Make ops, which the test runs. */
struct op parts_prune(const char *thread, int64_t keep_last);
struct op parts_copy(const char *from, const char *to);

#endif
