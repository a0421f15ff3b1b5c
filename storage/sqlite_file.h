/*
 * sqlite_file.h - the file of a database: from its URL to an open connection that nobody else has.
 *
 *     sqlite_open() --.
 *     sqlite_seal() ---`-> sqlite_path() -> sqlite_file_open() -> sqlite_take_over()
 *
 * Threads    the one that opens.
 * Ownership  what was opened is closed by backend_close(), failed or not.
 * Units      none.
 * Errors     CONFIG: the file cannot be had; as wal_check() and sqlite_fail().
 */
#ifndef SQLITE_FILE_H
#define SQLITE_FILE_H

#include "sqlite_driver.h"

/*
 * The path as sqlite shall have it: never a name that means something special to it, but
 * ":memory:" where the URL says so. The caller frees it. NULL: ERR_CONFIG, ERR_NO_MEMORY.
 */
char *sqlite_path(const char *url, struct err *err) MUST_USE;

/* Opens it to read and write; further flags of sqlite. vfs: NULL for the system's. */
bool sqlite_file_open(struct sqlite *d, const char *path, int flags, const char *vfs,
                      struct err *err) MUST_USE;

/* Keeps other processes of ours out until it is closed, and looks whether the log is sound. */
bool sqlite_take_over(struct sqlite *d, const char *path, struct err *err) MUST_USE;

/* Runs all statements of a text. */
bool sqlite_run_script(struct sqlite *d, const char *text, size_t len, struct err *err) MUST_USE;
bool sqlite_run(struct sqlite *d, const char *text, struct err *err) MUST_USE;

/* Puts the path into a text that begins with "sqlite: "; is false. */
bool sqlite_name_path(const char *path, struct err *err);

#endif
