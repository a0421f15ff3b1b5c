/*
 * sqlite_open.c - opens a database: locks it, checks that it is ours, and brings it up to date.
 *
 *     path -> open -> lock -> is it ours? -> pragmas -> migrations -> clock
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "schema.h"
#include "sql.h"
#include "sqlite.h"
#include "sqlite_cache.h"
#include "sqlite_carrier.h"
#include "sqlite_file.h"
#include "sqlite_vfs.h"

static const struct {
    const char *text;
    const size_t *len;
} migrations[] = {
    {sqlite_0001_sql, &sqlite_0001_sql_len},
    {sqlite_0002_sql, &sqlite_0002_sql_len},
    {sqlite_0003_sql, &sqlite_0003_sql_len},
};

/*
 * secure_delete: FAST overwrites what is deleted only if that costs no further writes. ON, the default of
 * Debian's sqlite, would write each page of a large value once more when it is deleted.
 */
static const char settings[] = "PRAGMA foreign_keys = OFF;"
                               "PRAGMA secure_delete = FAST;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA cache_size = -4096;"
                               "PRAGMA trusted_schema = OFF;"
                               "PRAGMA cell_size_check = ON;";

static const char reader_settings[] = "PRAGMA query_only = ON;";

static const char writer_settings[] = "PRAGMA journal_mode = WAL;"
                                      "PRAGMA cache_size = -16384;"
                                      "PRAGMA synchronous = FULL;"
                                      "PRAGMA journal_size_limit = 67108864;";

