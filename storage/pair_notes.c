/* pair_notes.c - see pair_notes.h. */
#include "pair_notes.h"

#include "clock.h"

struct op pair_op(enum op_type type, struct slice tenant, struct slice id, struct arena *arena)
{
    return (struct op){
        .type = type,
        .tenant = tenant,
        .id = id,
        .now_us = clock_now_us(),
        .stamp = stamp_next(),
        .arena = arena,
    };
}

static struct op own_op(enum op_type type, struct arena *arena)
{
    return pair_op(type, SLICE("default"), (struct slice){NULL, 0}, arena);
}

bool pair_read_run(struct backend *store, int64_t after, int64_t limit, struct arena *arena,
                   struct op_pair_read *out, struct err *err)
{
    struct op op = own_op(OP_PAIR_READ, arena);
    bool ok;

    op.pair_read.after = after;
    op.pair_read.limit = limit;
    ok = backend_run(store, &op, err);
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
    struct op op = own_op(OP_PAIR_CHANGE, &arena);
    bool ok;

    op.pair_change = change;
    ok = backend_run(store, &op, err);
    arena_done(&arena);
    return ok;
}

bool pair_notes_run(struct backend *store, const struct pair_note *notes, size_t n, struct err *err)
{
    return pair_change_run(store, (struct op_pair_change){.notes = notes, .n_notes = n}, err);
}
