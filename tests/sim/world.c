/* world.c - see world.h. */
#include "world.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "clock.h"

/* Any times will do, if they are the same in each run. */
#define WALL_US (INT64_C(1800000000) * SEC)
#define MONOTONIC_NS (INT64_C(1000) * 1000 * SEC)

const char *const world_ids[IDS] = {"s0", "s1", "d0", "d1", "e0"};

struct slice world_tenant(int id)
{
    return id == ID_CLEANED ? SLICE("other") : SLICE("default");
}

void *world_alloc(struct world *w, size_t size)
{
    void *memory = arena_zalloc(&w->arena, 1, size);

    assert(memory);
    return memory;
}

void world_say(const struct world *w, const char *fmt, ...)
{
    va_list args;

    if (!w->cfg->trace)
        return;
    printf("%9.3f ", (double)w->schedule.now_us / 1000);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
}

int64_t world_wall_us(const struct world *w, int64_t at_us)
{
    return WALL_US + at_us * w->wall_scale;
}

int64_t world_skew_us(const struct world *w)
{
    return 2 * w->cfg->skew_ms * MS * (w->cfg->collects ? w->wall_scale / 8 : 1);
}

void world_set_clock(const struct world *w, int64_t skew_us)
{
    clock_fake(MONOTONIC_NS + w->schedule.now_us * 1000,
               world_wall_us(w, w->schedule.now_us) + skew_us);
}
