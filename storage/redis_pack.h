/*
 * redis_pack.h - numbers and texts as one field that people can read.
 *
 *     "<number> <number> ... <length> <length> ...\n" and then the texts, one behind the other
 *
 * The length of an absent text is "-".
 *
 * Threads    no state.
 * Ownership  packed bytes live in the arena; unpacked texts point into them.
 * Units      bytes.
 * Errors     ERR_NO_MEMORY; ERR_DAMAGED: not what pack made.
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

/* Packs. */
bool redis_pack(const struct packed *in, struct arena *arena, struct slice *out,
                struct err *err) MUST_USE;

/* Fills as many numbers and texts as `out` says. */
bool redis_unpack(struct slice in, const struct packed *out, struct err *err) MUST_USE;

/* A decimal number; 0 if the text is absent. */
int64_t redis_number(struct slice text) MUST_USE;

/* The text of a number; absent: out of memory. */
struct slice redis_decimal(int64_t n, struct arena *arena) MUST_USE;

/* The same with 20 digits, in whose order texts are that of the numbers, from 0 on. */
struct slice redis_digits(int64_t n, struct arena *arena) MUST_USE;

#endif
