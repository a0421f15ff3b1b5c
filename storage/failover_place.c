/* failover_place.c - see failover_place.h. */
#include "failover_place.h"

#include <stdlib.h>

#include "failover_page.h"
#include "pair_notes.h"
#include "record_fields.h"

enum { PAGE = 200 };

/* Keys of one kind, in order. */
struct keys {
    struct arena arena;
    struct record_key *items;
    size_t n, cap;
};

struct walk {
    struct backend *from, *to;
    const struct place_change *change;
    enum record_kind kind;
    struct keys keys;    /* what `from` holds */
    struct keys orphans; /* checkpoints in `from` that have no parent */
    struct keys anew; /* to be copied: tasks in `from` that began after the change, new orphans */
};

static struct op make_op(const struct walk *w, enum op_type type, struct arena *arena)
{
    return pair_op(type, w->change->of.tenant, (struct slice){NULL, 0}, arena);
}

static bool copy_key(struct arena *arena, struct record_key *key)
{
    return arena_keep(arena, &key->id) && arena_keep(arena, &key->ns) &&
           arena_keep(arena, &key->sub) && arena_keep(arena, &key->task);
}

static bool remember(struct keys *k, const struct record_key *key, struct err *err)
{
    struct record_key *grown = arena_grow(&k->arena, k->items, k->n, sizeof(*grown), &k->cap);

    if (grown) {
        k->items = grown;
        grown[k->n] = *key;
    }
    if (!grown || !copy_key(&k->arena, &grown[k->n]))
        return err_no_memory(err);
    k->n++;
    return true;
}

static int compare_keys(const void *left, const void *right)
{
    return record_key_compare(left, right);
}

static bool merge_into(const struct walk *w, struct backend *store, const struct record *items,
                       size_t n, struct arena *arena, struct err *err)
{
    struct op op = make_op(w, OP_MERGE, arena);

    op.id = w->change->of.id;
    op.merge.items = items;
    op.merge.n = n;
    return n == 0 || backend_run(store, &op, err);
}

/* Merges a page of `from` into the other store. */
static bool copy_page(struct walk *w, const struct record *items, size_t n,
                      struct arena *arena UNUSED, struct err *err)
{
    const struct page page = {
        .from = w->from, .to = w->to, .tenant = w->change->of.tenant, .items = items, .n = n};

    return page_merge(&page, err);
}

static bool is_orphan(const struct record *r)
{
    return r->kind == RECORD_CHECKPOINT && !slice_present(r->checkpoint.parent_id);
}

/* Notes the keys of a page of `from`. */
static bool note_page(struct walk *w, const struct record *items, size_t n,
                      struct arena *arena UNUSED, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!remember(&w->keys, &items[i].key, err) ||
            (is_orphan(&items[i]) && !remember(&w->orphans, &items[i].key, err)) ||
            (w->kind == RECORD_TASK && items[i].task.seq > w->change->number &&
             !remember(&w->anew, &items[i].key, err)))
            return false;
    return true;
}

static int64_t stamp_of(const struct record *r)
{
    if (r->kind == RECORD_MESSAGE)
        return r->message.stamp;
    return r->kind == RECORD_TASK ? r->task.stamp : r->checkpoint.stamp;
}

static bool has_key(const struct keys *k, const struct record_key *key)
{
    return k->n > 0 && bsearch(key, k->items, k->n, sizeof(*k->items), compare_keys);
}

/* Whether a record of `to` must go: `from` does not have it and it is no newer, or it is a task that was
 * removed in `from` and began anew. */
static bool is_gone(const struct walk *w, const struct record *r)
{
    if (stamp_of(r) <= w->change->number && !has_key(&w->keys, &r->key))
        return true;
    return r->kind == RECORD_TASK && r->task.seq <= w->change->number && has_key(&w->anew, &r->key);
}

/* Whether a removal has taken the name of its parent in `from`, and not yet in `to`. */
static bool is_orphaned(const struct walk *w, const struct record *r)
{
    return r->kind == RECORD_CHECKPOINT && !is_orphan(r) && has_key(&w->orphans, &r->key);
}

/* Removes the records of a page of `to` that must go, and notes those that must change. */
static bool compare_page(struct walk *w, const struct record *items, size_t n, struct arena *arena,
                         struct err *err)
{
    struct record *gone = arena_alloc(arena, (n + 1) * sizeof(*gone));
    size_t n_gone = 0;

