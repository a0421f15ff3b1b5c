/*
 * sqlite_store.h - a sqlite store in a folder of its own, for unit tests of the driver.
 *
 *     tcase_add_checked_fixture(tc, sqlite_store_make, sqlite_store_remove);
 *     b = sqlite_store_open(); op = sqlite_store_put("s1"); sqlite_store_run(b, &op);
 *
 * Threads    one.
 * Ownership  the test closes the backends that it opens.
 * Units      as in op.h.
 * Errors     a test fails.
 */
#ifndef SQLITE_STORE_H
#define SQLITE_STORE_H

#include "sqlite.h"
#include "sqlite_driver.h"

/* Folder, file and URL of the database; tests may change them. The arena of all ops. */
extern char sqlite_store_folder[32], sqlite_store_path[64], sqlite_store_url[80];
extern struct arena sqlite_store_arena;

/* Makes the folder; removes it, with the files of the database. */
void sqlite_store_make(void);
void sqlite_store_remove(void);

/* Opens a driver, without the chain above it. It may fail. */
struct backend *sqlite_store_try(const char *url, enum backend_role role, struct err *err) MUST_USE;

/* Opens the database of the folder as its writer. */
struct backend *sqlite_store_open(void) MUST_USE;

/* An op on this id (NULL: none), with the present time and a new stamp. */
struct op sqlite_store_op(enum op_type type, const char *id);

/* An op that puts a session; one that gets it. */
struct op sqlite_store_put(const char *id);
struct op sqlite_store_get(const char *id);

/* Runs an op to its end. Returns the kind of its status. */
enum err_kind sqlite_store_run(struct backend *b, struct op *op);

#endif
