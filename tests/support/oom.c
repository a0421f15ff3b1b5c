/* oom.c - see oom.h. */
#include "oom.h"

#include <check.h>
#include <stdlib.h>

enum { SWEEP_LIMIT = 1 << 16 };

static _Thread_local bool failing;
static _Thread_local size_t left; /* allocations left before the one that fails, this one included;
                                     0: none will */
static _Thread_local bool struck;

bool oom_may_strike(void)
{
    return failing || left > 0;
}

bool oom_strikes(void)
{
    if (left == 0)
        return failing;
    left--;
    struck = left == 0;
    return failing || struck;
}

void oom_at(size_t n)
{
    left = n;
    struck = false;
}

bool oom_end(void)
{
    left = 0;
    return struck;
}

void oom_set(bool fail)
{
    failing = fail;
}

void oom_sweep(bool (*op)(struct arena *arena, struct err *err))
{
    static _Alignas(16) char first[SWEEP_LIMIT];
    bool done = false;

    for (size_t size = 0; !done; size += 16) {
        struct err err = {0};
        struct arena a;

        ck_assert_uint_le(size, SWEEP_LIMIT);
        arena_init(&a, size ? first : NULL, size);
        oom_set(true);
        done = op(&a, &err);
        oom_set(false);
        if (!done)
            ck_assert_msg(err.kind == ERR_NO_MEMORY, "%zu bytes: %s", size, err.text);
        ck_assert(done || size < SWEEP_LIMIT);
        ck_assert(size > 0 || !done);
        arena_done(&a);
    }
}