    if (!gone)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        if (is_orphaned(w, &items[i]) && !remember(&w->anew, &items[i].key, err))
            return false;
        if (!is_gone(w, &items[i]))
            continue;
        gone[n_gone++] = (struct record){
            .kind = w->kind, .key = items[i].key, .gone = w->change->number};
    }
    return merge_into(w, w->to, gone, n_gone, arena, err);
}

/* Reads all records of a kind in the place, page by page. */
static bool read_all(struct walk *w, struct backend *store,
                     bool (*take)(struct walk *w, const struct record *items, size_t n,
                                  struct arena *arena, struct err *err),
                     struct err *err)
{
    struct arena pages[2] = {{0}, {0}};
    struct record_key after = {
        .id = w->change->of.id, .ns = SLICE(""), .sub = SLICE(""), .task = SLICE("")};
    bool ok = true, more = true;

    for (int turn = 0; ok && more; turn = !turn) { /* `after` lives in the page before */
        struct op op = make_op(w, OP_READ_RANGE, &pages[turn]);
        size_t n = 0;

        op.read_range.kind = w->kind;
        op.read_range.after = after;
        op.read_range.limit = PAGE;
        ok = backend_run(store, &op, err);
        if (!ok)
            break;
        while (n < op.read_range.out.n &&
               slice_equal(op.read_range.out.items[n].key.id, w->change->of.id))
            n++;
        more = op.read_range.out.more && n == op.read_range.out.n && n > 0;
        if (n > 0)
            after = op.read_range.out.items[n - 1].key;
        ok = take(w, op.read_range.out.items, n, &pages[turn], err);
        arena_reset(&pages[!turn]);
    }
    arena_done(&pages[0]);
    arena_done(&pages[1]);
    return ok;
}

static bool copy_named(const struct walk *w, const struct record_key *keys, size_t n,
                       struct err *err)
{
    struct arena arena = {0};
    struct op op = make_op(w, OP_RECORDS_GET, &arena);
    struct record_name *names;
    bool ok;

    if (n == 0)
        return true;
    names = arena_alloc(&arena, n * sizeof(*names));
    if (!names)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++)
        names[i] = (struct record_name){.kind = w->kind, .key = keys[i]};
    op.id = w->change->of.id;
    op.records_get.names = names;
    op.records_get.n = n;
    ok = backend_run(w->from, &op, err) &&
         merge_into(w, w->to, op.records_get.out.items, op.records_get.out.n, &arena, err);
    arena_done(&arena);
    return ok;
}

/* Copies the row of the thread. It comes last: a sweep drops the row of a thread that is still empty. */
static bool copy_thread(struct walk w, struct err *err)
{
    w.kind = RECORD_THREAD;
    return copy_named(&w, &(struct record_key){.id = w.change->of.id}, 1, err);
}

/* Removes what only `to` has of a kind. */
static bool remove_others(struct walk w, enum record_kind kind, struct err *err)
{
    bool ok;

    w.kind = kind;
    /* `anew`: tasks, so that `to` learns when they began; checkpoints that have lost their parent */
    ok = read_all(&w, w.from, note_page, err) && read_all(&w, w.to, compare_page, err) &&
         copy_named(&w, w.anew.items, w.anew.n, err);
    arena_done(&w.anew.arena);
    arena_done(&w.orphans.arena);
    arena_done(&w.keys.arena);
    return ok;
}

/* Removes values from `to` whose checkpoints, which came later than they, were removed meanwhile. */
static bool sweep(const struct walk *w, struct err *err)
{
    const struct record gone = {
        .kind = RECORD_CHECKPOINTS, .key.id = w->change->of.id, .gone = w->change->number};
    struct arena arena = {0};
    bool ok = merge_into(w, w->to, &gone, 1, &arena, err);

    arena_done(&arena);
    return ok;
}

static bool copy_kind(struct walk w, enum record_kind kind, struct err *err)
{
    w.kind = kind;
    return read_all(&w, w.from, copy_page, err);
}

bool failover_place(struct backend *from, struct backend *to, const struct place_change *change,
                    struct err *err)
{
    struct walk w = {.from = from, .to = to, .change = change};

    if (change->name.kind == RECORD_MESSAGES)
        return remove_others(w, RECORD_MESSAGE, err);
    if (change->name.kind == RECORD_CHECKPOINTS)
        return remove_others(w, RECORD_TASK, err) && remove_others(w, RECORD_CHECKPOINT, err) &&
               sweep(&w, err);
    return copy_kind(w, RECORD_VALUE, err) && copy_kind(w, RECORD_CHECKPOINT, err) &&
           copy_kind(w, RECORD_TASK, err) && copy_thread(w, err);
}
