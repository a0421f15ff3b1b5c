/*
 * sqlite_seal.h - takes over a database that another program wrote, as a backup or after VACUUM.
 *
 *     stateward seal -> sqlite_seal() -> log carried over -> structure checked -> a sum in each page
 *
 * Such a program leaves the sums of sqlite_vfs.h out, or as they were. Sealing vouches for what the
 * file holds now: sqlite's check finds a broken structure, not a changed letter in a text. Each step
 * leaves a file that can be sealed again.
 *
 * Threads    main.
 * Ownership  nothing stays open.
 * Units      pages of SQLITE_PAGE.
 * Errors     CONFIG: it cannot be had, or is not ours; STORAGE: its structure is damaged; UNAVAILABLE:
 *            others have it open, or the disk fails; NO_MEMORY.
 */
#ifndef SQLITE_SEAL_H
#define SQLITE_SEAL_H

#include "compiler.h"
#include "err.h"

struct sqlite_sealed {
    long long pages, sealed; /* all; those whose sum was not right */
};

/* Seals the file of a URL. The service must not run on it. */
bool sqlite_seal(const char *url, struct sqlite_sealed *out, struct err *err) MUST_USE;

#endif
