/*
 * sqlite_open.c - from a URL to an open database that is ours, locked and up to date.
 *
 *     path -> open -> lock -> is it ours? -> pragmas -> migrations -> clock
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "schema.h"
#include "sqlite.h"
#include "sqlite_vfs.h"
#include "sqlite_wal.h"

enum {
    BUSY_MS = 5000, /* only recovery and closing make anybody wait */
};

static const struct {
    const char *text;
    const size_t *len;
} migrations[] = {
    {sqlite_0001_sql, &sqlite_0001_sql_len},
};

/*
 * What is deleted is overwritten where that costs no further writes; always, as Debian's sqlite
 * has it, would write each page of a large value once more when it goes.
 */
static const char settings[] = "PRAGMA foreign_keys = OFF;"
                               "PRAGMA secure_delete = FAST;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA cache_size = -4096;"
                               "PRAGMA trusted_schema = OFF;"
                               "PRAGMA cell_size_check = ON;";

static const char reader_settings[] = "PRAGMA query_only = ON;";

/* The WAL is carried over by the writer itself: a second thread for it let the WAL grow. */
static const char writer_settings[] = "PRAGMA journal_mode = WAL;"
                                      "PRAGMA cache_size = -16384;"
                                      "PRAGMA synchronous = FULL;"
                                      "PRAGMA wal_autocheckpoint = 1000;"
                                      "PRAGMA journal_size_limit = 67108864;";

/*
 * The path as sqlite shall have it: never a name that means something special to it, but
 * ":memory:" where the URL says so. NULL: ERR_CONFIG, ERR_NO_MEMORY.
 */
static char *find_path(const char *url, struct err *err)
{
    const char *rest = strchr(url, ':') ? strchr(url, ':') + 1 : "";
    bool memory = strcmp(url, "memory:") == 0;
    bool rooted = strncmp(rest, "///", 3) == 0, host = strncmp(rest, "//", 2) == 0 && !rooted;
    char *path;

    if (!memory && (strncmp(url, "sqlite:", 7) != 0 || *rest == '\0' || host)) {
        err_fill(err, ERR_CONFIG, "%s: write memory:, sqlite:PATH or sqlite:///PATH", url);
        return NULL;
    }
    path = malloc(strlen(rest) + sizeof(":memory:"));
    if (!path) {
        err_fill(err, ERR_NO_MEMORY, "Out of memory while opening the store.");
        return NULL;
    }
    strcpy(path, memory ? ":memory:" : *rest == '/' ? "" : "./");
    return strcat(path, rooted ? rest + 2 : rest);
}

/* Puts the path into a text that begins with "sqlite: ". */
static bool name_path(const char *path, struct err *err)
{
    return err_set(err, err->kind, "sqlite: %s: %s", path, err->text + strlen("sqlite: "));
}

static bool open_file(struct sqlite *d, const char *path, struct err *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    const char *vfs;
    int rc, reason;

    if (d->role != BACKEND_READER)
        flags |= SQLITE_OPEN_CREATE;
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* a lock at each allocation, for figures that
                                                         nobody reads; refused once sqlite runs */
    vfs = sqlite_vfs();
    if (!vfs)
        return err_set(err, ERR_NO_MEMORY, "Out of memory while opening the store.");
    rc = sqlite3_open_v2(path, &d->db, flags, vfs);
    if (rc == SQLITE_NOMEM || !d->db)
        return err_set(err, ERR_NO_MEMORY, "Out of memory while opening the store.");
    if (rc != SQLITE_OK) {
        reason = sqlite3_system_errno(d->db);
        return err_set(err, ERR_CONFIG, "sqlite: %s cannot be opened: %s", path,
                       reason == ENOENT ? "The file or its directory does not exist"
                       : reason         ? strerror(reason)
                                        : sqlite3_errmsg(d->db));
    }
    sqlite3_busy_timeout(d->db, BUSY_MS);
    if (sqlite3_db_readonly(d->db, "main") == 1)
        return err_set(err, ERR_CONFIG, "sqlite: %s is read-only", path);
    return true;
}

