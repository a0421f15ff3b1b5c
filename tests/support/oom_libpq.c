/* oom_libpq.c - see oom_libpq.h. */
#include "oom_libpq.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static size_t
    left; /* allocations left before the one that fails, this one included; 0: none will */
static bool struck;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

/* Whether the allocation that `caller` asks for must fail. */
static bool strikes(void *caller)
{
    Dl_info info;

    if (left == 0 || !dladdr(caller, &info) || !strstr(info.dli_fname, "libpq.so"))
        return false;
    left--;
    struck = left == 0;
    return struck;
}

void *malloc(size_t size)
{
    return strikes(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return strikes(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
    return strikes(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

void oom_libpq_at(size_t n)
{
    struck = false;
    left = n;
}

bool oom_libpq_end(void)
{
    left = 0;
    return struck;
}
