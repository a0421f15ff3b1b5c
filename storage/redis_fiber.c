/* redis_fiber.c - see redis_fiber.h. */
#include "redis_fiber.h"

bool fiber_wait(struct call *c UNUSED, struct err *err)
{
    return err_set(err, ERR_INTERNAL, "no fiber");
}

bool fibers_run(struct redis *d, struct op *const ops[], size_t n, struct err *err UNUSED)
{
    for (size_t i = 0; i < n; i++) {
        struct call c = {.d = d, .op = ops[i], .arena = ops[i]->arena};

        redis_run(&c);
    }
    return true;
}

void fibers_free(struct redis *d UNUSED)
{
}
