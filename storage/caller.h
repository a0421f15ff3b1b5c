/*
 * caller.h - a store as commands use it: send operations, wait for them.
 *
 *     command -> caller_open() -> caller_send() -> lanes -> ... -> caller_wait()
 *
 * What the store could not do just now (contact lost, busy) is repeated for a while, if repeating is
 * harmless. Several batches may be out at once, each with an inbox of its own.
 *
 * Threads    one, the command's; the lanes have theirs.
 * Ownership  ops and their arenas are the command's and stay where they are until they are back.
 * Units      *_ns nanoseconds.
 * Errors     open: those of chain_open(), and ERR_UNAVAILABLE from a store that does not answer. Ops
 *            end with a status.
 */
#ifndef CALLER_H
#define CALLER_H

#include "inbox.h"
#include "lane.h"

struct caller {
    struct lanes *lanes;
    struct inbox inbox;  /* of caller_run() */
    const char *type;    /* "sqlite": the scheme of its URL */
    int64_t patience_ns; /* for how long ops are repeated */
};

/*
 * The lanes of the store that cfg names, as the driver wants them laid out; *type is the scheme of
 * the URL. `lanes` gives their numbers. NULL on failure; ERR_CONFIG then means the URL.
 */
struct lanes *caller_lanes(const struct backend_config *cfg, struct lanes_config lanes,
                           const char **type, struct err *err) MUST_USE;

/* Opens a store that answers. */
bool caller_open(const struct backend_config *cfg, struct caller *out, struct err *err) MUST_USE;

/* Closes what was opened; a zero-filled struct is none. */
void caller_close(struct caller *c);

/* Sends ops on their way; they are back after caller_wait() with the same ops and inbox. */
void caller_send(struct caller *c, struct inbox *home, struct op *const ops[], size_t n);

/* Waits until all are back, and done or failed for good. */
void caller_wait(struct caller *c, struct inbox *home, struct op *const ops[], size_t n);

/* Sends one op and waits; its status as the result. */
bool caller_run(struct caller *c, struct op *op, struct err *err) MUST_USE;

#endif
