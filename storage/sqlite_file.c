/* sqlite_file.c - see sqlite_file.h. */
#include "sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
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

/* What remains the same as long as a file does, and no other file has. */
struct mark {
    unsigned long long inode;
    int64_t born_ns; /* 0: unknown, or there is no file */
};

/* The lock file: "PID\nINODE BORN INODE BORN\n", of the database and of its log. */
struct lock {
    long pid;
    struct mark db, log;
};

static bool look(const char *path, struct statx *at)
{
    return statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_BTIME, at) == 0;
}

static struct mark mark_of(const struct statx *at)
{
    struct mark m = {.inode = at->stx_ino};

    if (at->stx_mask & STATX_BTIME)
        m.born_ns = at->stx_btime.tv_sec * S_NS + at->stx_btime.tv_nsec;
    return m;
}

static bool same_file(struct mark a, struct mark b)
{
    return a.inode == b.inode && a.born_ns == b.born_ns;
}

static void read_lock(int fd, struct lock *lock)
{
    char text[128];
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

    *lock = (struct lock){0};
    text[n > 0 ? n : 0] = '\0';
    if (sscanf(text, "%ld %llu %" SCNd64 " %llu %" SCNd64, &lock->pid, &lock->db.inode,
               &lock->db.born_ns, &lock->log.inode, &lock->log.born_ns) != 5)
        lock->db = lock->log = (struct mark){0};
}

/* Of the files that have the names now. */
static bool write_lock(struct sqlite *d, int fd, const char *path, struct err *err)
{
    const char *name = sqlite3_db_filename(d->db, "main");
    struct lock lock = {.pid = (long)getpid()};
    struct statx at;

    if (look(name, &at))
        lock.db = mark_of(&at);
    if (look(sqlite3_filename_wal(name), &at))
        lock.log = mark_of(&at);
    return (ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0 &&
            dprintf(fd, "%ld\n%llu %" PRId64 " %llu %" PRId64 "\n", lock.pid, lock.db.inode,
                    lock.db.born_ns, lock.log.inode, lock.log.born_ns) > 0) ||
           err_set(err, ERR_CONFIG, "sqlite: %s.lock cannot be written: %s", path, strerror(errno));
}

/* Refuses a file that was put beside the log of another one: sqlite would write the log over it. */
static bool check_log(struct sqlite *d, int fd, const char *path, struct err *err)
{
    const char *name = sqlite3_db_filename(d->db, "main");
    struct statx db, log;
    struct lock last;

    read_lock(fd, &last);
    if (last.db.born_ns == 0 || last.log.born_ns == 0 || !look(sqlite3_filename_wal(name), &log) ||
        log.stx_size == 0 || !same_file(mark_of(&log), last.log) || !look(name, &db) ||
        same_file(mark_of(&db), last.db))
        return true;
    return err_set(err, ERR_CONFIG,
                   "sqlite: %s was replaced, and its -wal is that of the file before: remove the "
                   "-wal (or the .lock, if the two do belong together)",
                   path);
}

/* Refuses a file that others may find under a name with another lock and another log. */
static bool check_names(const struct statx *db, const char *path, struct err *err)
{
    if (db->stx_nlink > 1)
        return err_set(err, ERR_CONFIG,
                       "sqlite: %s has another name (a hard link), by which it could be opened "
                       "twice: remove that",
                       path);
    if (db->stx_attributes & STATX_ATTR_MOUNT_ROOT)
        return err_set(err, ERR_CONFIG,
                       "sqlite: %s is mounted as a single file: mount its folder, for its log "
                       "belongs beside it",
                       path);
    return true;
}

static bool fail_lock(int fd, const char *path, struct err *err)
{
    struct lock lock;

    if (errno != EWOULDBLOCK)
        return err_set(err, ERR_CONFIG, "sqlite: %s cannot be locked: %s", path, strerror(errno));
    read_lock(fd, &lock);
    return err_set(err, ERR_CONFIG, "sqlite: %s is in use by another process (pid %ld)", path,
                   lock.pid);
}

/* What root makes belongs to the owner of the database, as a log that sqlite makes. */
static int open_lock(const char *name, const struct statx *db)
{
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EEXIST)
        return open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && geteuid() == 0) { /* where it may not, nor could sqlite */
        (void)!fchown(fd, db->stx_uid, db->stx_gid);
        (void)!fchmod(fd, db->stx_mode & 0777);
    }
    return fd;
}

/*
 * Keeps other processes out while the descriptor is open. The lock is on a separate file: closing a descriptor
 * of the database would drop sqlite's own locks on it.
 */
static bool lock_file(struct sqlite *d, const char *path, struct err *err)
{
    const char *full = sqlite3_db_filename(d->db, "main");
    struct statx db;
    char *name;
    int fd;

    if (!look(full, &db))
        return err_set(err, ERR_CONFIG, "sqlite: %s: %s", path, strerror(errno));
    if (!check_names(&db, path, err))
        return false;
    name = sqlite3_mprintf("%s.lock", full);
    if (!name)
        return err_no_memory(err);
    fd = open_lock(name, &db);
    if (fd < 0)
        err_fill(err, ERR_CONFIG, "sqlite: %s.lock cannot be opened: %s", path, strerror(errno));
    sqlite3_free(name);
    if (fd < 0)
        return false;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        fail_lock(fd, path, err);
        close(fd);
        return false;
    }
    if (!check_log(d, fd, path, err) || !write_lock(d, fd, path, err)) {
        close(fd);
        return false;
    }
    d->lock_fd = fd;
    return true;
}

bool sqlite_note_log(struct sqlite *d, const char *path, struct err *err)
{
    return write_lock(d, d->lock_fd, path, err);
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
