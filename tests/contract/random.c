/* random.c - see random.h. */
#include "random.h"

#include <stdlib.h>

#include "drivers.h"

static uint64_t seed;

void random_start(int i)
{
    seed = (uint64_t)i * 2654435761u + 88172645463325252u;
}

uint64_t random_place(void)
{
    return seed;
}

void random_return(uint64_t place)
{
    seed = place;
}

/* xorshift*, by S. Vigna. */
uint64_t random_below(uint64_t n)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (seed * UINT64_C(2685821657736338717) >> 33) % n;
}

const char *random_text(struct store *s, const char *stem, uint64_t n)
{
    return arena_printf(&s->arena, "%s%d", stem, (int)random_below(n)).at;
}

void memory_open(struct store *s, const struct store *like, struct backend_config cfg)
{
    struct err err = {0};

    cfg.url = "memory:";
    cfg.role = BACKEND_ANY;
    cfg.cache = NULL;
    *s = *like;
    s->cache = NULL;
    s->arena = (struct arena){0};
    s->backend = chain_open(&cfg, &err);
    ck_assert_msg(s->backend != NULL, "%s", err.text);
}

static struct slice state_of(struct store *s, enum state_detail detail, struct arena *arena)
{
    struct slice text;
    struct err err = {0};

    ck_assert_msg(state_read(s->backend, detail, arena, &text, &err), "%s", err.text);
    return text;
}

void same_state(struct store *got, struct store *want, enum state_detail detail, const char *when)
{
    struct arena arena = {0};
    struct slice a = state_of(got, detail, &arena), b = state_of(want, detail, &arena);

    ck_assert_msg(slice_equal(a, b), "%s:\n%.*s\n--- is not\n%.*s", when,
                  SLICE_ARGS(state_difference(a, b)), SLICE_ARGS(state_difference(b, a)));
    arena_done(&arena);
}
