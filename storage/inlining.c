/* inlining.c - see inlining.h. */
#include "inlining.h"

#include <stdlib.h>

#include "names.h"
#include "sorted.h"

enum { ALL_MAX = 16 << 10 }; /* bytes of all values in one head */

static void list_items(struct inlining *x)
{
    const struct op_checkpoint_put *put = &x->op->checkpoint_put;
    struct inlined *item = x->items;

    for (size_t i = 0; i < put->n_values; i++) {
        const struct value *v = &put->values[i];

        *item++ = (struct inlined){v->of, IN_ROW, v->blob.type, v->blob.bytes};
    }
    for (size_t i = 0; i < put->n_carried; i++)
        (item++)->of = put->carried[i];
    for (size_t i = 0; i < put->n_removed; i++)
        *item++ = (struct inlined){.of = put->removed[i], .place = NOWHERE};
    x->n_open = put->n_carried;
}

/* Takes what an earlier run has settled. */
static bool take_settled(struct inlining *x, struct err *err)
{
    struct packed_head head;

    if (!slice_present(x->settled))
        return true;
    if (!unpack_head(x->settled, x->op->arena, &head, err))
        return false;
    for (size_t i = 0; i < x->n; i++) {
        const struct inlined *said = head_find(&head, &x->items[i].of);

        if (said)
            x->items[i] = *said;
        x->known[i] = true;
    }
    x->n_open = 0;
    return true;
}

bool inlining_start(struct inlining *x, size_t max, struct op *op, struct err *err)
{
    const struct op_checkpoint_put *put = &op->checkpoint_put;

    *x = (struct inlining){.op = op,
                           .max = max,
                           .n_sent = put->n_values,
                           .n_carried = put->n_carried,
                           .n = put->n_values + put->n_carried + put->n_removed,
                           .settled = put->settled};
    x->items = arena_zalloc(op->arena, x->n, sizeof(*x->items));
    x->known = arena_zalloc(op->arena, x->n, sizeof(*x->known));
    x->sources = arena_alloc(op->arena, (put->n_carried + 1) * sizeof(*x->sources));
    if (!x->items || !x->known || !x->sources)
        return err_no_memory(err);
    list_items(x);
    return take_settled(x, err);
}

bool inlining_is_long(const struct inlining *x, size_t i)
{
    return x->max == 0 || x->items[i].bytes.len > x->max;
}

/* Takes what the head of this id says of a carried value. */
static bool learn(struct inlining *x, size_t i, int64_t id, const struct inlined *said,
                  struct err *err)
{
    struct inlined *item = &x->items[i];

    item->place = said->place;
    x->known[i] = true;
    x->n_open--;
    if (x->n_sources == 0 || x->sources[x->n_sources - 1] != id)
        x->sources[x->n_sources++] = id;
    if (said->place != IN_HEAD)
        return true;
    item->type = said->type;
    item->bytes = said->bytes;
    return (arena_keep(x->op->arena, &item->type) && arena_keep(x->op->arena, &item->bytes)) ||
           err_no_memory(err);
}

static int order_inlined(const void *a, const void *b)
{
    return wanted_order(&((const struct inlined *)a)->of, &((const struct inlined *)b)->of);
}

/* Lists the versions that the JSON of a head names, all in doubt. */
static bool list_versions(struct packed_head *head, struct arena *arena, struct err *err)
{
    struct split_member *members;
    struct name *names;
    size_t n;

    if (!split_members(head->json, arena, &members, &n, err))
        return false;
    while (n > 0 && !split_name_is(members[n - 1].name, "channel_versions"))
        n--;
    if (n == 0)
        return true;
    if (!split_members(members[n - 1].value, arena, &members, &n, err) ||
        !names_sort(members, n, arena, &names, err))
        return false;
    head->items = arena_zalloc(arena, n, sizeof(*head->items));
    if (!head->items)
        return err_no_memory(err);
    for (head->n = 0; head->n < n; head->n++)
        head->items[head->n].of = (struct channel_version){names[head->n].text,
                                                           members[names[head->n].index].value};
    qsort(head->items, n, sizeof(*head->items), order_inlined);
    return true;
}

/* Whether a carried value need not be looked for in other heads. */
static bool is_settled(const struct inlined *said, const struct inlining_source *from, bool listed)
{
    if (said->place == NOWHERE)
        return from->parent;
    return said->place != IN_DOUBT_WHERE || from->newest || !listed;
}

bool inlining_learn(struct inlining *x, const struct inlining_source *from, struct err *err)
{
    struct packed_head head;

    if (!unpack_head(from->packed, x->op->arena, &head, err))
        return false;
    if (!head.listed && from->parent && !list_versions(&head, x->op->arena, err) &&
        err->kind != ERR_INVALID)
        return false;
    for (size_t i = x->n_sent; i < x->n_sent + x->n_carried; i++) {
        const struct inlined *said = x->known[i] ? NULL : head_find(&head, &x->items[i].of);

        if (!said || !is_settled(said, from, head.listed))
            continue;
        if (!learn(x, i, from->id, said, err))
            return false;
    }
    return true;
}

/* Carried values stay where they are; sent ones are inlined while there is room. True: any is in the head. */
static bool decide(struct inlining *x)
{
    size_t total = 0;
    bool any = false;

    for (size_t i = x->n_sent; i < x->n; i++) {
        total += x->items[i].bytes.len;
        any |= x->items[i].place == IN_HEAD;
    }
    for (size_t i = 0; i < x->n_sent; i++) {
        if (inlining_is_long(x, i) || x->items[i].bytes.len + total > ALL_MAX)
            continue;
        x->items[i].place = IN_HEAD;
        total += x->items[i].bytes.len;
        any = true;
    }
    return any;
}

bool inlining_settle(struct inlining *x, struct err *err)
{
    const struct op_checkpoint_put *put = &x->op->checkpoint_put;
    struct packed_head head = {.json = put->head.bytes, .n = x->n};

    if (slice_present(x->settled))
        return true;
    /* Without inlined values a head is as earlier versions wrote it, and they can read it. */
    head.listed = decide(x) || (put->form == FORM_CHANNEL && x->max > 0);
    head.items = arena_alloc(x->op->arena, (x->n + 1) * sizeof(*head.items));
    if (!head.items)
        return err_no_memory(err);
    if (x->n > 0)
        memcpy(head.items, x->items, x->n * sizeof(*head.items));
    if (x->n > 1)
        qsort(head.items, head.n, sizeof(*head.items), order_inlined);
    return pack_head(&head, x->op->arena, &x->settled, err);
}

bool inlining_rest(const struct inlining *x, struct channel_version **carried, size_t *n,
                   struct err *err)
{
    *n = 0;
    *carried = arena_alloc(x->op->arena, (x->n_carried + 1) * sizeof(**carried));
    if (!*carried)
        return err_no_memory(err);
    for (size_t i = x->n_sent; i < x->n_sent + x->n_carried; i++)
        if (x->items[i].place == IN_ROW || x->items[i].place == IN_DOUBT_WHERE)
            (*carried)[(*n)++] = x->items[i].of;
    return true;
}
