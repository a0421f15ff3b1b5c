/*
 * sqlite_vfs.h - the files under sqlite: a checksum in each page, writes gathered.
 *
 *     sqlite -> sqlite_vfs (page sums, gathering) -> sqlite's own VFS of the system
 *
 * SQLite keeps checksums in its log only. Here the last bytes of each page of the database are a
 * sum over the rest and its place: what the disk gives back changed or from elsewhere is an error
 * (SQLITE_IOERR_DATA), not an answer. Writes to the log that follow one another become one when it
 * is synced, which `synchronous = FULL` does before others are told of them. Pages of the database
 * are synced as they come: a checkpoint is not followed by one long sync.
 *
 * Threads    as sqlite: a file belongs to its connection. Registration may run anywhere.
 * Ownership  the VFS is the process's and stays.
 * Units      bytes.
 * Errors     of sqlite.
 */
#ifndef SQLITE_VFS_H
#define SQLITE_VFS_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"

enum {
    SQLITE_PAGE = 8192,              /* a big value then costs half the writes of 4096 */
    SQLITE_PAGE_SUM = 8,             /* of it for the sum: sqlite's "reserved space" */
    SQLITE_HEADER = 100,             /* with which a database begins */
    SQLITE_APPLICATION = 0x53746477, /* "Stdw", in the header of our files */
    SQLITE_VFS_CHECK = 0x53746401,   /* file control: the database is ours, check each page of it;
                                        SQLITE_IOERR_DATA when they have no room for sums */
};

/* What the last bytes of the page at this offset shall be. */
void sqlite_page_sum(const void *page, int64_t offset, char sum[SQLITE_PAGE_SUM]);

/* Whether the pages of a database with this header have our size and room for sums. */
bool sqlite_pages_fit(const void *header) MUST_USE;

/* Name to open with; registered on first use. NULL: out of memory. */
const char *sqlite_vfs(void) MUST_USE;

#endif
