/*
 * backend_over.h - what a backend over one other backend is made of.
 *
 *     its execute(): looks at the ops, may change or hold some -> backend_pass() the rest
 *     its probe and close: backend_over_probe(), backend_over_close(), if it adds nothing to them
 *
 * Threads    as in backend.h.
 * Ownership  it owns the backend below.
 * Units      as in backend.h.
 * Errors     those of the backend below.
 */
#ifndef BACKEND_OVER_H
#define BACKEND_OVER_H

#include "backend.h"

/* First member of each such backend's own struct, which comes from malloc(). */
struct backend_over {
    struct backend base;
    struct backend *below; /* NULL: not open yet, which only close allows */
};

/* Probes the backend below, and takes over its caps. */
bool backend_over_probe(struct backend *self, int64_t deadline_ns, struct err *err) MUST_USE;

/* Closes the backend below, and frees self. */
void backend_over_close(struct backend *self);

/*
 * Hands on ops of a batch that backend_execute() has begun. It does not go through that again: deadlines,
 * `again` and `progress` stay as it has left them. n may be 0.
 */
static inline bool backend_pass(struct backend *below, struct op *const ops[], size_t n,
                                struct err *err)
{
    return n == 0 || below->ops->execute(below, ops, n, err);
}

#endif
