/*
 * oom_libpq.c - the allocations of libpq; see oom.h. The program's own malloc, calloc and realloc take the place
 * of the C library's; they fail only those that are called from libpq.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "oom.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

/* Whether the allocation that `caller` asks for must fail. */
static bool strikes(void *caller)
{
    Dl_info info;

    return oom_may_strike() && dladdr(caller, &info) && strstr(info.dli_fname, "libpq.so") &&
           oom_strikes();
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