static bool open_file(struct sqlite *d, const char *path, bool make, struct err *err)
{
    const char *vfs;

    /* Statistics nobody reads would take a lock at each allocation. Refused once sqlite is initialized. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite_cache_use();
    vfs = sqlite_vfs();
    if (!vfs)
        return err_no_memory(err);
    return sqlite_file_open(d, path, make ? SQLITE_OPEN_CREATE : 0, vfs, err);
}

/* Whether a schema that is older or missing may be brought up to date. */
static bool check_age(const char *path, const struct backend_config *cfg, int64_t version,
                      struct err *err)
{
    if (version == (int64_t)COUNT_OF(migrations))
        return true;
    if (version == 0 && cfg->existing)
        return err_set(err, ERR_CONFIG, "sqlite: %s has no tables of stateward", path);
    if ((version > 0 && cfg->as_is) || cfg->role == BACKEND_READER)
        return err_set(err, ERR_CONFIG, "sqlite: %s " SCHEMA_OLD, path, (long long)version,
                       COUNT_OF(migrations));
    return true;
}

/* Refuses databases that are not ours; *version is 0 for a new file. */
static bool check_owner(struct sqlite *d, const char *path, int64_t *version, struct err *err)
{
    int64_t application, tables;

    if (!query_number(&d->sql, SQL_APPLICATION, (int64_t[2]){0}, &application, err) ||
        !query_number(&d->sql, SQL_SCHEMA_VERSION, (int64_t[2]){0}, version, err) ||
        !query_number(&d->sql, SQL_TABLE_COUNT, (int64_t[2]){0}, &tables, err))
        return sqlite_name_path(path, err);
    if (application != SQLITE_APPLICATION && (application || *version || tables))
        return err_set(err, ERR_CONFIG, "sqlite: %s is the database of another program", path);
    if (*version < 0)
        return err_set(err, ERR_CONFIG, "sqlite: %s is damaged: its schema has the number %lld",
                       path, (long long)*version);
    if (*version > (int64_t)COUNT_OF(migrations))
        return err_set(err, ERR_CONFIG,
                       "sqlite: %s was written by a newer version of this program: its schema is "
                       "number %lld, known are those up to %zu",
                       path, (long long)*version, COUNT_OF(migrations));
    return true;
}

/* Runs a migration and sets its number, in one transaction; if it fails, closing undoes it. */
static bool migrate(struct sqlite *d, size_t number, struct err *err)
{
    char marks[96];

    snprintf(marks, sizeof(marks), "PRAGMA application_id = %d; PRAGMA user_version = %zu; COMMIT;",
             SQLITE_APPLICATION, number + 1);
    return sqlite_run(d, "BEGIN IMMEDIATE;", err) &&
           sqlite_run_script(d, migrations[number].text, *migrations[number].len, err) &&
           sqlite_run(d, marks, err);
}

/* Ensures that stamps of an earlier run do not come again. */
static bool read_clock(struct sqlite *d, struct err *err)
{
    if (!query_number(&d->sql, SQL_CLOCK_GET, (int64_t[2]){0}, &d->stamp_high, err))
        return false;
    stamp_observe(d->stamp_high);
    return true;
}

/* Prepares ROLLBACK in advance: undoing must not need memory. */
static bool prepare_rollback(struct sqlite *d, struct err *err)
{
    struct query q;

    if (!query_begin(&d->sql, SQL_ROLLBACK, &q, err))
        return false;
    query_end(&q);
    return true;
}

/* Notes the inode of the log; each commit checks that the name still leads to it. */
static bool note_wal(struct sqlite *d, const char *path, struct err *err)
{
    struct stat wal;

    if (stat(sqlite3_filename_wal(sqlite3_db_filename(d->db, "main")), &wal) != 0)
        return err_set(err, ERR_CONFIG, "sqlite: %s-wal: %s", path, strerror(errno));
    d->wal = wal.st_ino;
    return true;
}

/* Sets page size and space for checksums. Before the first read; only a new file takes them. */
static bool set_pages(struct sqlite *d, bool file, struct err *err)
{
    int sum = SQLITE_PAGE_SUM;
    char text[64];

    snprintf(text, sizeof(text), "PRAGMA page_size = %d;", SQLITE_PAGE);
    if (!sqlite_run(d, text, err))
        return false;
    if (file)
        (void)sqlite3_file_control(d->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &sum);
    return true;
}

/* From now on each page that is read is checked. */
static bool check_pages(struct sqlite *d, const char *path, struct err *err)
{
    int64_t size = 0;

    if (!query_number(&d->sql, SQL_PAGE_SIZE, (int64_t[2]){0}, &size, err))
        return sqlite_name_path(path, err);
    if (size == SQLITE_PAGE &&
        sqlite3_file_control(d->db, "main", SQLITE_VFS_CHECK, NULL) == SQLITE_OK)
        return true;
    return err_set(err, ERR_STORAGE,
                   "sqlite: %s is damaged: its header says pages of %lld, or no room for checksums "
                   "(if another program wrote it: stateward seal)",
                   path, (long long)size);
}

static bool set_up(struct sqlite *d, const char *path, const struct backend_config *cfg,
                   struct err *err)
{
    bool reader = cfg->role == BACKEND_READER, file = path[0] != ':';
    int64_t version;

    if (!open_file(d, path, !cfg->existing && !reader, err) ||
        (file && !reader && !sqlite_take_over(d, path, err)))
        return false;
    if (!set_pages(d, file, err))
        return sqlite_name_path(path, err);
    if (!check_owner(d, path, &version, err) || !check_age(path, cfg, version, err) ||
        (file && !check_pages(d, path, err)))
        return false;
    if (!sqlite_run(d, settings, err) || (reader && !sqlite_run(d, reader_settings, err)) ||
        (file && !reader && !sqlite_run(d, writer_settings, err)))
        return sqlite_name_path(path, err);
    for (size_t i = (size_t)version; i < COUNT_OF(migrations); i++)
        if (!migrate(d, i, err))
            return sqlite_name_path(path, err);
    if (file && cfg->migrated && version < (int64_t)COUNT_OF(migrations))
        cfg->migrated(cfg->fallback, version, (int64_t)COUNT_OF(migrations));
    if (!prepare_rollback(d, err) || !read_clock(d, err))
        return sqlite_name_path(path, err);
    return !file || (note_wal(d, path, err) && (reader || sqlite_note_log(d, path, err)));
}

/* Starts the thread that copies the log; it has its own connection. */
static bool start_carrier(struct sqlite *d, const struct backend_config *cfg, struct err *err)
{
    struct backend_config own = *cfg;
    struct backend *reader;

    own.role = BACKEND_READER;
    reader = sqlite_open(&own, err);
    d->carrier = reader ? carrier_start(d, (struct sqlite *)reader, err) : NULL;
    return d->carrier;
}

bool sqlite_check(const struct backend_config *cfg, struct err *err)
{
    char *path = sqlite_path(cfg->url, err);
    bool ok = path != NULL;

    free(path);
    return ok;
}

struct backend *sqlite_open(const struct backend_config *cfg, struct err *err)
{
    struct sqlite *d = calloc(1, sizeof(*d));
    char *path = sqlite_path(cfg->url, err);
    bool file = path && path[0] != ':', done = false;

    if (!d)
        (void)err_no_memory(err);
    if (d && path) {
        sql_init(&d->sql, &sqlite_driver, &d->rows, cfg);
        d->sql.base.ops = &sqlite_backend_ops;
        d->sql.base.caps = file ? BACKEND_DURABLE : 0;
        d->lock_fd = -1;
        done = set_up(d, path, cfg, err) &&
               (!file || cfg->role == BACKEND_READER || start_carrier(d, cfg, err));
        if (!done)
            backend_close(&d->sql.base);
    } else {
        free(d);
    }
    free(path);
    return done ? &d->sql.base : NULL;
}
