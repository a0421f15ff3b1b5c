/* sqlite_file.c - see sqlite_file.h. */
#include "sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "sqlite_wal.h"
#include "store_url.h"

enum {
    BUSY_MS = 5000, /* only recovery and closing make others wait */
};

char *sqlite_path(const char *url, struct err *err)
{
    const char *rest = strchr(url, ':') ? strchr(url, ':') + 1 : "";
    bool memory = strcmp(url, "memory:") == 0;
    bool rooted = strncmp(rest, "///", 3) == 0, host = strncmp(rest, "//", 2) == 0 && !rooted;
    const char *mistake = store_url_mistaken(url);
    char *path, shown[STORE_URL_SHOWN];

    if (mistake) {
        store_url_show(url, shown);
        err_fill(err, ERR_CONFIG, "\"%s\" %s", shown, mistake);
        return NULL;
    }
    if (!memory && (!store_url_is_sqlite(url) || *rest == '\0' || host)) {
        store_url_show(url, shown);
        err_fill(err, ERR_CONFIG, "\"%s\" names no file: write sqlite:PATH or sqlite:///PATH",
                 shown);
        return NULL;
    }
    path = malloc(strlen(rest) + sizeof(":memory:"));
    if (!path) {
        (void)err_no_memory(err);
        return NULL;
    }
    strcpy(path, memory ? ":memory:" : *rest == '/' ? "" : "./");
    return strcat(path, rooted ? rest + 2 : rest);
}

bool sqlite_name_path(const char *path, struct err *err)
{
    return err_set(err, err->kind, "sqlite: %s: %s", path, err->text + strlen("sqlite: "));
}

bool sqlite_file_open(struct sqlite *d, const char *path, int flags, const char *vfs,
                      struct err *err)
{
    int rc, reason;

    flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    rc = sqlite3_open_v2(path, &d->db, flags, vfs);
    if (rc == SQLITE_NOMEM || !d->db)
        return err_no_memory(err);
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
 * Keeps other processes out while the descriptor is open. The lock is on a separate file: closing a descriptor
 * of the database would drop sqlite's own locks on it.
 */
static bool lock_file(struct sqlite *d, const char *path, struct err *err)
{
    const char *full = sqlite3_db_filename(d->db, "main");
    char *name = sqlite3_mprintf("%s.lock", full ? full : path);
    int fd;

    if (!name)
        return err_no_memory(err);
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

bool sqlite_run_script(struct sqlite *d, const char *text, size_t len, struct err *err)
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

bool sqlite_run(struct sqlite *d, const char *text, struct err *err)
{
    return sqlite_run_script(d, text, strlen(text), err);
}

bool sqlite_take_over(struct sqlite *d, const char *path, struct err *err)
{
    return lock_file(d, path, err) &&
           wal_check(sqlite3_filename_wal(sqlite3_db_filename(d->db, "main")), err);
}
