/* redis_cells.c - checkpoints, tasks and values as fields; see redis_cells.h. */
#include "redis_cells.h"

#include <stdlib.h>

enum { DROPS_AT_ONCE = 1000 }; /* words of a command: Lua unpacks some thousand at most */

bool redis_cp_take(struct slice id, const struct reply *reply, struct cp_row *row, struct err *err)
{
    struct slice texts[4];
    int64_t n[4];

    *row = (struct cp_row){.id = id};
    if (reply->type != REPLY_TEXT)
        return true;
    if (!redis_unpack(reply->text, &(struct packed){n, COUNT_OF(n), texts, COUNT_OF(texts)}, err))
        return false;
    *row = (struct cp_row){true,     id,       n[0],     n[1],    n[2], (enum form)n[3],
                           texts[0], texts[1], texts[2], texts[3]};
    return true;
}

/* The member for a row in the index "sequence" of its namespace. */
static struct slice place_of(struct call *c, const struct cp_row *row)
{
    if (row->form == FORM_CHANNEL)
        return call_concat(c, SLICE("c"), row->id);
    return call_concat(c, call_concat(c, SLICE("d"), redis_digits(row->stamp, c->arena)), row->id);
}

static struct slice age_member(struct call *c, const struct cp_row *row)
{
    return call_concat(c, row->stamp > 0 ? SLICE("c") : SLICE("a"), row->id);
}

static struct slice path(struct call *c, struct slice ns, const struct cp_row *row)
{
    struct slice joined = redis_join((struct slice[]){c->id, ns, row->id}, 3, c->arena);

    if (!joined.at)
        call_no_memory(c);
    return joined;
}

static void flush(struct cp_drops *d, enum cp_index in)
{
    if (d->of[in].n > 0)
        call_change(d->c, d->of[in].words, d->of[in].n);
    d->of[in].n = 0;
}

static void push(struct cp_drops *d, enum cp_index in, struct slice word)
{
    void *grown = arena_grow(d->c->arena, d->of[in].words, d->of[in].n, sizeof(word),
                             &d->of[in].cap);

    if (!grown) {
        call_no_memory(d->c);
        return;
    }
    d->of[in].words = grown;
    d->of[in].words[d->of[in].n++] = word;
}

/* Adds a member of the key, to the command that has the members before it if there is room. */
static void drop(struct cp_drops *d, enum cp_index in, struct slice key, struct slice member)
{
    static const char *const verbs[CP_INDEXES] = {
        [IN_SEQUENCE] = "ZREM", [IN_AGES] = "ZREM",     [IN_CREATED] = "ZREM",
        [IN_PLACES] = "ZREM",   [IN_RUN] = "SREM",      [IN_CHECKPOINTS] = "HDEL",
        [IN_WEIGHTS] = "HDEL",  [IN_WRITES] = "UNLINK", [IN_VALUES] = "HDEL",
        [IN_NAMES] = "ZREM",    [IN_BASES] = "HDEL",
    };

    if (d->of[in].n >= DROPS_AT_ONCE || !slice_equal(d->of[in].key, key))
        flush(d, in);
    d->of[in].key = key;
    if (d->of[in].n == 0) {
        push(d, in, slice_of(verbs[in]));
        if (in != IN_WRITES)
            push(d, in, key);
    }
    push(d, in, member);
}

/* The same of a key of the namespace, unless that goes as a whole. */
static void drop_ns(struct cp_drops *d, enum cp_index in, const char *kind, struct slice member)
{
    if (!d->whole)
        drop(d, in, d->of[in].n > 0 ? d->of[in].key : call_key_ns(d->c, kind, d->ns), member);
}

/* Removes a row from the indexes. */
static void forget(struct cp_drops *d, const struct cp_row *row)
{
    struct slice member = path(d->c, d->ns, row);
    bool place = row->stamp == 0;

    if (!place)
        drop_ns(d, IN_SEQUENCE, "sequence", place_of(d->c, row));
    drop_ns(d, IN_AGES, "ages", age_member(d->c, row));
    drop(d, place ? IN_PLACES : IN_CREATED, call_index(d->c, place ? "places" : "created"), member);
    if (slice_present(row->run_id))
        drop(d, IN_RUN, call_index_of(d->c, "run", row->run_id), member);
}

