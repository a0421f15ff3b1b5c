/*
 * encode.h - the values of one checkpoint on their way down: which is based on what.
 *
 *     versions.c: encode_start() -> (run e.latest) -> encode_choose() -> (run e.anchors)
 *                 -> encode_values() -> driver -> encode_done()
 *
 * A value is based on the one that it came as a patch of, else on the newest of its channel; a head
 * on the newest head. Mostly the cache knows it. If not, and the value is not small, the checkpoint
 * before is read first. Every 32nd is based on the 32nd before it (delta.h), which is read if the cache
 * has lost it.
 *
 * Threads    the lane's.
 * Ownership  what is made lives in the arena of the op.
 * Units      bytes.
 * Errors     ERR_NO_MEMORY.
 */
#ifndef ENCODE_H
#define ENCODE_H

#include "op.h"
#include "value_cache.h"

struct encoded;

struct encoder {
    struct value_cache *cache; /* or NULL */
    struct op *op;             /* the put */
    struct encoded *values;    /* those of the put, then its head */
    size_t n;
    struct op *latest;  /* to be run: the checkpoint before this one; NULL: there is no need */
    struct op *anchors; /* to be run: values by id; NULL: there is no need */
};

/* Looks for bases in patches and in the cache. */
bool encode_start(struct encoder *e, struct value_cache *cache, struct op *op,
                  struct err *err) MUST_USE;

/* Settles for what is known now, e->latest included. */
bool encode_choose(struct encoder *e, struct err *err) MUST_USE;

/* Gives each value its id, its hash and its encoding; `alone`: none may have a base. */
bool encode_values(struct encoder *e, bool alone, struct err *err) MUST_USE;

/*
 * Gives the op its whole values back and, when they are stored, the cache too. When bases were not
 * there, the cache forgets them.
 */
void encode_done(struct encoder *e);

#endif
