/*
 * samples.h - every kind of op, each on the same small store.
 *
 *     samples_init() -> per test: sample_seed(store) -> sample_make(&samples[i]) -> run
 *
 * Threads    one.
 * Ownership  what samples are made of is static, or lives until the process ends: an op is run before
 *            the next is made.
 * Units      *_us wall microseconds since 1970.
 * Errors     those of the store.
 */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <sqlite3.h>

#include "arena.h"
#include "backend.h"

struct sample {
    const char *name;
    enum op_type type;
    const char *id; /* session or thread; NULL = none */
    void (*fill)(struct op *op);
};

extern const struct sample samples[];
extern const size_t n_samples;

/* Makes what some samples refer to; before any other. */
bool samples_init(struct err *err) MUST_USE;

/* What stores of the samples are opened with: sessions and checkpoints live for an hour. */
struct backend_config sample_config(const char *url, enum backend_role role);

/* chain_open() for a store of sqlite in which no op is done in parts: one that is done stays when
 * the next fails. *db, if given, is the connection. */
struct backend *sample_open(const struct backend_config *cfg, sqlite3 **db, struct err *err);

/* An op of the samples' tenant and time, its input zeroed. */
struct op sample_op(enum op_type type, const char *id, struct arena *arena);

/* The op of a sample, its input as new. */
struct op sample_make(const struct sample *s, struct arena *arena);

/* Runs one op. False: the batch failed, or the op. */
bool sample_run(struct backend *b, struct op *op, struct err *err) MUST_USE;

/* Fills an empty store. */
bool sample_seed(struct backend *b, struct err *err) MUST_USE;

/* Makes it one of a pair that waits for its peer: what ops of a pair find. After sample_seed(). */
bool sample_seed_pair(struct backend *b, struct err *err) MUST_USE;

#endif
