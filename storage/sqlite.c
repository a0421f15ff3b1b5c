/* sqlite.c - transactions, probing and closing of the sqlite driver; see sqlite_driver.h. */
#include "sqlite_driver.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "sql.h"
#include "sqlite_carrier.h"
#include "sqlite_vfs.h"

/*
 * Refuses a database of which a sync has failed. Even reads: its pages may be those of an earlier time, while
 * the log counts as carried over.
 */
static bool synced(struct sqlite *d, struct err *err)
{
    return d->wal == 0 ||
           sqlite3_file_control(d->db, "main", SQLITE_VFS_SYNCED, NULL) == SQLITE_OK ||
           err_set(err, ERR_UNAVAILABLE,
                   "sqlite: the disk failed to sync the database file: a restart recovers it from "
                   "its log");
}

/* Refuses to write to a file that was removed or replaced: that would be lost when the process ends. */
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

void sqlite_roll_back(struct sql *d)
{
    struct err ignored;

    /* If it fails, the next begin() tries again. */
    if (!sqlite3_get_autocommit(((struct sqlite *)d)->db))
        (void)!query_do(d, SQL_ROLLBACK, 0, 0, &ignored);
}

bool sqlite_begin(struct sql *d, bool writes, struct err *err)
{
    sqlite_roll_back(d);
    if (!synced((struct sqlite *)d, err))
        return false;
    return query_do(d, writes ? SQL_BEGIN_WRITE : SQL_BEGIN_READ, 0, 0, err);
}

/* Makes sure that no stamp in the file exceeds the one in table clock. */
static bool keep_clock(struct sqlite *d, int64_t *high, struct err *err)
{
    int64_t now = stamp_next();
    struct query q;

    *high = d->stamp_high;
    if (d->lock_fd < 0 || now < *high)
        return true;
    *high = now + SQL_CLOCK_AHEAD;
    if (!query_begin(&d->sql, SQL_CLOCK_SET, &q, err))
        return false;
    query_int(&q, *high);
    return query_run(&q, err);
}

bool sqlite_commit(struct sql *self, bool writes, bool *lost UNUSED, struct err *err)
{
    struct sqlite *d = (struct sqlite *)self;
    int64_t high = d->stamp_high;

    if (writes && (!synced(d, err) || !in_place(d, err) || !keep_clock(d, &high, err)))
        return false;
    if (!query_do(self, SQL_COMMIT, 0, 0, err)) {
        /* The disk may hold a transaction whose COMMIT has failed on it. */
        if (err->kind == ERR_UNAVAILABLE &&
            (sqlite3_extended_errcode(d->db) & 0xff) == SQLITE_IOERR)
            err_fill(err, ERR_IN_DOUBT, "%s", err->text);
        return false;
    }
    d->stamp_high = high;
    return true;
}

static bool probe(struct backend *self, int64_t deadline_ns UNUSED, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    return synced((struct sqlite *)self, err) && in_place((struct sqlite *)self, err) &&
           query_begin((struct sql *)self, SQL_CLOCK_GET, &q, err) && query_step(&q, &found, err);
}

/* The process ends here: the stored clock no longer needs to run ahead of the real one. */
static void settle_clock(struct sqlite *d)
{
    struct err ignored;
    struct query q;

    if (d->stamp_high == 0 || !synced(d, &ignored) ||
        !query_begin(&d->sql, SQL_CLOCK_SET, &q, &ignored))
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
    .execute = sql_execute,
    .probe = probe,
    .close = close_backend,
};
