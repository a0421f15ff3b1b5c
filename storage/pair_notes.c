/* pair_notes.c - see pair_notes.h. */
#include "pair_notes.h"

#include "clock.h"

bool pair_read_run(struct backend *store, int64_t after, int64_t limit, struct arena *arena,
                   struct op_pair_read *out, struct err *err)
{
    struct op op = {
        .type = OP_PAIR_READ,
        .tenant = SLICE("default"),
        .now_us = clock_now_us(),
        .stamp = stamp_next(),
        .arena = arena,
        .pair_read = {.after = after, .limit = limit},
    };
    bool ok = backend_run(store, &op, err);

    *out = op.pair_read;
    return ok;
}

struct slice pair_note_text(const struct op_pair_read *read, const char *name)
{
    for (size_t i = 0; i < read->out.n_notes; i++)
        if (slice_equal(read->out.notes[i].name, slice_of(name)))
            return read->out.notes[i].text;
    return (struct slice){NULL, 0};
}

bool pair_change_run(struct backend *store, struct op_pair_change change, struct err *err)
{
    struct arena arena = {0};
    struct op op = {
        .type = OP_PAIR_CHANGE,
        .tenant = SLICE("default"),
        .now_us = clock_now_us(),
        .stamp = stamp_next(),
        .arena = &arena,
        .pair_change = change,
    };
    bool ok = backend_run(store, &op, err);

    arena_done(&arena);
    return ok;
}
