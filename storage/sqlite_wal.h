/*
 * sqlite_wal.h - finds out whether the log of a database was damaged after it was written.
 *
 *     sqlite_open() -> wal_check() -> sqlite, which takes over the frames that it finds valid
 *
 * SQLite stops at the first invalid frame, since a crash leaves the last transaction half written, and drops
 * what follows. But each transaction is durable before the next begins: if two are complete after the bad
 * frame, it was not a crash, and what follows was acknowledged. Damage within the very last transaction cannot
 * be told from a crash.
 * Format: https://www.sqlite.org/fileformat2.html#walformat
 *
 * Threads    any; no one may have the database open.
 * Ownership  none.
 * Units      frames count from 1.
 * Errors     STORAGE: damaged; UNAVAILABLE: it cannot be read; NO_MEMORY.
 */
#ifndef SQLITE_WAL_H
#define SQLITE_WAL_H

#include "compiler.h"
#include "err.h"

/* Checks the log at path, in pages of SQLITE_PAGE. A missing one is fine; other page sizes are not ours. */
bool wal_check(const char *path, struct err *err) MUST_USE;

#endif
