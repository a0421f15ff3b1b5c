/*
 * store.h - one of the two stores of a world: a real one in memory, which may crash or hang.
 *
 *     port.c -> store_execute() -> versions -> sqlite
 *
 * What it holds survives a crash. Beside it stands a list of what its outbox should hold: for the
 * checker, who knows of changes that are in one store alone.
 *
 * Threads    one.
 * Ownership  the backend is the store's.
 * Units      none.
 * Errors     none: a store that fails by itself is a bug, and aborts.
 */
#ifndef STORE_H
#define STORE_H

#include "clock.h"
#include "world.h"

struct mark;
struct waiting;

struct sim_store {
    struct world *world;
    int side; /* 0 is the primary */
    struct backend *backend;
    bool up, hung;
    struct waiting *first, *last; /* requests in its socket buffers, while it hangs */
    struct mark *marks;           /* entries of its outbox */
};

/* "P", "F". */
const char *store_name(const struct sim_store *s);

struct sim_store *store_new(struct world *w, int side);

void store_free(struct sim_store *s);

/*
 * Runs ops at once. They are run by the clock of who sent them, as it was then; it has learnt what the
 * store has shown when this returns.
 */
void store_execute(struct sim_store *s, struct op *const ops[], size_t n,
                   struct stamp_clock *clock);

/* Nobody hears what it answered to an op: so nobody learns that a copy has lost to a newer change. */
void store_unheard(struct sim_store *s, const struct op *op);

/* Calls fn(arg) when the store goes on. It hangs now. */
void store_wait(struct sim_store *s, void (*fn)(void *arg), void *arg);

/* For schedule_at(): arg is the store. */
void store_crash(void *arg);
void store_restart(void *arg);
void store_hang(void *arg);
void store_resume(void *arg);

/* A client has its answer: the change of this number holds. Whether only one of the stores has it. */
bool store_acknowledged(struct world *w, int64_t number);

/* Whether it alone has an acknowledged change of this id. */
bool store_alone(const struct sim_store *s, struct slice id);

/* Whether it alone has any change, acknowledged or not. */
bool store_is_ahead(const struct sim_store *s);

#endif
