/*
 * saved.h - the state of a store at some time, kept so that the store can forget what came later.
 *
 *     store.c: store_save() -> saved_take() ... store_forget() -> saved_put() -> another backend in its place
 *
 * Threads    one.
 * Ownership  as each function says.
 * Units      none.
 * Errors     it aborts when memory ends: this is for tests only.
 */
#ifndef SAVED_H
#define SAVED_H

#include <sqlite3.h>

#include "backend.h"

struct sqlite;

/* A store in memory, and the driver in it, which the backend owns. */
struct saved_store {
    struct backend *backend;
    struct sqlite *driver;
};

/* Opens an empty store. The caller closes the backend. */
struct saved_store saved_open(const struct backend_config *cfg);

/* Takes a copy of what a store holds. The caller closes it. */
sqlite3 *saved_take(struct sqlite *from);

/* Puts a copy in the place of what a store holds that was just opened. */
void saved_put(sqlite3 *copy, struct sqlite *to);

/* How a store shows that it has forgotten something. */
enum telling {
    BY_INCARNATION, /* a process that does not write everything at once has another id after each start */
    BY_POSITION, /* it counts its notes */
    BY_BEAT,     /* by the notes that each look leaves */
};

/* What a store shows of itself. */
struct shown {
    struct backend *backend;
    enum telling tells;
    int64_t position, incarnation;
    bool empty; /* it holds nothing */
};

/*
 * Whether a store may forget all that has changed between `later`, what it will be, and `now`: its peer notices; what
 * it is then belongs to the pair, or is empty while its peer is whole; and it does not take along that its peer has
 * forgotten something.
 */
bool saved_may_return(const struct shown *later, const struct shown *now, const struct shown *peer);

#endif
