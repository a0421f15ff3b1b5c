/*
 * postgres_driver.h - what the files of the PostgreSQL driver share: one connection in pipeline mode.
 *
 *     postgres.c (batches) -> sql.c -> postgres_transaction.c and postgres_query.c (statements)
 *         -> postgres_pipe.c (what was sent and is not answered yet); postgres_open.c connects, and sets a
 *     schema up
 *
 * A statement whose result nobody waits for is only queued; what fails in it is told by the next
 * one that is waited for, at the latest by COMMIT.
 *
 * Threads    the lane's.
 * Ownership  the backend owns its connection, the uses and their results.
 * Units      *_ns CLOCK_MONOTONIC nanoseconds.
 * Errors     texts begin with "postgres: " and hold neither password nor user. Before COMMIT was
 *            sent a lost connection is ERR_UNAVAILABLE, from then on ERR_IN_DOUBT.
 */
#ifndef POSTGRES_DRIVER_H
#define POSTGRES_DRIVER_H

#include <libpq-fe.h>

#include "acquaintance.h"
#include "arena.h"
#include "postgres_sql.h"
#include "sql_rows.h"

enum postgres_statement {
    POSTGRES_BEFORE_OWN = SQL_COUNT - 1,
#define X(name, text) POSTGRES_##name,
    POSTGRES_SQL(X)
#undef X
        POSTGRES_COUNT
};

enum { POSTGRES_PARAMETERS = 24, POSTGRES_GATHERED = 13 };

enum use_kind { USE_PREPARE, USE_QUERY, USE_SYNC };

struct postgres;

/* One use of a statement, or another entry of the pipeline. */
struct use {
    struct use *next; /* in the pipeline, or in the list of free ones */
    enum use_kind kind;
    int which;
    bool sent, done;
    bool detached; /* nobody waits for it */
    int64_t trip;  /* the trips there had been when it was sent */
    PGresult *result;
    int first, rows;     /* its own of those in the result */
    struct use *members; /* whose statements this one runs at once: postgres_gather.c */
    /* Takes its result, for nobody waits for it. */
    void (*answered)(struct postgres *d, struct use *use);
    bool borrowed;   /* the result is that of another use */
    int row;         /* -1 before the first, else from 0 on */
    unsigned cursor; /* that the rows come from; 0 = none */
    int n;
    Oid types[POSTGRES_PARAMETERS];
    const char *values[POSTGRES_PARAMETERS];
    int lengths[POSTGRES_PARAMETERS];
    int64_t numbers[POSTGRES_PARAMETERS]; /* in the order of the network */
};

struct use_list {
    struct use *first, *last;
};

struct postgres {
    struct sql sql;
    PGconn *conn;        /* NULL while there is none */
    struct hosts *hosts; /* of a connection that is being made, until it is tried */
    char *url;
    char *schema;
    int64_t timeout_ms, wanted_instance, lane;
    /* Told when the schema was made or brought up to date; NULL: nobody is. */
    void (*migrated)(bool fallback, int64_t from, int64_t to);
    bool fallback;                     /* of a pair of stores */
    bool existing;                     /* a schema is not made if there is none */
    bool as_is;                        /* an older one is refused, not brought up to date */
    struct acquaintance *acquaintance; /* NULL: it is of no pair */
    struct met met;                    /* what this connection leads to */
    bool busy, moved;                  /* a batch was admitted; on another connection than this */
    bool prepared[POSTGRES_COUNT];     /* sent, at least */
    struct use *first, *last;          /* the pipeline: what is not answered yet */
    struct use *free;
    struct track *track; /* the ops that run now in a fiber: postgres_rounds.c */
    struct track *waiting, *last_waiting, *idle;
    struct use_list gathered[POSTGRES_GATHERED]; /* that are sent together: postgres_gather.c */
    unsigned held;         /* bits: of which of them there is one of the op that runs */
    struct arena kept;     /* what is bound to them */
    size_t n_kept;         /* bytes of it, about */
    struct use *shared;    /* whose results others have borrowed */
    struct row_cache rows; /* outside of fibers */
    bool writes;           /* in a transaction that locks what it finds */
    bool open;             /* a transaction has begun, and no COMMIT is queued */
    struct use *early;     /* the end of a transaction that went with what its ops asked first */
    int64_t early_high;    /* its stamp_high */
    bool cut_off;          /* something was refused after that, outside of fibers */
    bool failed;           /* a statement of it has; `failure` says how */
    bool repeatable;       /* ... and another try may succeed */
    bool refused;          /* ... by an answer of the server: a COMMIT behind it does nothing */
    struct err failure;    /* also: why there is no connection */
    unsigned cursors;      /* that were opened, ever */
    int64_t changes;       /* statements that write, ever */
    int64_t trips;         /* how often the server was made to answer, ever */
    int64_t stamp_high;    /* as in the table clocks */
    bool settling;         /* the clock is not moved ahead any more */
    int64_t retry_ns;      /* no connection is tried before this */
    int64_t backoff_ns;
    bool ready;   /* the connection is set up, and a pipeline */
    bool patient; /* at the start: whoever opens it waits for as long as it takes */
    PostgresPollingStatusType status; /* of a connection that is being made */
    int64_t connect_end_ns;           /* ... and is given up then */
    unsigned hung;                    /* how often one was given up */
};

/* What it gives to sql.c: postgres_query.c. */
extern const struct sql_driver postgres_driver;

/* What the server is worth: whether a commit outlives it. postgres_open.c. */
void postgres_set_caps(struct postgres *d, bool durable);

/* Connects if there is no connection and it is time to; sets it up. postgres_open.c. */
bool postgres_connect(struct postgres *d, struct err *err) MUST_USE;

#endif
