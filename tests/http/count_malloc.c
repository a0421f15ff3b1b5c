/* count_malloc.c - counts the allocations of a process into the file COUNT_FILE; for LD_PRELOAD. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

static atomic_ulong unseen;
static atomic_ulong *counter = &unseen;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("COUNT_FILE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *at = MAP_FAILED;

    if (fd >= 0)
        at = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED)
        counter = at;
    if (fd >= 0)
        close(fd);
}

void *malloc(size_t size)
{
    atomic_fetch_add(counter, 1);
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    atomic_fetch_add(counter, 1);
    return __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
    atomic_fetch_add(counter, 1);
    return __libc_realloc(old, size);
}
