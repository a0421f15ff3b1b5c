/*
 * caller.h - lets a command send operations to a store and wait for them.
 *
 *     command -> caller_open() -> caller_send() -> lanes -> ... -> caller_wait()
 *
 * Ops that fail for now (contact lost, busy) are repeated for a while, if repeating is harmless. Several
 * batches may be out at once, each with an inbox of its own.
 *
 * Threads    one, the command's; the lanes have theirs.
 * Ownership  ops and their arenas are the command's, which must not touch them until they are back.
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
    struct inbox inbox;  /* for caller_run() */
    const char *type;    /* scheme of the URL: "sqlite" */
    int64_t patience_ns; /* how long ops are repeated */
};

/*
 * Opens lanes to the store that cfg names, in the layout of its driver; `lanes` has their numbers. Its
 * `gather` takes the place of the driver's own unless it is 0; neither counts with more than two lanes. *type
 * is the scheme of the URL. NULL on failure; ERR_CONFIG means that the URL is wrong.
 */
struct lanes *caller_lanes(const struct backend_config *cfg, struct lanes_config lanes,
                           const char **type, struct err *err) MUST_USE;

/* Opens a store and checks that it answers. */
bool caller_open(const struct backend_config *cfg, struct caller *out, struct err *err) MUST_USE;

/* Closes a store. A struct filled with zeros has none. */
void caller_close(struct caller *c);

/* Sends ops. They come back to `home`, and must not be touched before caller_wait() returns. */
void caller_send(struct caller *c, struct inbox *home, struct op *const ops[], size_t n);

/* Waits until all of these ops are back and done, or failed for good; repeats what may be repeated. */
void caller_wait(struct caller *c, struct inbox *home, struct op *const ops[], size_t n);

/* Sends one op and waits for it. False: the op failed, and *err is its status. */
bool caller_run(struct caller *c, struct op *op, struct err *err) MUST_USE;

#endif
