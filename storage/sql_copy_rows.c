/* sql_copy_rows.c - see sql_copy_rows.h. */
#include "sql_copy_rows.h"

#include "clock.h"
#include "pack.h"
#include "sorted.h"
#include "sql_load.h"
#include "sql_part.h"

/* MOST_BYTES limits what one statement copies, except for a single row that is larger. */
enum { MOST_BYTES = 1 << 20, JOINED_FIRST = 1024 };

/* What is to be written for a row: a value or a checkpoint. */
struct item {
    int64_t to; /* the new namespace; 0 = the row does not exist */
    int64_t base;
    int64_t stamp, head, newest; /* new numbers; `newest`: the highest stamp of its tasks */
    struct slice refs;
    size_t bytes;
};

struct task {
    struct slice id;
    int64_t stamp, seq;
    size_t item, writes;
};

/* What is read for one statement. */
struct chunk {
    struct copier *c;
    struct arena *arena;
    const int64_t *ids; /* ascending */
    size_t n;
    struct item *items; /* one for each id */
    struct task *tasks;
    size_t n_tasks, cap;
};

static bool ask(struct copier *c, enum sql_statement which, const int64_t *numbers, size_t n,
                struct arena *arena, struct query *q, struct err *err)
{
    return load_begin_among(c->d, which, numbers, n, arena, q, err) && query_ask(q, err);
}

static bool add_space(struct copier *c, struct query *q, size_t *cap, struct err *err)
{
    size_t cap_to = *cap;
    void *from = arena_grow(c->arena, c->from, c->n_spaces, sizeof(*c->from), cap);
    void *to = arena_grow(c->arena, c->to, c->n_spaces, sizeof(*c->to), &cap_to);

    if (!from || !to)
        return err_no_memory(err);
    c->from = from;
    c->to = to;
    c->from[c->n_spaces] = query_col_int(q, 0);
    c->to[c->n_spaces++] = query_col_int(q, 1);
    return true;
}

static bool make_spaces(struct copier *c, int64_t from_thread, int64_t to_thread, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    size_t cap = 0;
    bool found;

    if (!query_do(c->d, SQL_NS_COPY, from_thread, to_thread, err) ||
        !query_begin(c->d, SQL_NS_COPIED, &q, err))
        return false;
    query_int(&q, from_thread);
    query_int(&q, to_thread);
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        if (!add_space(c, &q, &cap, err))
            return false;
    }
}

bool copier_begin(struct copier *c, int64_t from_thread, int64_t to_thread, struct err *err)
{
    AUTO(query_end) struct query rows = {0}, values = {0};

    c->most = PART_AT_ONCE;
    if (!make_spaces(c, from_thread, to_thread, err) ||
        !ask(c, SQL_CHECKPOINT_IDS, c->from, c->n_spaces, c->arena, &rows, err) ||
        !ask(c, SQL_VALUE_ROWS, c->from, c->n_spaces, c->arena, &values, err) ||
        !sql_renumber_query(&c->rows, &rows, c->arena, err) ||
        !sql_renumber_query(&c->values, &values, c->arena, err))
        return false;
    renumber_sort(&c->rows);
    return renumber_take(&c->values, c->arena, err);
}

bool copier_stamps(struct copier *c, const int64_t *rows, size_t *n, struct arena *scratch,
                   struct err *err)
{
    AUTO(query_end) struct query q = {0};

    if (*n > PART_AT_ONCE)
        *n = PART_AT_ONCE;
    return ask(c, SQL_CHECKPOINT_STAMPS, rows, *n, scratch, &q, err) &&
           sql_renumber_query(&c->stamps, &q, c->arena, err);
}

static bool begin_chunk(struct copier *c, const int64_t *ids, size_t n, struct arena *scratch,
                        struct chunk *out, struct err *err)
{
    *out = (struct chunk){.c = c, .arena = scratch, .ids = ids, .n = n < c->most ? n : c->most};
    out->items = arena_zalloc(scratch, out->n, sizeof(*out->items));
    return out->items || err_no_memory(err);
}

/* The item of a row id, or NULL; sets its target if `ns` is given. */
static struct item *item_of(const struct chunk *k, int64_t id, int64_t ns)
{
    const int64_t *found = sorted_number(k->ids, k->n, id), *from = NULL;
    struct item *item = found ? &k->items[found - k->ids] : NULL;