static bool fail_lock(int fd, const char *path, struct err *err)
{
    char pid[16] = "";
    ssize_t n;

    if (errno != EWOULDBLOCK)
        return err_set(err, ERR_CONFIG, "sqlite: %s cannot be locked: %s", path, strerror(errno));
    n = pread(fd, pid, sizeof(pid) - 1, 0);
    pid[n > 0 ? n : 0] = '\0';
    return err_set(err, ERR_CONFIG, "sqlite: %s is in use by another process (pid %ld)", path,
                   strtol(pid, NULL, 10));
}

/*
 * Keeps other processes out for as long as the descriptor is open. Locks of a file of its own: a
 * descriptor of the database, when closed, would take sqlite's locks with it.
 */
static bool lock_file(struct sqlite *d, const char *path, struct err *err)
{
    const char *full = sqlite3_db_filename(d->db, "main");
    char *name = sqlite3_mprintf("%s.lock", full ? full : path);
    int fd;

    if (!name)
        return err_set(err, ERR_NO_MEMORY, "Out of memory while opening the store.");
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        err_fill(err, ERR_CONFIG, "sqlite: %s.lock cannot be made: %s", path, strerror(errno));
    sqlite3_free(name);
    if (fd < 0)
        return false;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        fail_lock(fd, path, err);
        close(fd);
        return false;
    }
    if (ftruncate(fd, 0) != 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0) {
        err_fill(err, ERR_CONFIG, "sqlite: %s.lock cannot be written: %s", path, strerror(errno));
        close(fd);
        return false;
    }
    d->lock_fd = fd;
    return true;
}

/* Refuses what is not ours; *version is 0 for a new file. */
static bool check_owner(struct sqlite *d, const char *path, int64_t *version, struct err *err)
{
    int64_t application, tables;

    if (!query_number(d, SQL_APPLICATION, (int64_t[2]){0}, &application, err) ||
        !query_number(d, SQL_SCHEMA_VERSION, (int64_t[2]){0}, version, err) ||
        !query_number(d, SQL_TABLE_COUNT, (int64_t[2]){0}, &tables, err))
        return name_path(path, err);
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
    if (*version < (int64_t)COUNT_OF(migrations) && d->role == BACKEND_READER)
        return err_set(err, ERR_CONFIG, "sqlite: %s has an old schema", path);
    return true;
}

/* Runs all statements of a text. */
static bool run_script(struct sqlite *d, const char *text, size_t len, struct err *err)
{
    const char *end = text + len;

    while (text < end) {
        sqlite3_stmt *st;
        int rc = sqlite3_prepare_v2(d->db, text, (int)(end - text), &st, &text);

        while (rc == SQLITE_OK && st && (rc = sqlite3_step(st)) == SQLITE_ROW)
            rc = SQLITE_OK;
        if (rc != SQLITE_OK && rc != SQLITE_DONE) {
            sqlite_fail(d, err);
            sqlite3_finalize(st);
            return false;
        }
        sqlite3_finalize(st);
    }
    return true;
}

static bool run_text(struct sqlite *d, const char *text, struct err *err)
{
    return run_script(d, text, strlen(text), err);
}

/* One migration and its number, in one transaction; closing undoes it when it fails. */
static bool migrate(struct sqlite *d, size_t number, struct err *err)
{
    char marks[96];

    snprintf(marks, sizeof(marks), "PRAGMA application_id = %d; PRAGMA user_version = %zu; COMMIT;",
             SQLITE_APPLICATION, number + 1);
    return run_text(d, "BEGIN IMMEDIATE;", err) &&
           run_script(d, migrations[number].text, *migrations[number].len, err) &&
           run_text(d, marks, err);
}

/* Stamps of an earlier run must not come again. */
static bool read_clock(struct sqlite *d, struct err *err)
{
    if (!query_number(d, SQL_CLOCK_GET, (int64_t[2]){0}, &d->stamp_high, err))
        return false;
    stamp_observe(d->stamp_high);
    return true;
}

