/*
 * fake_backend.h - a backend for tests: it notes what it is asked, and answers as it is told.
 *
 * Threads    one fake belongs to one lane; read it after the lane has posted or closed.
 * Ownership  fake_close() frees nothing: the test owns the fake.
 * Units      none.
 * Errors     `fail`, unless ERR_OK, is what execute and probe return.
 */
#ifndef FAKE_BACKEND_H
#define FAKE_BACKEND_H

#include <pthread.h>
#include <stdatomic.h>

#include "backend.h"

enum { FAKE_NOTES = 1024 };

struct fake_backend {
    struct backend base;
    enum err_kind fail;
    pthread_mutex_t *gate; /* execute and probe wait for this lock; NULL: they do not */
    atomic_bool entered;   /* execute was called */
    struct op *ran[FAKE_NOTES];
    size_t n_ran, n_batches, n_probes;
    size_t largest; /* the largest batch */
    bool closed;
    size_t parts; /* how many parts an op on "long" takes after its first */
};

static void fake_wait(struct fake_backend *f)
{
    if (f->gate) {
        pthread_mutex_lock(f->gate);
        pthread_mutex_unlock(f->gate);
    }
}

static bool fake_execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct fake_backend *f = (struct fake_backend *)self;

    atomic_store(&f->entered, true);
    fake_wait(f);
    f->n_batches++;
    if (n > f->largest)
        f->largest = n;
    for (size_t i = 0; i < n && f->n_ran < FAKE_NOTES; i++) {
        f->ran[f->n_ran++] = ops[i];
        if (f->parts > 0 && slice_equal(ops[i]->id, SLICE("long"))) {
            f->parts--;
            ops[i]->again = true;
            ops[i]->progress = f;
        }
    }
    return f->fail == ERR_OK || err_set(err, f->fail, "told to fail");
}

static bool fake_probe(struct backend *self, int64_t deadline_ns, struct err *err)
{
    struct fake_backend *f = (struct fake_backend *)self;

    (void)deadline_ns;
    fake_wait(f);
    f->n_probes++;
    return f->fail == ERR_OK || err_set(err, f->fail, "told to fail");
}

static void fake_close(struct backend *self)
{
    ((struct fake_backend *)self)->closed = true;
}

static const struct backend_ops fake_ops = {"fake", fake_execute, fake_probe, fake_close};

#define FAKE_BACKEND ((struct fake_backend){.base = {.ops = &fake_ops, .caps = BACKEND_SHARED}})

#endif