    if (item && ns)
        from = sorted_number(k->c->from, k->c->n_spaces, ns);
    if (from)
        item->to = k->c->to[from - k->c->from];
    return item && item->to ? item : NULL;
}

/* Cuts a chunk to what fits well into one statement, and adapts the size of the next ones to that. */
static void cut(struct chunk *k)
{
    size_t asked = k->n, bytes = 0;

    for (size_t i = 0; i < asked; i++) {
        bytes += k->items[i].bytes;
        if (i > 0 && bytes > MOST_BYTES) {
            k->n = k->c->most = i;
            return;
        }
    }
    k->c->most = k->c->most < PART_AT_ONCE / 2 ? k->c->most * 2 : PART_AT_ONCE;
}

static bool write_rows(struct chunk *k, enum sql_statement which, const int64_t *numbers, size_t n,
                       size_t width, struct slice texts, struct err *err)
{
    AUTO(query_end) struct query q = {0};

    if (n == 0)
        return true;
    if (!query_begin(k->c->d, which, &q, err) ||
        !load_bind_rows(&q, numbers, n, width, k->arena, err))
        return false;
    if (query_parameters(&q) > 1)
        query_blob(&q, texts);
    return query_run(&q, err);
}

static bool read_values(struct chunk *k, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!ask(k->c, SQL_VALUE_CELLS, k->ids, k->n, k->arena, &q, err))
        return false;
    for (;;) {
        struct item *item;

        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        item = item_of(k, query_col_int(&q, 0), query_col_int(&q, 1));
        if (!item)
            continue;
        item->base = query_col_int(&q, 2);
        item->bytes = (size_t)query_col_int(&q, 3);
    }
}

bool copier_values(struct copier *c, const int64_t *ids, size_t *n, struct arena *scratch,
                   struct err *err)
{
    enum { WIDTH = 4 };
    int64_t *numbers, *at;
    struct chunk k;

    if (!begin_chunk(c, ids, *n, scratch, &k, err) || !read_values(&k, err))
        return false;
    cut(&k);
    at = numbers = arena_alloc(scratch, k.n * WIDTH * sizeof(*numbers));
    if (!numbers)
        return err_no_memory(err);
    for (size_t i = 0; i < k.n; i++) {
        const struct item *item = &k.items[i];

        if (item->to == 0)
            continue;
        *at++ = k.ids[i];
        *at++ = renumber_of(&c->values, k.ids[i]);
        *at++ = item->to;
        *at++ = renumber_of(&c->values, item->base);
    }
    *n = k.n;
    return write_rows(&k, SQL_VALUE_COPY, numbers, (size_t)(at - numbers) / WIDTH, WIDTH,
                      (struct slice){NULL, 0}, err);
}