void redis_cp_drop(struct cp_drops *d, const struct cp_row *row)
{
    forget(d, row);
    drop_ns(d, IN_CHECKPOINTS, "checkpoints", row->id);
}

void redis_cp_drop_writes(struct cp_drops *d, struct slice cp)
{
    drop_ns(d, IN_WEIGHTS, "weights", cp);
    drop(d, IN_WRITES, SLICE(""), call_writes_key(d->c, d->ns, cp));
}

void redis_cp_drops_end(struct cp_drops *d)
{
    for (int i = 0; i < CP_INDEXES; i++)
        flush(d, (enum cp_index)i);
}

bool redis_cp_store(struct call *c, struct slice ns, const struct cp_row *old,
                    const struct cp_row *row, struct err *err)
{
    struct slice field, created = call_number(c, row->created_us);
    struct cp_drops drops = {.c = c, .ns = ns};

    if (!redis_pack(
            &(struct packed){
                (int64_t[]){row->stamp, row->created_us, row->head, row->form}, 4,
                (struct slice[]){row->parent_id, row->run_id, row->refs, row->metadata}, 4},
            c->arena, &field, err))
        return false;
    if (old->stored) {
        forget(&drops, old);
        redis_cp_drops_end(&drops);
    }
    CHANGE(c, SLICE("HSET"), call_key_ns(c, "checkpoints", ns), row->id, field);
    if (row->stamp > 0)
        CHANGE(c, SLICE("ZADD"), call_key_ns(c, "sequence", ns), SLICE("0"), place_of(c, row));
    CHANGE(c, SLICE("ZADD"), call_key_ns(c, "ages", ns), created, age_member(c, row));
    CHANGE(c, SLICE("ZADD"), call_index(c, row->stamp > 0 ? "created" : "places"), created,
           path(c, ns, row));
    if (slice_present(row->run_id))
        CHANGE(c, SLICE("SADD"), call_index_of(c, "run", row->run_id), path(c, ns, row));
    return true;
}

static int order_paths(const void *a, const void *b)
{
    const struct task_row *x = a, *y = b;
    int order = slice_compare(x->task_path, y->task_path);

    return order ? order : slice_compare(x->id, y->id);
}

static int order_seqs(const void *a, const void *b)
{
    const struct task_row *x = a, *y = b;
    int order = (x->seq > y->seq) - (x->seq < y->seq);

    return order ? order : slice_compare(x->id, y->id);
}

bool redis_task_take(struct slice id, const struct reply *reply, struct task_row *task,
                     struct err *err)
{
    struct slice texts[2];
    int64_t numbers[2];

    if (!redis_unpack(reply->text, &(struct packed){numbers, 2, texts, 2}, err))
        return false;
    *task = (struct task_row){true, id, texts[0], texts[1], numbers[0], numbers[1]};
    return true;
}

bool redis_tasks_take(struct call *c, const struct reply *reply, enum form form,
                      struct task_row **tasks, size_t *n, struct err *err)
{
    struct task_row *found = arena_zalloc(c->arena, reply->n / 2 + 1, sizeof(*found));

    if (!found)
        return err_no_memory(err);
    *n = 0;
    for (size_t i = 0; i + 1 < reply->n; i += 2)
        if (!redis_task_take(reply->items[i]->text, reply->items[i + 1], &found[(*n)++], err))
            return false;
    if (*n > 1)
        qsort(found, *n, sizeof(*found), form == FORM_DOCUMENT ? order_seqs : order_paths);
    *tasks = found;
    return true;
}

bool redis_task_store(struct call *c, struct slice ns, struct slice cp, const struct task_row *old,
                      const struct task_row *task, struct err *err)
{
    int64_t grown = (int64_t)task->body.len - (int64_t)old->body.len;
    struct slice field, task_path = task->task_path.at ? task->task_path : SLICE("");

    if (!redis_pack(&(struct packed){(int64_t[]){task->seq, task->stamp}, 2,
                                     (struct slice[]){task_path, task->body}, 2},
                    c->arena, &field, err))
        return false;
    CHANGE(c, SLICE("HSET"), call_writes_key(c, ns, cp), task->id, field);
    CHANGE(c, SLICE("HINCRBY"), call_key_ns(c, "weights", ns), cp, call_number(c, grown));
    return true;
}

