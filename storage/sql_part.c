/* sql_part.c - see sql_part.h. */
#include "sql_part.h"

#include "clock.h"

/* How long one transaction goes on with parts; beyond it each op does little. */
#define PART_NS (INT64_C(20) * 1000000)

/* A part has at least the fewer steps, however slow they are, and at most the others. */
enum { PART_MIN = 8, PART_MAX = 2000 };

void sql_part_begin(struct sql *d)
{
    d->part_end_ns = clock_now_ns() + PART_NS;
}

bool sql_part_full(const struct sql *d, size_t steps)
{
    if (d->part_steps)
        return steps >= d->part_steps;
    return steps >= PART_MIN && (steps >= PART_MAX || clock_now_ns() >= d->part_end_ns);
}
