/*
 * store.h - one of the two stores of a world: sqlite in memory, which may crash or hang.
 *
 *     port.c -> store_execute() -> versions -> sqlite
 *
 * What it holds survives a crash, unless it is made to forget. Beside it a list of marks follows its outbox: by them the checker knows
 * which changes are in one store alone.
 *
 * Threads    one.
 * Ownership  the store owns the backend.
 * Units      none.
 * Errors     none: a store that fails by itself is a bug, and aborts.
 */
#ifndef STORE_H
#define STORE_H

#include "clock.h"
#include "saved.h"
#include "world.h"

struct mark;
struct state;
struct waiting;

struct sim_store {
    struct world *world;
    int side; /* 0 is the primary */
    struct backend *backend;
    bool up, hung;
    struct waiting *first, *last; /* requests in its socket buffers while it hangs */
    struct mark *marks;           /* of the changes in its outbox */
    struct sqlite *driver;        /* below the backend */
    struct state *states;         /* that were saved */
    enum telling tells;           /* how it shows that it has forgotten something */
    int64_t position;             /* how often notes were made */
    int64_t starts;               /* connections made before the last start are closed */
    int64_t incarnation;
    int64_t forgot_us; /* when it did so last */
};

/* "P" or "F". */
const char *store_name(const struct sim_store *s);

struct sim_store *store_new(struct world *w, int side);

void store_free(struct sim_store *s);

/*
 * Runs ops at once, by the stamp clock of their sender. On return that clock is above all that the store
 * has shown.
 */
void store_execute(struct sim_store *s, struct op *const ops[], size_t n,
                   struct stamp_clock *clock);

/* The answer to this op is lost: so nobody learns that its copy has lost to a newer change. */
void store_unheard(struct sim_store *s, const struct op *op);

/* Keeps fn(arg) until the store, which hangs, goes on. */
void store_wait(struct sim_store *s, void (*fn)(void *arg), void *arg);

/* For schedule_at(): arg is the store. */
void store_crash(void *arg);
void store_restart(void *arg);
void store_hang(void *arg);
void store_resume(void *arg);

/* Saves the state of a store, to which store_forget() returns; NULL there: to an empty store. */
struct state *store_save(struct sim_store *s);

/* Starts the store again as it was then. If its peer cannot notice, or if it has forgotten something since, it forgets
 * nothing now. */
void store_forget(struct sim_store *s, const struct state *to);

/* Whether the outbox of this store has a change with this number which the other store lacks. */
bool store_keeps_alone(const struct sim_store *s, int64_t number);

/* A client was told that the change with this number is done. Returns whether only one store has it. */
bool store_acknowledged(struct world *w, int64_t number);

/* Whether this store alone has a change of this id that a client was told of. */
bool store_alone(const struct sim_store *s, struct slice id);

/* Whether this store alone has a change of this id, whatever clients were told. */
bool store_has_alone(const struct sim_store *s, struct slice id);

/* Whether this store alone has any change. */
bool store_is_ahead(const struct sim_store *s);

#endif
