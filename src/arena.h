/*
 * arena.h - memory that is given back all at once.
 *
 *     request (or lane, or command) -> arena_alloc() ... -> arena_reset() | arena_done()
 *
 * Threads    one thread at a time; a handover needs a lock or a queue in between.
 * Ownership  what it hands out lives until arena_reset() or arena_done() of the arena. The first
 *            block may be the caller's own (inside its struct), so that a small request allocates
 *            nothing.
 * Units      sizes are bytes; results are aligned to 16.
 * Errors     NULL when memory runs out, or the allowance; never aborts.
 */
#ifndef ARENA_H
#define ARENA_H

#include "allowance.h"
#include "bytes.h"
#include "compiler.h"

struct arena_block;

struct arena {
    char *at;    /* next free byte */
    char *end;   /* end of the current block */
    char *first; /* the caller's first block, or NULL */
    size_t first_size;
    struct arena_block *blocks;  /* malloc'ed blocks, newest first */
    struct allowance *allowance; /* what large blocks are taken from; NULL: not counted */
    bool insists;                /* it is not asked whether there is room */
};

/* Starts empty on the caller's block; (NULL, 0) for none. A zero-filled struct arena is valid too. */
void arena_init(struct arena *a, void *first, size_t size);

/* Counts blocks of 64 KiB and more in the allowance, from before the first one. */
void arena_limit(struct arena *a, struct allowance *allowance);

/* From now on they are counted, but not refused: what is still to come is little. */
void arena_insist(struct arena *a);

/* Uninitialised bytes, or NULL. */
void *arena_alloc(struct arena *a, size_t size) MUST_USE;

/* n * size zeroed bytes, or NULL (also when the product overflows). */
void *arena_zalloc(struct arena *a, size_t n, size_t size) MUST_USE;

/*
 * Resizes a block from old_size to new_size bytes and returns its address; it is moved only when it is
 * not the newest of the arena or there is no room. NULL leaves the old block as it was.
 */
void *arena_resize(struct arena *a, void *old, size_t old_size, size_t new_size) MUST_USE;

/*
 * Makes room for one more item of `size` bytes in a list of n, which starts as NULL with *cap = 0 and
 * doubles when it is full. Returns the list, perhaps moved; NULL leaves it and *cap as they were.
 */
void *arena_grow(struct arena *a, void *items, size_t n, size_t size, size_t *cap) MUST_USE;

/* A copy with a NUL behind it, for convenience; {NULL, 0} when memory runs out. */
struct slice arena_copy(struct arena *a, struct slice s) MUST_USE;

/* Replaces *s by such a copy; an absent slice stays absent. False when memory runs out. */
bool arena_keep(struct arena *a, struct slice *s) MUST_USE;

/* A formatted, NUL-terminated text; {NULL, 0} when memory runs out. */
struct slice arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3) MUST_USE;

/* Frees all blocks except the caller's own; the arena is ready for the next use, with the same allowance. */
void arena_reset(struct arena *a);

/* Frees everything; the arena may not be used until arena_init(). */
void arena_done(struct arena *a);

#endif
