/*
 * fuzz.h - helpers for every fuzz target.
 *
 * A target is one file, fuzz_<parser>.c, with seeds in corpus/<parser>/. Each input that crashed a
 * parser becomes a seed.
 *
 * Threads    one.
 * Ownership  the input is libFuzzer's, an allocation of its own: reading beyond it is caught.
 * Units      bytes.
 * Errors     FUZZ_CHECK ends the process; libFuzzer then saves the input.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdlib.h>

#include "arena.h"
#include "err.h"

/* A property that must hold for every input. */
#define FUZZ_CHECK(condition) \
    do {                      \
        if (!(condition))     \
            abort();          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as a slice of exactly its size. */
static inline struct slice fuzz_input(const uint8_t *data, size_t size)
{
    return (struct slice){(const char *)data, size};
}

/* Whether `part` is absent, or lies within `whole`. */
static inline bool fuzz_within(struct slice part, struct slice whole)
{
    return !slice_present(part) ||
           (part.at >= whole.at && part.at + part.len <= whole.at + whole.len);
}

#endif