/* Prepared in advance: undoing must not depend on memory being there. */
static bool prepare_rollback(struct sqlite *d, struct err *err)
{
    struct query q;

    if (!query_begin(d, SQL_ROLLBACK, &q, err))
        return false;
    query_end(&q);
    return true;
}

/* Its name is looked at again at each commit. */
static bool note_wal(struct sqlite *d, const char *path, struct err *err)
{
    struct stat wal;

    if (stat(sqlite3_filename_wal(sqlite3_db_filename(d->db, "main")), &wal) != 0)
        return err_set(err, ERR_CONFIG, "sqlite: %s-wal: %s", path, strerror(errno));
    d->wal = wal.st_ino;
    return true;
}

/* Before the first read: a new file takes these, an old one has them. */
static bool set_pages(struct sqlite *d, bool file, struct err *err)
{
    int sum = SQLITE_PAGE_SUM;
    char text[64];

    snprintf(text, sizeof(text), "PRAGMA page_size = %d;", SQLITE_PAGE);
    if (!run_text(d, text, err))
        return false;
    if (file)
        (void)sqlite3_file_control(d->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &sum);
    return true;
}

/* From now on each page that is read is checked. */
static bool check_pages(struct sqlite *d, const char *path, struct err *err)
{
    int64_t size = 0;

    if (!query_number(d, SQL_PAGE_SIZE, (int64_t[2]){0}, &size, err))
        return name_path(path, err);
    if (size != SQLITE_PAGE)
        return err_set(err, ERR_STORAGE, "sqlite: %s is damaged: its header says pages of %lld",
                       path, (long long)size);
    (void)sqlite3_file_control(d->db, "main", SQLITE_VFS_CHECK, NULL);
    return true;
}

/* Nobody else has the file now. */
static bool take_over(struct sqlite *d, const char *path, struct err *err)
{
    return lock_file(d, path, err) &&
           wal_check(sqlite3_filename_wal(sqlite3_db_filename(d->db, "main")), err);
}

static bool set_up(struct sqlite *d, const char *path, bool file, struct err *err)
{
    bool reader = d->role == BACKEND_READER;
    int64_t version;

    if (!open_file(d, path, err) || (file && !reader && !take_over(d, path, err)))
        return false;
    if (!set_pages(d, file, err))
        return name_path(path, err);
    if (!check_owner(d, path, &version, err) || (file && !check_pages(d, path, err)))
        return false;
    if (!run_text(d, settings, err) || (reader && !run_text(d, reader_settings, err)) ||
        (file && !reader && !run_text(d, writer_settings, err)))
        return name_path(path, err);
    for (size_t i = (size_t)version; i < COUNT_OF(migrations); i++)
        if (!migrate(d, i, err))
            return name_path(path, err);
    if (!prepare_rollback(d, err) || !read_clock(d, err))
        return name_path(path, err);
    return !file || note_wal(d, path, err);
}

struct backend *sqlite_open(const struct backend_config *cfg, struct err *err)
{
    struct sqlite *d = calloc(1, sizeof(*d));
    char *path = find_path(cfg->url, err);
    bool file = path && path[0] != ':', done = false;

    if (!d)
        err_fill(err, ERR_NO_MEMORY, "Out of memory while opening the store.");
    if (d && path) {
        d->base.ops = &sqlite_backend_ops;
        d->base.caps = file ? BACKEND_DURABLE : 0;
        d->lock_fd = -1;
        d->role = cfg->role;
        d->session_ttl_us = cfg->session_ttl_us;
        d->checkpoint_ttl_us = cfg->checkpoint_ttl_us;
        d->context_versions = cfg->context_versions > 0 ? cfg->context_versions : 1;
        done = set_up(d, path, file, err);
        if (!done)
            backend_close(&d->base);
    } else {
        free(d);
    }
    free(path);
    return done ? &d->base : NULL;
}
