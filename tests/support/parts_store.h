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
extern size_t parts_steps; /* of a part; taken at opening */

void parts_open(void);
void parts_setup(void);
void parts_teardown(void);

/* Runs an op that succeeds and is whole; one part of an op, and whether there are more. */
void parts_run(struct op *op);
bool parts_more(struct op *op);

/* The first column of the first row. */
int64_t parts_number(const char *sql);

/*
 * Checkpoint i ("c0007", of the run "odd" or "even") with its parent, one value of its own, one that
 * all share and one write; the first n of them; how many a thread has, -1 when there is none.
 */
void parts_put(const char *thread, int i);
void parts_fill(const char *thread, int n);
int64_t parts_count(const char *thread);

/* Message i of a session; how many it has. */
void parts_append(const char *id, int i);
size_t parts_messages(const char *id);

/* No row is left but those of threads and sessions; the process ends and another cleans up. */
void parts_no_rows(void);
void parts_die_and_clean(void);

/* The counters of namespaces are what a count gives. */
void parts_check_counters(void);

/* Ops that are not yet run. */
struct op parts_prune(const char *thread, int64_t keep_last);
struct op parts_copy(const char *from, const char *to);

#endif
