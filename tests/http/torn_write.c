/*
 * torn_write.c - ends a Redis in the middle of a write, as a power cut may, once the file TORN_FILE exists, which
 * it removes; for LD_PRELOAD.
 *
 * It is a write to the append-only file that holds a transaction: of what one script changed. The file gets the
 * transaction's beginning, at least MULTI_LEN bytes of it.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char multi[] = "*1\r\n$5\r\nMULTI\r\n";

enum { MULTI_LEN = sizeof(multi) - 1 };

static bool is_append_only(int fd)
{
    char link[64], path[512];
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof(path) - 1);
    if (len < 0)
        return false;
    path[len] = '\0';
    return strstr(path, ".incr.aof") != NULL;
}

/* A length at which the transaction is torn. */
static size_t cut(const char *from, size_t n, const char *transaction)
{
    size_t begin = (size_t)(transaction - from) + MULTI_LEN;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return begin + (size_t)now.tv_nsec % (n - begin);
}

ssize_t write(int fd, const void *from, size_t n)
{
    const char *file = getenv("TORN_FILE"), *transaction = memmem(from, n, multi, MULTI_LEN);

    if (file && transaction && access(file, F_OK) == 0 && is_append_only(fd)) {
        unlink(file);
        (void)!syscall(SYS_write, fd, from, cut(from, n, transaction));
        kill(getpid(), SIGKILL);
    }
    return syscall(SYS_write, fd, from, n);
}
