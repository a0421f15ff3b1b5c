/*
 * sqlite.c - batches, transactions and the end of the sqlite driver; see sqlite.h.
 *
 *     execute -> BEGIN, each op's function, COMMIT
 *                `- an op fails halfway: ROLLBACK, each op in a transaction of its own
 */
#include "sqlite.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "sqlite_carrier.h"

/* How long one transaction goes on with parts; beyond it each op does little. */
#define PART_NS (INT64_C(20) * 1000000)

/* A part has at least the fewer steps, however slow they are, and at most the others. */
enum { PART_MIN = 8, PART_MAX = 2000 };

#define CLOCK_AHEAD (INT64_C(1000000) << STAMP_NODE_BITS)

static bool (*const functions[OP_TYPE_COUNT])(struct sqlite *d, struct op *op, struct err *err) = {
#define X(type, member, flags) [OP_##type] = sqlite_##member,
    OP_TYPES(X)
#undef X
};

/* What is written to a file whose name is gone is lost when the process ends: it is refused. */
static bool in_place(struct sqlite *d, struct err *err)
{
    struct stat wal;
    int moved = 0;

    if (d->wal == 0)
        return true;
    if (sqlite3_file_control(d->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK || moved)
        return err_set(err, ERR_UNAVAILABLE, "sqlite: the database file was removed or replaced");
    if (stat(sqlite3_filename_wal(sqlite3_db_filename(d->db, "main")), &wal) != 0 ||
        wal.st_ino != d->wal)
        return err_set(err, ERR_UNAVAILABLE, "sqlite: the -wal file was removed or replaced");
    return true;
}

bool sqlite_probe(struct sqlite *d, struct op *op UNUSED, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    return in_place(d, err) && query_begin(d, SQL_CLOCK_GET, &q, err) &&
           query_step(&q, &found, err);
}

bool sqlite_part_full(const struct sqlite *d, size_t steps)
{
    if (d->part_steps)
        return steps >= d->part_steps;
    return steps >= PART_MIN && (steps >= PART_MAX || clock_now_ns() >= d->part_end_ns);
}

/* A failure after which the store is as it was, and which is the op's alone. */
static bool is_domain(enum err_kind kind)
{
    return kind != ERR_STORAGE && kind != ERR_UNAVAILABLE && kind != ERR_IN_DOUBT &&
           kind != ERR_NO_MEMORY && kind != ERR_INTERNAL && kind != ERR_CONFIG;
}

/* What was looked up in the transaction may be gone with it. */
static void roll_back(struct sqlite *d)
{
    struct err ignored;

    d->tenant = 0;
    if (!sqlite3_get_autocommit(d->db)) /* when it fails begin() tries again */
        (void)!query_do(d, SQL_ROLLBACK, 0, 0, &ignored);
}

static bool begin(struct sqlite *d, bool writes, struct err *err)
{
    if (!sqlite3_get_autocommit(d->db))
        roll_back(d);
    d->part_end_ns = clock_now_ns() + PART_NS;
    return query_do(d, writes ? SQL_BEGIN_WRITE : SQL_BEGIN_READ, 0, 0, err);
}

/* Sees to it that no stamp in the file is above what the table clock says. */
static bool keep_clock(struct sqlite *d, int64_t *high, struct err *err)
{
    int64_t now = stamp_next();
    struct query q;

    *high = d->stamp_high;
    if (d->lock_fd < 0 || now < *high)
        return true;
    *high = now + CLOCK_AHEAD;
    if (!query_begin(d, SQL_CLOCK_SET, &q, err))
        return false;
    query_int(&q, *high);
    return query_run(&q, err);
}

/* The disk may hold a transaction whose COMMIT failed on it. */
static bool fail_commit(struct sqlite *d, struct err *err)
{
    int code = sqlite3_extended_errcode(d->db);

    if (err->kind == ERR_UNAVAILABLE && (code & 0xff) == SQLITE_IOERR)
        err_fill(err, ERR_IN_DOUBT, "%s", err->text);
    roll_back(d);
    return false;
}

static bool commit(struct sqlite *d, bool writes, struct err *err)
{
    int64_t high = d->stamp_high;

    if (writes && (!in_place(d, err) || !keep_clock(d, &high, err))) {
        roll_back(d);
        return false;
    }
    if (!query_do(d, SQL_COMMIT, 0, 0, err))
        return fail_commit(d, err);
    d->stamp_high = high;
    return true;
}

/* False: the op has changed something and failed, or the store has. */
static bool run_op(struct sqlite *d, struct op *op)
{
    sqlite3_int64 changes = sqlite3_total_changes64(d->db);
    struct err err;

    op->again = false;
    d->strays += op->fence || op->type == OP_MERGE;
    if (functions[op->type](d, op, &err)) {
        op->status = (struct err){.kind = ERR_OK};
        return true;
    }
    op->status = err;
    op->again = false;
    return is_domain(err.kind) && sqlite3_total_changes64(d->db) == changes;
}

/* One transaction. *lost: an op has failed in a way that took the others with it. */
static bool run_together(struct sqlite *d, struct op *const ops[], size_t n, bool *lost,
                         struct err *err)
{
    bool writes = false;

    *lost = false;
    for (size_t i = 0; i < n; i++)
        writes |= op_writes(ops[i]);
    if (!begin(d, writes, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!run_op(d, ops[i])) {
            roll_back(d);
            *lost = true;
            return true;
        }
    return commit(d, writes, err);
}

/* Runs again one by one what was lost together, from where each op was before. */
static void run_alone(struct sqlite *d, struct op *const ops[], void *const progress[], size_t n)
{
    struct err alone;
    bool ignored;

    for (size_t i = 0; i < n; i++) {
        ops[i]->progress = progress[i];
        if (!run_together(d, &ops[i], 1, &ignored, &alone)) {
            ops[i]->status = alone;
            ops[i]->again = false;
        }
    }
}

static bool execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct sqlite *d = (struct sqlite *)self;
    void *progress[BATCH_MAX];
    bool lost;

    for (size_t i = 0; i < n; i++)
        progress[i] = ops[i]->progress;
    if (!run_together(d, ops, n, &lost, err))
        return false;
    if (lost && n > 1)
        run_alone(d, ops, progress, n);
    return true;
}

static bool probe(struct backend *self, int64_t deadline_ns UNUSED, struct err *err)
{
    return sqlite_probe((struct sqlite *)self, NULL, err);
}

/* From here on the clock need not run ahead. */
static void settle_clock(struct sqlite *d)
{
    struct err ignored;
    struct query q;

    if (d->stamp_high == 0 || !query_begin(d, SQL_CLOCK_SET, &q, &ignored))
        return;
    query_int(&q, stamp_next());
    (void)!query_run(&q, &ignored); /* then it stays ahead */
}

static void close_backend(struct backend *self)
{
    struct sqlite *d = (struct sqlite *)self;

    if (d->db && d->lock_fd >= 0)
        settle_clock(d);
    carrier_stop(d->carrier);
    for (size_t i = 0; i < COUNT_OF(d->statements); i++)
        sqlite3_finalize(d->statements[i]);
    sqlite3_close(d->db);
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    free(d);
}

const struct backend_ops sqlite_backend_ops = {
    .name = "sqlite",
    .execute = execute,
    .probe = probe,
    .close = close_backend,
};