void redis_task_drop(struct call *c, struct space *space, struct slice cp,
                     const struct task_row *task)
{
    CHANGE(c, SLICE("HDEL"), call_writes_key(c, space->ns, cp), task->id);
    CHANGE(c, SLICE("HINCRBY"), call_key_ns(c, "weights", space->ns), cp,
           call_number(c, -(int64_t)task->body.len));
    space->bytes -= (int64_t)task->body.len;
}

struct slice redis_value_member(struct call *c, const struct blob *blob,
                                const struct channel_version *of)
{
    struct slice parts[] = {
        of ? call_concat(c, SLICE("v"), of->channel) : SLICE("h"),
        of ? of->version : SLICE(""),
        redis_digits(blob->id, c->arena),
        call_number(c, blob->base_id),
        call_number(c, (int64_t)blob->bytes.len),
    };
    struct slice member = redis_join(parts, COUNT_OF(parts), c->arena);

    if (!member.at)
        call_no_memory(c);
    return member;
}

bool redis_value_name_take(struct call *c, struct slice member, struct value_name *out,
                           struct err *err)
{
    struct slice parts[5];

    if (!redis_split(member, parts, COUNT_OF(parts), c->arena))
        return err_no_memory(err);
    *out = (struct value_name){
        .member = member,
        .head = parts[0].len > 0 && parts[0].at[0] == 'h',
        .channel = {parts[0].at + 1, parts[0].len ? parts[0].len - 1 : 0},
        .version = parts[1],
        .id = redis_number(parts[2]),
        .base = redis_number(parts[3]),
        .len = redis_number(parts[4]),
    };
    return true;
}

bool redis_value_store(struct call *c, struct slice ns, const struct blob *blob,
                       const struct channel_version *of, struct err *err)
{
    struct slice texts[] = {
        {(const char *)blob->hash, BLOB_HASH_LEN},
        of && slice_present(of->channel) ? of->channel
        : of                             ? SLICE("")
                                         : (struct slice){NULL, 0},
        of && slice_present(of->version) ? of->version
        : of                             ? SLICE("")
                                         : (struct slice){NULL, 0},
        blob->type,
        slice_present(blob->bytes) ? blob->bytes : SLICE(""),
    };
    struct slice field;

    if (!redis_pack(
            &(struct packed){(int64_t[]){blob->base_id, blob->encoding}, 2, texts, COUNT_OF(texts)},
            c->arena, &field, err))
        return false;
    CHANGE(c, SLICE("HSET"), call_key_ns(c, "values", ns), call_number(c, blob->id), field);
    CHANGE(c, SLICE("ZADD"), call_key_ns(c, "names", ns), SLICE("0"),
           redis_value_member(c, blob, of));
    if (blob->base_id)
        CHANGE(c, SLICE("HINCRBY"), call_key_ns(c, "bases", ns), call_number(c, blob->base_id),
               SLICE("1"));
    return true;
}

void redis_cp_drop_value(struct cp_drops *d, const struct value_name *name)
{
    struct slice id = call_number(d->c, name->id);

    drop_ns(d, IN_VALUES, "values", id);
    drop_ns(d, IN_NAMES, "names", name->member);
    drop_ns(d, IN_BASES, "bases", id);
}

void redis_value_drop(struct call *c, struct slice ns, const struct value_name *name)
{
    CHANGE(c, SLICE("HDEL"), call_key_ns(c, "values", ns), call_number(c, name->id));
    CHANGE(c, SLICE("ZREM"), call_key_ns(c, "names", ns), name->member);
    if (name->base)
        CHANGE(c, SLICE("HINCRBY"), call_key_ns(c, "bases", ns), call_number(c, name->base),
               SLICE("-1"));
}
