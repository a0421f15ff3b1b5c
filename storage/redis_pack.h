/*
 * redis_pack.h - packs numbers and texts into one field that people can read.
 *
 *     "<number> <number> ... <length> <length> ...\n" then the texts, without separators
 *
 * The length of an absent text is "-".
 *
 * Threads    no state.
 * Ownership  packed bytes live in the arena; unpacked texts point into them.
 * Units      bytes.
 * Errors     ERR_NO_MEMORY; ERR_DAMAGED: the field was not made by redis_pack().
 */
#ifndef REDIS_PACK_H
#define REDIS_PACK_H

#include "arena.h"
#include "err.h"

struct packed {
    int64_t *numbers;
    size_t n_numbers;
    struct slice *texts;
    size_t n_texts;
};

/* Packs `in` into one field. */
bool redis_pack(const struct packed *in, struct arena *arena, struct slice *out,
                struct err *err) MUST_USE;

/* Unpacks as many numbers and texts as `out` has room for. */
bool redis_unpack(struct slice in, const struct packed *out, struct err *err) MUST_USE;

/* A decimal number; 0 if the text is absent. */
int64_t redis_number(struct slice text) MUST_USE;

/* The decimal text of a number; absent: out of memory. */
struct slice redis_decimal(int64_t n, struct arena *arena) MUST_USE;

/* The same with 20 digits, so that texts sort as their numbers do. Negative numbers become 0. */
struct slice redis_digits(int64_t n, struct arena *arena) MUST_USE;

#endif
