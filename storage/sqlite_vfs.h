/*
 * sqlite_vfs.h - the layer between sqlite and its files: page checksums, and gathered log writes.
 *
 *     sqlite -> sqlite_vfs (checksums, gathering) -> sqlite's own VFS of the system
 *
 * SQLite has checksums only in its log. Here the last bytes of each page of the database are a checksum of
 * the rest and of the page's place: if the disk returns something changed or misplaced, that is an error
 * (SQLITE_IOERR_DATA) and not an answer. Consecutive writes to the log become one when it is synced, which
 * `synchronous = FULL` does before others learn of them. Database pages are synced bit by bit, so that a
 * checkpoint does not end in one long sync.
 *
 * If syncing the database fails, the system may have dropped what was written, and would still report success
 * the next time. Only the log has it then. So no sync of that database succeeds any more, on any connection,
 * until all are closed: the log does not begin anew, and is recovered when the database is opened again.
 *
 * Threads    as sqlite: a file belongs to its connection. Registration may happen on any thread.
 * Ownership  the VFS belongs to the process and stays.
 * Units      bytes.
 * Errors     those of sqlite.
 */
#ifndef SQLITE_VFS_H
#define SQLITE_VFS_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"

enum {
    SQLITE_PAGE = 8192,              /* a large value then costs half the writes of 4096 */
    SQLITE_PAGE_SUM = 8,             /* of that, for the checksum: sqlite's "reserved space" */
    SQLITE_HEADER = 100,             /* the length of the header that begins a database */
    SQLITE_APPLICATION = 0x53746477, /* "Stdw", in the header of our files */
    /* File control: the database is ours, verify its pages. SQLITE_IOERR_DATA: no space for checksums. */
    SQLITE_VFS_CHECK = 0x53746401,
    SQLITE_VFS_SYNCED =
        0x53746402, /* likewise. SQLITE_IOERR_FSYNC: a sync of the database has failed */
};

/* Computes the checksum of the page at this offset: what its last bytes must be. */
void sqlite_page_sum(const void *page, int64_t offset, char sum[SQLITE_PAGE_SUM]);

/* Whether a database with this header has pages of our size with space for checksums. */
bool sqlite_pages_fit(const void *header) MUST_USE;

/* The name of the VFS, which is registered at first use. NULL: out of memory. */
const char *sqlite_vfs(void) MUST_USE;

#endif
