/* torture.c - see torture.h. */
#include "torture.h"

#include <check.h>

#include "state.h"

struct slice torture_state(const struct torture *t, unsigned detail, struct arena *arena)
{
    struct slice text;
    struct err err = {0};

    ck_assert_msg(state_read(t->store, detail | STATE_PAIR, arena, &text, &err), "%s: %s",
                  t->sample->name, err.text);
    return text;
}

void torture_check(const struct torture *t, size_t n, unsigned detail, struct slice want)
{
    struct arena arena = {0};
    struct slice got = torture_state(t, detail, &arena);

    ck_assert_msg(slice_equal(got, want), "%s, allocation %zu:\n%.*s\n--- is not\n%.*s",
                  t->sample->name, n, SLICE_ARGS(state_difference(got, want)),
                  SLICE_ARGS(state_difference(want, got)));
    arena_done(&arena);
}

void torture_renew(struct torture *t, void (*fresh)(void))
{
    struct slice after = t->after;
    struct arena old = t->arena;

    t->arena = (struct arena){0};
    fresh();
    t->after = arena_copy(&t->arena, after);
    ck_assert_ptr_nonnull(t->after.at);
    arena_done(&old);
}
