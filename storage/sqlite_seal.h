/*
 * sqlite_seal.h - adopts a database that another program wrote, as a backup or after VACUUM.
 *
 *     stateward seal -> sqlite_seal() -> log copied -> structure checked -> a checksum in each page
 *
 * Such a program omits the checksums of sqlite_vfs.h, or leaves them as they were. Sealing vouches for what the
 * file holds now: sqlite's check finds a broken structure, but not a changed letter in a text. An interrupted
 * seal leaves a file that can be sealed again.
 *
 * Threads    main.
 * Ownership  nothing stays open.
 * Units      pages of SQLITE_PAGE.
 * Errors     CONFIG: it cannot be opened or locked, or is not ours; STORAGE: its structure is damaged;
 *            UNAVAILABLE: others have it open, or the disk fails; NO_MEMORY.
 */
#ifndef SQLITE_SEAL_H
#define SQLITE_SEAL_H

#include "compiler.h"
#include "err.h"

struct sqlite_sealed {
    long long pages, sealed; /* all pages; those whose checksum was wrong */
};

/* Seals the file of a URL. The service must not be running on it. */
bool sqlite_seal(const char *url, struct sqlite_sealed *out, struct err *err) MUST_USE;

#endif