static bool renumber_refs(struct chunk *k, struct slice packed, struct slice *out, struct err *err)
{
    int64_t *refs;
    size_t n;

    if (!unpack_refs(packed, k->arena, &refs, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        refs[i] = renumber_of(&k->c->values, refs[i]);
    return pack_refs(refs, n, k->arena, out, err);
}

static bool take_checkpoints(struct chunk *k, struct query *q, struct err *err)
{
    bool found;

    for (;;) {
        struct item *item;

        if (!query_step(q, &found, err))
            return false;
        if (!found)
            return true;
        item = item_of(k, query_col_int(q, 0), query_col_int(q, 1));
        if (!item)
            continue;
        item->stamp = renumber_of(&k->c->stamps, query_col_int(q, 2));
        item->head = renumber_of(&k->c->values, query_col_int(q, 3));
        if (!renumber_refs(k, query_col(q, 4), &item->refs, err))
            return false;
        item->bytes = item->refs.len + (size_t)query_col_int(q, 5);
    }
}

static bool add_task(struct chunk *k, struct item *item, struct query *q, struct err *err)
{
    void *grown = arena_grow(k->arena, k->tasks, k->n_tasks, sizeof(*k->tasks), &k->cap);
    struct task *task;

    if (!grown)
        return err_no_memory(err);
    k->tasks = grown;
    task = &k->tasks[k->n_tasks++];
    task->item = (size_t)(item - k->items);
    task->stamp = renumber_of(&k->c->stamps, query_col_int(q, 2));
    task->seq = renumber_of(&k->c->stamps, query_col_int(q, 3));
    if (item->newest < task->stamp)
        item->newest = task->stamp;
    item->bytes += (size_t)query_col_int(q, 5);
    return query_copy(q, 0, k->arena, &task->id, err) &&
           unpack_count(query_col(q, 4), &task->writes, err);
}

static bool take_tasks(struct chunk *k, struct query *q, struct err *err)
{
    bool found;

    for (;;) {
        struct item *item;

        if (!query_step(q, &found, err))
            return false;
        if (!found)
            return true;
        item = item_of(k, query_col_int(q, 1), 0);
        if (item && !add_task(k, item, q, err))
            return false;
    }
}

/* The two queries go together; `take_checkpoints` first, as tasks are added to its items. */
static bool read_rows(struct chunk *k, struct err *err)
{
    AUTO(query_end) struct query checkpoints = {0}, tasks = {0};

    if (!ask(k->c, SQL_CHECKPOINT_CELLS, k->ids, k->n, k->arena, &checkpoints, err) ||
        !load_begin_among(k->c->d, SQL_TASK_CELLS, k->ids, k->n, k->arena, &tasks, err))
        return false;
    query_int(&tasks, PACKED_COUNT_MAX);
    return query_ask(&tasks, err) && take_checkpoints(k, &checkpoints, err) &&
           take_tasks(k, &tasks, err);
}

/* Texts, one behind the other; each row says where its own begins. */
struct joined {
    char *at;
    size_t len, cap;
};

static bool join(struct chunk *k, struct joined *all, struct slice text, struct err *err)
{
    size_t cap = all->cap ? all->cap : JOINED_FIRST;
    void *grown;

    while (cap < all->len + text.len)
        cap *= 2;
    if (cap > all->cap) {
        grown = arena_resize(k->arena, all->at, all->cap, cap);
        if (!grown)
            return err_no_memory(err);
        all->at = grown;
        all->cap = cap;
    }
    if (text.len)
        memcpy(all->at + all->len, text.at, text.len);
    all->len += text.len;
    return true;
}

/* An anchor is as old as its newest write. */
static bool write_checkpoints(struct chunk *k, struct err *err)
{
    enum { WIDTH = 7 };
    int64_t *numbers = arena_alloc(k->arena, k->n * WIDTH * sizeof(*numbers)), *at = numbers;
    struct joined refs = {0};

    if (!numbers)
        return err_no_memory(err);
    for (size_t i = 0; i < k->n; i++) {
        const struct item *item = &k->items[i];

        if (item->to == 0 || (item->stamp == 0 && item->newest == 0))
            continue;
        *at++ = k->ids[i];
        *at++ = item->stamp;
        *at++ = item->stamp ? 0 : stamp_us(item->newest);
        *at++ = item->head;
        *at++ = (int64_t)refs.len + 1;
        *at++ = (int64_t)item->refs.len;
        *at++ = item->to;
        if (!join(k, &refs, item->refs, err))
            return false;
        k->c->checkpoints += item->stamp != 0;
    }
    return write_rows(k, SQL_CHECKPOINT_COPY, numbers, (size_t)(at - numbers) / WIDTH, WIDTH,
                      (struct slice){refs.at, refs.len}, err);
}

static bool write_tasks(struct chunk *k, struct err *err)
{
    enum { WIDTH = 6 };
    int64_t *numbers = arena_alloc(k->arena, k->n_tasks * WIDTH * sizeof(*numbers)), *at = numbers;
    struct joined ids = {0};

    if (!numbers)
        return err_no_memory(err);
    for (size_t i = 0; i < k->n_tasks; i++) {
        const struct task *task = &k->tasks[i];

        if (task->item >= k->n)
            continue;
        *at++ = k->ids[task->item];
        *at++ = task->stamp;
        *at++ = task->seq;
        *at++ = k->items[task->item].to;
        *at++ = (int64_t)ids.len + 1;
        *at++ = (int64_t)task->id.len;
        if (!join(k, &ids, task->id, err))
            return false;
        k->c->writes += (int64_t)task->writes;
    }
    return write_rows(k, SQL_TASK_COPY, numbers, (size_t)(at - numbers) / WIDTH, WIDTH,
                      (struct slice){ids.at, ids.len}, err);
}

bool copier_rows(struct copier *c, const int64_t *rows, size_t *n, struct arena *scratch,
                 struct err *err)
{
    struct chunk k;

    if (!begin_chunk(c, rows, *n, scratch, &k, err) || !read_rows(&k, err))
        return false;
    cut(&k);
    *n = k.n;
    return write_checkpoints(&k, err) && write_tasks(&k, err);
}
