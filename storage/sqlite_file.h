/*
 * sqlite_file.h - opens the file of a database, for this process alone.
 *
 *     sqlite_open() --.
 *     sqlite_seal() ---`-> sqlite_path() -> sqlite_file_open() -> sqlite_take_over()
 *
 * Threads    the one that opens.
 * Ownership  backend_close() closes what was opened, even on failure.
 * Units      none.
 * Errors     CONFIG: the file cannot be opened or locked; those of wal_check() and sqlite_fail().
 */
#ifndef SQLITE_FILE_H
#define SQLITE_FILE_H

#include "sqlite_driver.h"

/*
 * Converts a URL to a path for sqlite, so that no name has a special meaning, except ":memory:" for the URL
 * memory:. The caller frees it. NULL: ERR_CONFIG, ERR_NO_MEMORY.
 */
char *sqlite_path(const char *url, struct err *err) MUST_USE;

/* Opens a path for reading and writing; `flags` adds flags of sqlite. vfs NULL: the system's. */
bool sqlite_file_open(struct sqlite *d, const char *path, int flags, const char *vfs,
                      struct err *err) MUST_USE;

/* Keeps other processes of ours out until it is closed, and checks that the log is sound and of this file. */
bool sqlite_take_over(struct sqlite *d, const char *path, struct err *err) MUST_USE;

/* Notes which file and which log belong together, for the next sqlite_take_over(). Once there is a log. */
bool sqlite_note_log(struct sqlite *d, const char *path, struct err *err) MUST_USE;

/* Run all statements of a text. */
bool sqlite_run_script(struct sqlite *d, const char *text, size_t len, struct err *err) MUST_USE;
bool sqlite_run(struct sqlite *d, const char *text, struct err *err) MUST_USE;

/* Puts the path into a text that begins with "sqlite: ". Returns false. */
bool sqlite_name_path(const char *path, struct err *err);

#endif
