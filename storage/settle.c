/* settle.c - see settle.h. */
#include "settle.h"

#include <stdlib.h>

#include "pair_notes.h"

enum { PAGE = 1000, TOGETHER = 64 };

struct settling {
    struct backend *store;
    const struct pair_note *before; /* to note before the first is counted; NULL: it is noted */
    int64_t after;                  /* entries up to this number have been settled */
    bool more, damaged;
    struct op ops[TOGETHER]; /* these run side by side */
    struct arena arenas[TOGETHER];
    struct op *list[TOGETHER]; /* those that must run now */
    size_t n;
};

/* The addition that an entry names; NULL: none. */
static const struct record_name *pending_in(const struct outbox_entry *e)
{
    for (size_t i = 0; i < e->n_names; i++)
        if (e->names[i].kind == RECORD_PENDING)
            return &e->names[i];
    return NULL;
}

/* Runs the ops of the list. Those that meet something damaged leave it. */
static bool run(struct settling *s, struct err *err)
{
    size_t n = 0;

    if (s->n > 0 && !backend_execute(s->store, s->list, s->n, err))
        return false;
    for (size_t i = 0; i < s->n; i++) {
        struct op *op = s->list[i];

        if (op->status.kind == ERR_OK)
            s->list[n++] = op;
        else if (op->status.kind != ERR_DAMAGED) {
            *err = op->status;
            return false;
        }
    }
    s->damaged |= n < s->n;
    s->n = n;
    return true;
}

/* Makes ops that read what is pending by the entries from *at on, TOGETHER at most. */
static void ask(struct settling *s, const struct op_pair_read *page, size_t *at)
{
    for (s->n = 0; *at < page->out.n && s->n < TOGETHER; ++*at) {
        const struct outbox_entry *e = &page->out.entries[*at];
        const struct record_name *name = pending_in(e);
        struct op *op = &s->ops[s->n];

        if (!name)
            continue;
        *op = pair_op(OP_RECORDS_GET, e->tenant, e->id, &s->arenas[s->n]);
        op->records_get.names = name;
        op->records_get.n = 1;
        s->list[s->n++] = op;
    }
}

/* Turns each op that found something into one that counts it. */
static void turn(struct settling *s)
{
    size_t asked = s->n;

    s->n = 0;
    for (size_t i = 0; i < asked; i++) {
        struct op *op = s->list[i];
        const struct record *items = op->records_get.out.items;
        size_t n = op->records_get.out.n;

        if (n == 0)
            continue;
        *op = pair_op(OP_MERGE, op->tenant, op->id, op->arena);
        op->merge.items = items;
        op->merge.n = n;
        op->merge.own = true;
        s->list[s->n++] = op;
    }
}

static bool note(struct settling *s, struct err *err)
{
    if (s->n == 0 || !s->before)
        return true;
    if (!pair_notes_run(s->store, s->before, 1, err))
        return false;
    s->before = NULL;
    return true;
}

static bool settle_entries(struct settling *s, const struct op_pair_read *page, struct err *err)
{
    bool ok = true;

    for (size_t at = 0; ok && at < page->out.n;) {
        ask(s, page, &at);
        ok = run(s, err);
        if (ok)
            turn(s);
        ok = ok && note(s, err) && run(s, err);
        for (int i = 0; i < TOGETHER; i++)
            arena_reset(&s->arenas[i]);
    }
    return ok;
}

static bool settle_page(struct settling *s, struct err *err)
{
    struct arena arena = {0};
    struct op_pair_read page;
    bool ok = pair_read_run(s->store, s->after, PAGE, &arena, &page, err) &&
              settle_entries(s, &page, err);

    s->more = ok && page.out.more && page.out.n > 0;
    if (s->more)
        s->after = page.out.through;
    arena_done(&arena);
    return ok;
}

bool settle_pending(struct backend *store, const struct pair_note *before, struct slice seat,
                    struct err *err)
{
    const struct pair_note settled = {.name = SLICE("seat"), .text = seat};
    struct settling *s = calloc(1, sizeof(*s));
    bool ok;

    if (!s)
        return err_no_memory(err);
    s->store = store;
    s->before = before;
    do
        ok = settle_page(s, err);
    while (ok && s->more);
    if (ok && !s->damaged)
        ok = pair_notes_run(store, &settled, 1, err);
    for (int i = 0; i < TOGETHER; i++)
        arena_done(&s->arenas[i]);
    free(s);
    return ok;
}
