/*
 * oom_libpq.h - lets memory end within libpq.
 *
 * The program's own malloc, calloc and realloc take the place of the C library's; they fail only those that
 * are called from libpq.
 *
 * Threads    one.
 * Ownership  none.
 * Units      none.
 * Errors     none.
 */
#ifndef OOM_LIBPQ_H
#define OOM_LIBPQ_H

#include <stdbool.h>
#include <stddef.h>

/* Makes the n-th allocation of libpq from now on fail, and no other. */
void oom_libpq_at(size_t n);

/* Ends what oom_libpq_at() began. Returns whether there was an n-th allocation. */
bool oom_libpq_end(void);

#endif
