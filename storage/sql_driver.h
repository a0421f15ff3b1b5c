/*
 * sql_driver.h - what a driver that speaks SQL is: its connection, statements, and its own way.
 *
 *     struct sqlite, struct postgres -> struct sql, first in it -> struct sql_driver, struct query
 *
 * Threads    the lane's.
 * Ownership  the backend of a lane owns its driver; a use of a statement is its caller's.
 * Units      *_us wall microseconds, *_ns CLOCK_MONOTONIC nanoseconds.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY of the store; a commit also IN_DOUBT.
 */
#ifndef SQL_DRIVER_H
#define SQL_DRIVER_H

#include "backend.h"
#include "pair_sql.h"
#include "parts_sql.h"
#include "sessions_sql.h"
#include "threads_sql.h"

struct row_cache;
struct sql_driver;
struct value_cache;

enum sql_statement {
#define X(name, text) SQL_##name,
    PAIR_SQL(X) PARTS_SQL(X) SESSIONS_SQL(X) THREADS_SQL(X)
#undef X
        SQL_COUNT /* a driver's own statements have numbers from here on */
};

/* First in the struct of each driver. */
struct sql {
    struct backend base;
    const struct sql_driver *driver;
    struct row_cache *rows;    /* of the op that runs (sql_rows.h) */
    struct value_cache *cache; /* of the store; NULL: none */
    enum backend_role role;
    int64_t session_ttl_us, checkpoint_ttl_us, context_versions;
    int64_t part_end_ns;  /* when the parts in this transaction end */
    size_t part_steps;    /* tests: how many steps a part has; 0 = as time allows */
    bool quick;           /* COMMIT goes with what the ops ask first (sql.c) */
    bool plain;           /* one statement does not do it all: it was tried */
    int64_t asked;        /* statements on their way to the server, ever, where batches are quick */
    int64_t strays;       /* changes, ever, whose stamps need not be above those that are stored */
    int64_t tenant;       /* of the last tenant asked for; 0 = none */
    char tenant_name[64]; /* longer names are looked up each time */
    size_t tenant_len;
};

/* One use of a prepared statement. Parameters are bound in order, columns read by index. */
struct query {
    struct sql *d;
    void *st; /* the driver's; NULL when ended */
    int bound;
    int failed; /* of a bind, told by the next step */
};

/* What a store does in its own way; sql.h and sql_query.h call it, and say more. */
struct sql_driver {
    bool distant; /* each statement that is waited for is a way to a server and back */

    /*
     * A transaction. A failed commit() is followed by roll_back(), which cannot fail and does
     * nothing when there is no transaction; *lost if it is a statement that failed, not the store.
     */
    bool (*begin)(struct sql *d, bool writes, struct err *err);
    bool (*commit)(struct sql *d, bool writes, bool *lost, struct err *err);
    void (*roll_back)(struct sql *d);

    /* Whether what was lost for the n-th time may run again as it is; waits first. NULL: no. */
    bool (*again)(struct sql *d, unsigned n);

    /*
     * Whether the op that runs was refused something because COMMIT was sent already, in a batch that
     * is `quick`. NULL: there are no such batches.
     */
    bool (*cut_off)(struct sql *d);

    /* The ops of the transaction, in whatever order keeps that of each record. NULL: one by one. */
    void (*run_ops)(struct sql *d, struct op *const ops[], size_t n, bool *lost);

    /* Rises with each row that is changed, and never falls. */
    int64_t (*total_changes)(struct sql *d);

    /* A statement: sets q->st, which `end` clears; a failed `step` or `ask` has ended it. */
    bool (*prepare)(struct query *q, int which, struct err *err);
    bool (*ask)(struct query *q, struct err *err); /* NULL: the first step does */
    bool (*step)(struct query *q, bool *row, struct err *err);
    bool (*run)(struct query *q,
                struct err *err); /* to the end; may fail later, at a step or commit */
    void (*end)(struct query *q);
    int (*parameters)(const struct query *q);
    int (*columns)(const struct query *q);

    /* After the last step: how many rows were changed, and the id of the row that was made. */
    int64_t (*changes)(const struct query *q);
    int64_t (*made_id)(const struct query *q);

    void (*bind_int)(struct query *q, int64_t n);
    void (*bind_double)(struct query *q, double n);
    void (*bind_blob)(struct query *q, struct slice s);
    void (*bind_null)(struct query *q);
    int64_t (*col_int)(const struct query *q, int column);
    double (*col_double)(const struct query *q, int column);
    struct slice (*col)(const struct query *q, int column);
};

#endif
