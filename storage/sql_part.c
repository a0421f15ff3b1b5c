/* sql_part.c - see sql_part.h. */
#include "sql_part.h"

#include "clock.h"

/* How long the ops of one transaction go on with parts; after that each does only a little. */
#define PART_NS (20 * MS_NS)

/* A part has at least PART_MIN steps, however slow they are, and at most PART_MAX. */
enum { PART_MIN = 8, PART_MAX = 2000 };

/*
 * On a distant store one statement takes as many steps as the part has had so far: so it takes about as long
 * as those did, which bounds how far a part exceeds its time. On a local one few steps are enough.
 */
enum { ROOM_FIRST = 25, ROOM_LOCAL = 16 };

void sql_part_begin(struct sql *d)
{
    d->part_end_ns = clock_now_ns() + PART_NS;
}

size_t sql_part_left(const struct sql *d, size_t steps)
{
    size_t most = d->part_steps;

    if (!most)
        most = clock_now_ns() < d->part_end_ns ? PART_MAX : PART_MIN;
    return steps < most ? most - steps : 0;
}

bool sql_part_full(const struct sql *d, size_t steps)
{
    return sql_part_left(d, steps) == 0;
}

size_t sql_part_room(const struct sql *d, size_t steps)
{
    size_t left = sql_part_left(d, steps), room = steps > ROOM_FIRST ? steps : ROOM_FIRST;

    if (!d->driver->distant)
        room = ROOM_LOCAL;
    else if (room > PART_AT_ONCE)
        room = PART_AT_ONCE;
    if (left == 0)
        return 1;
    return room < left ? room : left;
}
