/*
 * sql_driver.h - the interface of a driver that speaks SQL: connection, transactions, statements.
 *
 *     struct sqlite, struct postgres: struct sql is their first member -> struct sql_driver, struct query
 *
 * Threads    the lane's.
 * Ownership  a lane's backend owns its driver; a struct query belongs to its caller.
 * Units      *_us wall microseconds, *_ns CLOCK_MONOTONIC nanoseconds.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY of the store; a commit also IN_DOUBT.
 */
#ifndef SQL_DRIVER_H
#define SQL_DRIVER_H

#include "backend.h"
#include "clock.h"
#include "pair_sql.h"
#include "parts_sql.h"
#include "sessions_sql.h"
#include "threads_sql.h"

struct row_cache;
struct sql_driver;
struct value_cache;

/* How far above the newest stamp the stored clock is set, so that it is written once a second at most. */
#define SQL_CLOCK_AHEAD (S_US << STAMP_NODE_BITS)

enum sql_statement {
#define X(name, text) SQL_##name,
    PAIR_SQL(X) PARTS_SQL(X) SESSIONS_SQL(X) THREADS_SQL(X)
#undef X
        SQL_COUNT /* a driver's own statements are numbered from here on */
};

/* First member of the struct of each driver. */
struct sql {
    struct backend base;
    const struct sql_driver *driver;
    struct row_cache *rows;    /* of the op that runs (sql_rows.h) */
    struct value_cache *cache; /* shared by the store; NULL = none */
    enum backend_role role;
    int64_t session_ttl_us, checkpoint_ttl_us, context_versions;
    int64_t part_end_ns;  /* when the current part must end */
    size_t part_steps;    /* tests: how many steps a part has; 0 = as time allows */
    bool quick;           /* COMMIT is sent with the first question of each op (sql.c) */
    bool lone;            /* the transaction is of one op */
    bool plain;           /* one statement was tried and does not do it all */
    int64_t asked;        /* statements sent to the server so far, where batches are quick */
    int64_t strays;       /* changes so far whose stamps need not be above those that are stored */
    int64_t tenant;       /* row id of the last tenant asked for; 0 = none */
    char tenant_name[64]; /* longer names are looked up each time */
    size_t tenant_len;
};

/* A use of a prepared statement. Parameters are bound in order, columns are read by index. */
struct query {
    struct sql *d;
    void *st; /* the driver's; NULL when ended */
    int bound;
    int failed; /* error of a bind; the next step reports it */
};

/* What each store does in its own way; called through sql.h and sql_query.h, which say more. */
struct sql_driver {
    bool distant; /* each statement that is waited for is a round trip to a server */

    /*
     * A transaction. After a failed commit() the caller calls roll_back(), which cannot fail and does nothing
     * without a transaction. *lost: a statement has failed, not the store.
     */
    bool (*begin)(struct sql *d, bool writes, struct err *err);
    bool (*commit)(struct sql *d, bool writes, bool *lost, struct err *err);
    void (*roll_back)(struct sql *d);

    /* Whether what was lost for the n-th time may run again as it is; waits before that. NULL: never. */
    bool (*again)(struct sql *d, unsigned n);

    /*
     * Whether the op that runs was refused a statement because COMMIT was already sent, in a quick batch.
     * NULL: the driver has no quick batches.
     */
    bool (*cut_off)(struct sql *d);

    /* Runs the ops of a transaction in any order that keeps the order on each record. NULL: one by one. */
    void (*run_ops)(struct sql *d, struct op *const ops[], size_t n, bool *lost);

    /* A count that rises with each changed row and never falls. */
    int64_t (*total_changes)(struct sql *d);

    /* A statement: `prepare` sets q->st, `end` clears it; a failed `step` or `ask` has ended it. */
    bool (*prepare)(struct query *q, int which, struct err *err);
    bool (*ask)(struct query *q, struct err *err); /* sends it; NULL: the first step does */
    bool (*step)(struct query *q, bool *row, struct err *err);
    /* Runs it to the end; an error may be reported later, at a step or commit. */
    bool (*run)(struct query *q, struct err *err);
    void (*end)(struct query *q);
    int (*parameters)(const struct query *q);
    int (*columns)(const struct query *q);

    /* After the last step: how many rows were changed, and the id of a new row. */
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
