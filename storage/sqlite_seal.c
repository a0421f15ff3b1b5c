/*
 * sqlite_seal.c - see sqlite_seal.h.
 *
 *     path -> open -> lock -> is it ours? -> checkpoint -> check -> pages of ours -> sums
 */
#include "sqlite_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite_file.h"
#include "sqlite_vfs.h"

static const char settings[] = "PRAGMA trusted_schema = OFF;"
                               "PRAGMA cell_size_check = ON;";

static bool check_owner(struct sqlite *d, const char *path, struct err *err)
{
    int64_t application;

    if (!query_number(&d->sql, SQL_APPLICATION, (int64_t[2]){0}, &application, err))
        return sqlite_name_path(path, err);
    return application == SQLITE_APPLICATION ||
           err_set(err, ERR_CONFIG, "sqlite: %s is the database of another program", path);
}

static bool carry_over(struct sqlite *d, const char *path, struct err *err)
{
    if (sqlite3_wal_checkpoint_v2(d->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
        SQLITE_OK)
        return true;
    sqlite_fail(d, err);
    return sqlite_name_path(path, err);
}

/* Appends the next line of the check, with line breaks replaced. */
static void add_finding(struct query *q, char *text, size_t size)
{
    struct slice line = query_col(q, 0);
    size_t len = strlen(text);

    snprintf(text + len, size - len, "%s%.*s", len ? "; " : "", (int)line.len, line.at);
    for (char *c = text + len; *c; c++)
        if (*c == '\n')
            *c = ' ';
}

static bool check_structure(struct sqlite *d, const char *path, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    char findings[sizeof(err->text)] = "";
    bool row;

    if (!query_begin(&d->sql, SQL_INTEGRITY, &q, err) || !query_step(&q, &row, err))
        return sqlite_name_path(path, err);
    while (row) {
        add_finding(&q, findings, sizeof(findings));
        if (!query_step(&q, &row, err))
            return sqlite_name_path(path, err);
    }
    return strcmp(findings, "ok") == 0 ||
           err_set(err, ERR_STORAGE, "sqlite: %s is damaged: %s", path, findings);
}

static sqlite3_file *file_of(struct sqlite *d)
{
    sqlite3_file *file = NULL;

    (void)sqlite3_file_control(d->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    return file;
}

static bool fail_file(int rc, const char *path, struct err *err)
{
    return err_set(err, ERR_UNAVAILABLE, "sqlite: %s: %s", path, sqlite3_errstr(rc));
}

static bool pages_fit(struct sqlite *d, const char *path, bool *fit, struct err *err)
{
    sqlite3_file *file = file_of(d);
    unsigned char header[SQLITE_HEADER];
    int rc = file->pMethods->xRead(file, header, sizeof(header), 0);

    if (rc != SQLITE_OK)
        return fail_file(rc, path, err);
    *fit = sqlite_pages_fit(header);
    return true;
}

/*
 * Rewrites the file if its pages have another size or no space for checksums, as after .dump. Not in WAL mode:
 * only then can the page size change, and another process that has the file open is noticed.
 */
static bool fit_pages(struct sqlite *d, const char *path, struct err *err)
{
    int sum = SQLITE_PAGE_SUM;
    char text[64];
    bool fit;

    if (!sqlite_run(d, "PRAGMA journal_mode = DELETE;", err))
        return sqlite_name_path(path, err);
    if (!pages_fit(d, path, &fit, err) || fit)
        return fit;
    snprintf(text, sizeof(text), "PRAGMA page_size = %d;", SQLITE_PAGE);
    if (!sqlite_run(d, text, err))
        return sqlite_name_path(path, err);
    (void)sqlite3_file_control(d->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &sum); /* checked below */
    if (!sqlite_run(d, "VACUUM;", err))
        return sqlite_name_path(path, err);
    return pages_fit(d, path, &fit, err) &&
           (fit || err_set(err, ERR_STORAGE, "sqlite: %s: its pages cannot be changed", path));
}

/* Writes only the checksum, so the content of a page is safe even if this is interrupted. */
static int stamp_page(sqlite3_file *file, sqlite3_int64 offset, struct sqlite_sealed *done)
{
    char page[SQLITE_PAGE], *stored = page + SQLITE_PAGE - SQLITE_PAGE_SUM, sum[SQLITE_PAGE_SUM];
    int rc = file->pMethods->xRead(file, page, sizeof(page), offset);

    sqlite_page_sum(page, offset, sum);
    done->pages++;
    if (rc != SQLITE_OK || memcmp(stored, sum, sizeof(sum)) == 0)
        return rc;
    done->sealed++;
    return file->pMethods->xWrite(file, sum, sizeof(sum), offset + SQLITE_PAGE - SQLITE_PAGE_SUM);
}

static bool stamp_pages(struct sqlite *d, const char *path, struct sqlite_sealed *out,
                        struct err *err)
{
    sqlite3_file *file = file_of(d);
    struct sqlite_sealed done = {0};
    sqlite3_int64 size;
    int rc = file->pMethods->xFileSize(file, &size);

    for (sqlite3_int64 at = 0; rc == SQLITE_OK && at + SQLITE_PAGE <= size; at += SQLITE_PAGE)
        rc = stamp_page(file, at, &done);
    if (rc == SQLITE_OK)
        rc = file->pMethods->xSync(file, SQLITE_SYNC_FULL);
    if (rc != SQLITE_OK)
        return fail_file(rc, path, err);
    *out = done;
    return true;
}

/* Keeps other programs out by a transaction that changes nothing. */
static bool stamp_alone(struct sqlite *d, const char *path, struct sqlite_sealed *out,
                        struct err *err)
{
    if (!sqlite_run(d, "BEGIN EXCLUSIVE;", err))
        return sqlite_name_path(path, err);
    if (!stamp_pages(d, path, out, err))
        return false;
    return query_do(&d->sql, SQL_ROLLBACK, 0, 0, err) || sqlite_name_path(path, err);
}

static bool seal_file(struct sqlite *d, const char *path, struct sqlite_sealed *out,
                      struct err *err)
{
    if (!sqlite_file_open(d, path, 0, NULL, err) || !sqlite_take_over(d, path, err) ||
        !check_owner(d, path, err))
        return false;
    if (!sqlite_run(d, settings, err))
        return sqlite_name_path(path, err);
    return carry_over(d, path, err) && check_structure(d, path, err) && fit_pages(d, path, err) &&
           stamp_alone(d, path, out, err);
}

bool sqlite_seal(const char *url, struct sqlite_sealed *out, struct err *err)
{
    struct sqlite *d;
    char *path = sqlite_path(url, err);
    bool done = false;

    if (path && path[0] == ':') {
        err_fill(err, ERR_CONFIG, "%s: write sqlite:PATH or sqlite:///PATH", url);
    } else if (path && !(d = calloc(1, sizeof(*d)))) {
        (void)err_no_memory(err);
    } else if (path) {
        d->sql.driver = &sqlite_driver;
        d->sql.base.ops = &sqlite_backend_ops;
        d->lock_fd = -1;
        done = seal_file(d, path, out, err);
        backend_close(&d->sql.base);
    }
    free(path);
    return done;
}
