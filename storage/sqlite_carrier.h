/*
 * sqlite_carrier.h - copies the log into the database (checkpoints), beside the writer.
 *
 *     COMMIT -> hook: much is in the log -> carrier thread: passive checkpoints, syncs the database
 *                     little is left     -> the writer does the rest, so that the log begins anew
 *
 * A checkpoint within a commit makes all ops behind it wait for the pages and the sync of the whole log. One
 * beside the writer never finishes, as the log grows meanwhile, and only a log that is copied as a whole can
 * begin anew. So the thread does most of the work and the writer finishes it.
 *
 * Threads    start and stop: the writer's. The thread has its own connection.
 * Ownership  the caller frees with carrier_stop().
 * Units      frames: pages in the log.
 * Errors     start: NO_MEMORY; INTERNAL when no thread can be started. Later ones are not reported: the
 *            log stays whole and grows, and the next commit tries again, but not after a failed sync
 *            of the database (sqlite_vfs.h).
 */
#ifndef SQLITE_CARRIER_H
#define SQLITE_CARRIER_H

#include "sqlite_driver.h"

enum {
    CARRIER_WAKE = 4000, /* this many frames are worth copying */
    CARRIER_END = 200,   /* this few are left to the writer */
    CARRIER_MOST = 8192, /* at this many the writer waits for the thread: 64 MiB */
};

struct carrier;

/* Starts one for the connection of the writer. `reader` is another connection to the same file, which the
 * thread owns from now on; it is closed on failure. NULL on failure. */
struct carrier *carrier_start(struct sqlite *writer, struct sqlite *reader,
                              struct err *err) MUST_USE;

/* Ends the thread and closes its connection. Call it before the writer's is closed. NULL is allowed. */
void carrier_stop(struct carrier *c);

#endif
