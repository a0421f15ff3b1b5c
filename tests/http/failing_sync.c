/*
 * failing_sync.c - fails one sync of a database as Linux does, once the file FAIL_FILE exists; for LD_PRELOAD.
 *
 * What was written since the last sync is gone, each descriptor hears of it once, and later syncs succeed. The
 * sync is one that carries a rest of pages (sqlite_carrier.c), so that sqlite itself does not hear of it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 8192, REST = 64, DESCRIPTORS = 1024 };

static struct {
    pthread_mutex_t lock; /* guards all that follows */
    struct {
        off_t at;
        char before[PAGE];
    } pages[REST];
    int n;
    bool failed, heard[DESCRIPTORS];
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_database(int fd)
{
    static const char end[] = "/state.db";
    char link[64] = "/proc/self/fd/", digits[16], path[512];
    ssize_t len;
    int n = 0;

    for (int rest = fd; rest > 0 || n == 0; rest /= 10)
        digits[n++] = (char)('0' + rest % 10);
    for (size_t at = strlen(link); n > 0; at++)
        link[at] = digits[--n];
    len = readlink(link, path, sizeof(path));
    return len >= (ssize_t)sizeof(end) &&
           memcmp(path + len - (sizeof(end) - 1), end, sizeof(end) - 1) == 0;
}

static ssize_t note_write(int fd, const void *from, size_t n, off_t at)
{
    ssize_t done;

    pthread_mutex_lock(&disk.lock);
    if (n == PAGE && is_database(fd)) {
        int i = disk.n++ % REST;

        disk.pages[i].at = at;
        memset(disk.pages[i].before, 0, PAGE);
        (void)!syscall(SYS_pread64, fd, disk.pages[i].before, PAGE, at);
    }
    done = syscall(SYS_pwrite64, fd, from, n, at);
    pthread_mutex_unlock(&disk.lock);
    return done;
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
    return note_write(fd, from, n, at);
}

ssize_t pwrite64(int fd, const void *from, size_t n, off_t at)
{
    return note_write(fd, from, n, at);
}

/* Whether the sync fails. */
static bool fails(int fd)
{
    const char *file = getenv("FAIL_FILE");
    bool rest = disk.n > 0 && disk.n < REST;

    if (!disk.failed && rest && file && access(file, F_OK) == 0) {
        disk.failed = true;
        while (disk.n-- > 0)
            (void)!syscall(SYS_pwrite64, fd, disk.pages[disk.n].before, PAGE,
                           disk.pages[disk.n].at);
    }
    disk.n = 0;
    if (!disk.failed || disk.heard[fd % DESCRIPTORS])
        return false;
    disk.heard[fd % DESCRIPTORS] = true;
    return true;
}

static int sync_file(int fd)
{
    bool failed = false;

    if (is_database(fd)) {
        pthread_mutex_lock(&disk.lock);
        failed = fails(fd);
        pthread_mutex_unlock(&disk.lock);
    }
    if (!failed)
        return (int)syscall(SYS_fdatasync, fd);
    errno = EIO;
    return -1;
}

int fsync(int fd)
{
    return sync_file(fd);
}

int fdatasync(int fd)
{
    return sync_file(fd);
}
