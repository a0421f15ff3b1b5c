/*
 * sqlite_wal.h - whether the log of a database was damaged since it was written.
 *
 *     sqlite_open() -> wal_check() -> sqlite, which takes over what it finds valid
 *
 * SQLite stops at the first frame that is not valid, since a crash leaves the last transaction half
 * written, and drops what is behind it. But each transaction is durable before the next begins: if
 * two are whole behind the bad frame, that was no crash, and what is behind it was acknowledged.
 * Damage within the very last transaction cannot be told from a crash.
 * Format: https://www.sqlite.org/fileformat2.html#walformat
 *
 * Threads    any; nobody may have the database open.
 * Ownership  none.
 * Units      frames count from 1.
 * Errors     STORAGE: damaged; UNAVAILABLE: it cannot be read; NO_MEMORY.
 */
#ifndef SQLITE_WAL_H
#define SQLITE_WAL_H

#include "compiler.h"
#include "err.h"

/* Checks the log at path, in pages of SQLITE_PAGE. None is fine, and one of other pages not ours. */
bool wal_check(const char *path, struct err *err) MUST_USE;

#endif
