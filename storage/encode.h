/*
 * encode.h - the values of one checkpoint on their way down: which is based on what.
 *
 *     versions.c: encode_start() -> (run e.latest) -> (run e.search, encode_search())...
 *                 -> encode_choose() -> (run e.anchors) -> encode_values() -> driver -> encode_done()
 *
 * Small values stand in the head (inlining.h), all others have rows.
 * A value is based on the one that it came as a patch of, else on the newest of its channel; a head
 * on the newest head. Mostly the cache knows it. If not, and the value is not small, the checkpoint
 * before is read first. Every 32nd is based on the 32nd before it (delta.h), which is read if the cache
 * has lost it.
 *
 * Threads    the lane's.
 * Ownership  what is made lives in the arena of the op.
 * Units      bytes.
 * Errors     ERR_NO_MEMORY; what reading ends in.
 */
#ifndef ENCODE_H
#define ENCODE_H

#include "inlining.h"
#include "op.h"
#include "value_cache.h"

enum { SEARCH_MAX = 1000 }; /* checkpoints that are looked at for what one carries */

struct encoded;

/* How values are stored. */
struct encoding_rules {
    struct value_cache *cache; /* or NULL */
    size_t inline_max;         /* longer values have rows; 0 = all have */
};

struct encoder {
    struct value_cache *cache;      /* or NULL */
    struct op *op;                  /* the put */
    struct op_checkpoint_put asked; /* as it came */
    struct inlining inlining;
    struct value *rows;     /* values that have one: what the driver gets */
    struct encoded *values; /* the head, then those of rows */
    size_t n;
    struct op *latest;  /* to be run: the checkpoint before this one; NULL: there is no need */
    struct op *search;  /* to be run: checkpoints that may have what is carried; NULL: no need */
    struct op *anchors; /* to be run: values by id; NULL: there is no need */
    size_t n_searched;
    bool alone;   /* it is based on nothing, and what it carries is read */
    bool pending; /* the put has yet to run */
};

/* Looks for bases in patches and in the cache; `alone`: none may be had, and the cache is not asked. */
bool encode_start(struct encoder *e, const struct encoding_rules *rules, struct op *op, bool alone,
                  struct err *err) MUST_USE;

/* Looks for what is carried in what has been read, and sets e->search anew. */
bool encode_search(struct encoder *e, struct err *err) MUST_USE;

/* Settles for what is known now, e->latest included. */
bool encode_choose(struct encoder *e, struct err *err) MUST_USE;

/* Gives each value its id, its hash and its encoding. */
bool encode_values(struct encoder *e, struct err *err) MUST_USE;

/*
 * Gives the op its whole values back and, when they are stored, the cache too. When bases were not
 * there, the cache forgets them.
 */
void encode_done(struct encoder *e);

#endif
