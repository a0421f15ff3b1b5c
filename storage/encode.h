/*
 * encode.h - encodes the values of one checkpoint: chooses ids and bases.
 *
 *     versions.c: encode_start() -> (run e.latest) -> (run e.search, encode_search())...
 *                 -> encode_choose() -> (run e.anchors) -> encode_values() -> driver -> encode_done()
 *
 * Small values are inlined in the head (inlining.h), all others have rows. A value is based on the one that
 * it was sent as a patch of, else on the newest of its channel; a head on the newest head. Usually the cache
 * has it. If not, and the value is not small, the previous checkpoint is read first. Every 32nd is based on
 * the 32nd before it (delta.h), which is read if it is no longer in the cache.
 *
 * Threads    the lane's.
 * Ownership  results live in the arena of the op.
 * Units      bytes.
 * Errors     ERR_NO_MEMORY; those of the reads.
 */
#ifndef ENCODE_H
#define ENCODE_H

#include "inlining.h"
#include "op.h"
#include "value_cache.h"

enum { SEARCH_MAX = 1000 }; /* checkpoints in which carried values are looked for */

struct encoded;

/* How values are to be stored. */
struct encoding_rules {
    struct value_cache *cache; /* or NULL */
    size_t inline_max;         /* longer values have rows; 0 = all have */
};

struct encoder {
    struct value_cache *cache;      /* or NULL */
    struct op *op;                  /* the put */
    struct op_checkpoint_put asked; /* as it came */
    struct inlining inlining;
    struct value *rows;     /* values with a row, for the driver */
    struct encoded *values; /* the head, then those in `rows` */
    size_t n;
    struct op *latest; /* to be run: reads the previous checkpoint; NULL: not needed */
    /* To be run: lists checkpoints that may have carried values; NULL: not needed. */
    struct op *search;
    struct op *anchors; /* to be run: reads values by id; NULL: not needed */
    size_t n_searched;
    bool alone;   /* nothing gets a base, and carried values are read, not guessed */
    bool pending; /* the put has yet to run */
};

/* Looks for bases in patches and in the cache; not if `alone`: then nothing may have a base. */
bool encode_start(struct encoder *e, const struct encoding_rules *rules, struct op *op, bool alone,
                  struct err *err) MUST_USE;

/* Looks for carried values in what was read, and sets e->search again if there is more to read. */
bool encode_search(struct encoder *e, struct err *err) MUST_USE;

/* Chooses bases from what is known now, including e->latest. */
bool encode_choose(struct encoder *e, struct err *err) MUST_USE;

/* Gives each value its id, hash and encoding. */
bool encode_values(struct encoder *e, struct err *err) MUST_USE;

/*
 * Gives the op its whole values back. If they were stored, the cache gets them; if bases were missing, the
 * cache forgets those.
 */
void encode_done(struct encoder *e);

#endif
