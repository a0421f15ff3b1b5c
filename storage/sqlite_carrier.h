/*
 * sqlite_carrier.h - carries the log over into the database, beside the writer.
 *
 *     COMMIT -> hook: much is in the log -> carrier thread: passive checkpoints, database synced
 *                     little is left     -> the writer does the rest, so that the log begins anew
 *
 * A checkpoint within a commit makes all ops behind it wait for the pages and the sync of the whole
 * log. One beside the writer never ends, for the log grows meanwhile, and only a log that is carried
 * over as a whole can begin anew. So the thread does the work and the writer its end.
 *
 * Threads    start and stop: the writer's. The thread has a connection of its own.
 * Ownership  the caller frees by carrier_stop().
 * Units      frames: pages in the log.
 * Errors     start: NO_MEMORY; INTERNAL when no thread can be had. Later ones are not told: the
 *            log stays whole and grows, the next commit tries again.
 */
#ifndef SQLITE_CARRIER_H
#define SQLITE_CARRIER_H

#include "sqlite_driver.h"

enum {
    CARRIER_WAKE = 4000, /* so many frames are worth carrying */
    CARRIER_END = 200,   /* so few the writer carries itself */
    CARRIER_MOST = 8192, /* with so many the writer waits for the thread: 64 MiB */
};

struct carrier;

/* For the connection of the writer; `reader` is another to the same file, which the thread owns from
 * now on, also on failure (closed). NULL on failure. */
struct carrier *carrier_start(struct sqlite *writer, struct sqlite *reader,
                              struct err *err) MUST_USE;

/* Ends the thread, closes its connection. Before the writer's is closed. NULL is allowed. */
void carrier_stop(struct carrier *c);

#endif
