/*
 * postgres_driver.h - what the files of the PostgreSQL driver share: a connection in pipeline mode.
 *
 *     postgres.c (batches) -> sql.c -> postgres_transaction.c and postgres_query.c (statements)
 *         -> postgres_pipe.c (what was sent and is not answered yet); postgres_open.c connects and sets up the
 *     schema
 *
 * A statement whose result nobody needs is only queued; an error in it is reported by the next one that is
 * waited for, COMMIT at the latest.
 *
 * Threads    the lane's.
 * Ownership  the backend owns its connection, and the uses with their results.
 * Units      *_ns CLOCK_MONOTONIC nanoseconds.
 * Errors     texts begin with "postgres: " and contain neither password nor user. A lost connection is
 *            ERR_UNAVAILABLE before COMMIT is sent, ERR_IN_DOUBT after that.
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

enum { POSTGRES_PARAMETERS = 24, POSTGRES_GATHERED = 16 };

enum use_kind { USE_PREPARE, USE_QUERY, USE_SYNC };

struct postgres;

/* A use of a statement, or another entry of the pipeline. */
struct use {
    struct use *next; /* in the pipeline, in a list of gathered uses, or in that of free ones */
    enum use_kind kind;
    int which;
    bool sent, done;
    bool detached; /* nobody waits for it: it is freed once answered */
    int64_t trip;  /* d->trips when it was sent */
    int64_t place; /* among those that were gathered */
    PGresult *result;
    int first, rows;     /* the rows in result that belong to this use */
    struct use *members; /* uses whose statements this one runs at once: postgres_gather.c */
    /* Called when it is answered; takes over its result. */
    void (*answered)(struct postgres *d, struct use *use);
    bool borrowed;   /* the result belongs to another use */
    int row;         /* current row; -1 = before the first */
    unsigned cursor; /* number of the cursor that gives the rows; 0 = none */
    int n;
    Oid types[POSTGRES_PARAMETERS];
    const char *values[POSTGRES_PARAMETERS];
    int lengths[POSTGRES_PARAMETERS];
    int64_t numbers[POSTGRES_PARAMETERS]; /* in network byte order */
};

struct use_list {
    struct use *first, *last;
};

struct postgres {
    struct sql sql;
    PGconn *conn;        /* NULL while not connected */
    struct hosts *hosts; /* of a connection in the making, until it is tried */
    char *url;
    char *schema;
    int64_t timeout_ms, wanted_instance, lane;
    int64_t process; /* that serves the connection, even if a pool stands between */
    /* Called after the schema was created or upgraded; may be NULL. */
    void (*migrated)(bool fallback, int64_t from, int64_t to);
    bool fallback;                     /* it is the fallback of a pair */
    bool existing;                     /* fails if there is no schema, instead of creating it */
    bool as_is;                        /* refuses an older schema instead of upgrading it */
    struct acquaintance *acquaintance; /* NULL: the store is in no pair */
    struct met met;                    /* the store that this connection leads to */
    bool busy, moved; /* busy: a batch was admitted; moved: but on an earlier connection */
    bool prepared[POSTGRES_COUNT]; /* a PREPARE was sent */
    struct use *first, *last;      /* the pipeline: what is not answered yet */
    struct use *free;
    struct track *track; /* the ops whose fiber runs now: postgres_rounds.c */
    struct track *waiting, *last_waiting, *idle;
    struct use_list gathered[POSTGRES_GATHERED]; /* to be sent together: postgres_gather.c */
    unsigned held;         /* bit set of `gathered`: which contain uses of the op that runs */
    int64_t places;        /* of gathered uses so far */
    struct arena kept;     /* parameters of gathered uses */
    size_t n_kept;         /* bytes in `kept`, about */
    struct use *shared;    /* uses whose results others have borrowed */
    struct row_cache rows; /* for ops outside of fibers */
    bool writes;           /* the transaction writes, and so locks what it finds */
    bool open;             /* a transaction has begun, and no COMMIT is queued */
    struct use *early;     /* sync behind a COMMIT that went with the first questions of the ops */
    int64_t early_high;    /* the stamp_high that it stores */
    bool cut_off;          /* outside of fibers: a statement was refused because of that COMMIT */
    bool failed;           /* a statement of the transaction has failed; see `failure` */
    bool repeatable;       /* another try may succeed */
    bool refused;          /* the server itself has reported it: a later COMMIT does nothing */
    struct err failure;    /* also the reason why there is no connection */
    unsigned cursors;      /* how many were opened so far */
    int64_t changes;       /* statements so far that write */
    int64_t trips;         /* how often answers were requested so far */
    int64_t stamp_high;    /* highest stamp that table clocks allows this lane */
    bool settling;         /* the process ends: the clock is not moved ahead any more */
    int64_t retry_ns;      /* no new connection is tried before this */
    int64_t backoff_ns;
    bool ready;                       /* the connection is set up and in pipeline mode */
    bool patient;                     /* at the start: waits until connected, or timeout */
    PostgresPollingStatusType status; /* of a connection that is being made */
    int64_t connect_end_ns;           /* when that is given up */
    unsigned hung;                    /* how many connections were given up */
};

/* Its implementation of the interface of sql.c, in postgres_query.c. */
extern const struct sql_driver postgres_driver;

/* Notes whether a commit survives a crash of the server. postgres_open.c. */
void postgres_set_caps(struct postgres *d, bool durable);

/* Connects and sets up if not connected, unless it is too early to try again. postgres_open.c. */
bool postgres_connect(struct postgres *d, struct err *err) MUST_USE;

#endif
