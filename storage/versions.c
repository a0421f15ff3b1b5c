/* versions.c - see versions.h. */
#include "versions.h"

#include <stdio.h>
#include <stdlib.h>

#include "blob_hash.h"
#include "chain.h"
#include "encode.h"
#include "value_map.h"

struct versions {
    struct backend base;
    struct backend *below;
    struct value_cache *cache;
};

/* The puts of a batch, and the ops that go below. */
struct run {
    struct versions *v;
    struct encoder *puts;
    size_t n_puts;
    struct op *ops[BATCH_MAX];
    size_t n;
};

/* What is being decoded, for errors. */
struct decoding {
    struct value_map done;
    struct value_cache *cache;
    const struct checkpoint *checkpoint; /* NULL: values by themselves */
    size_t bytes;                        /* of all that is whole now */
};

enum { NAME_SHOWN = 40 };

static int shown(struct slice name)
{
    return (int)(name.len < NAME_SHOWN ? name.len : NAME_SHOWN);
}

/* Where damage was found. */
struct place {
    struct slice thread, ns, id, channel; /* id, channel: absent if not known */
};

/* Puts the place before the text of an ERR_DAMAGED. Other kinds stay. */
static bool name_place(struct place p, struct err *err)
{
    char id[NAME_SHOWN + sizeof(", checkpoint ")] = "", of[NAME_SHOWN + sizeof(", channel ")] = "";

    if (err->kind != ERR_DAMAGED)
        return false;
    if (slice_present(p.id))
        snprintf(id, sizeof(id), ", checkpoint %.*s", shown(p.id), p.id.at);
    if (slice_present(p.channel))
        snprintf(of, sizeof(of), ", channel %.*s", shown(p.channel), p.channel.at);
    return err_set(err, err->kind, "thread %.*s, namespace '%.*s'%s%s: %s", shown(p.thread),
                   p.thread.at, shown(p.ns), p.ns.at, id, of, err->text);
}

/* What the driver has found to be damaged. */
static void name_damage(struct op *op)
{
    if (op->type == OP_CHECKPOINT_GET)
        (void)name_place((struct place){.thread = op->id,
                                        .ns = op->checkpoint_get.ns,
                                        .id = op->checkpoint_get.checkpoint_id},
                         &op->status);
    if (op->type == OP_VALUES_GET)
        (void)name_place((struct place){.thread = op->id, .ns = op->values_get.ns}, &op->status);
}

static struct place place_of(const struct op *op, const struct checkpoint *c, struct slice channel)
{
    return c ? (struct place){c->thread, c->ns, c->id, channel}
             : (struct place){.thread = op->id, .ns = op->values_get.ns, .channel = channel};
}

/* Values are shared and the driver's: each is decoded once, into one of our own. */
static bool decode_value(struct decoding *d, const struct op *op, const struct value **value,
                         struct err *err)
{
    struct value *own = value_map_find(&d->done, (*value)->blob.id);

    if (!own) {
        own = arena_alloc(op->arena, sizeof(*own));
        if (!own)
            return err_no_memory(err);
        *own = **value;
        if (!chain_decode(d->cache, &own->blob, &own->of, op->arena, err))
            return name_place(place_of(op, d->checkpoint, own->of.channel), err);
        if (!value_map_add(&d->done, own, err))
            return false;
        d->bytes += own->blob.bytes.len;
    }
    *value = own;
    return true;
}

static bool decode_checkpoint(struct decoding *d, const struct op *op,
                              struct checkpoint *checkpoint, struct err *err)
{
    d->checkpoint = checkpoint;
    if (!chain_decode(d->cache, &checkpoint->head, NULL, op->arena, err))
        return name_place(place_of(op, checkpoint, (struct slice){NULL, 0}), err);
    for (size_t i = 0; i < checkpoint->n_values; i++)
        if (!decode_value(d, op, &checkpoint->values[i], err))
            return false;
    return true;
}

static size_t size_of(const struct checkpoint *c)
{
    size_t bytes = c->head.bytes.len + c->metadata.len;

    for (size_t i = 0; i < c->n_writes; i++)
        bytes += c->writes[i].blob.bytes.len;
    return bytes;
}

/* A page ends where it is full; the driver has counted what is stored, which may be much less. */
static void end_page(struct op_checkpoint_list *list, size_t n)
{
    const struct checkpoint *last = list->out.items[n - 1];

    list->out.n = n;
    list->out.more = true;
    list->out.next = (struct checkpoint_pos){
        .form = last->form,
        .checkpoint_id = last->id,
        .thread = last->thread,
        .ns = last->ns,
        .stamp = last->stamp,
    };
}

static bool decode_list(struct decoding *d, struct op *op, struct err *err)
{
    struct op_checkpoint_list *list = &op->checkpoint_list;

    for (size_t i = 0; i < list->out.n; i++) {
        if (i > 0 && d->bytes >= PAGE_BYTES_MAX) {
            end_page(list, i);
            break;
        }
        if (!decode_checkpoint(d, op, list->out.items[i], err))
            return false;
        d->bytes += size_of(list->out.items[i]);
    }
    return true;
}

static bool decode_values(struct decoding *d, struct op *op, struct err *err)
{
    for (size_t i = 0; i < op->values_get.n; i++)
        if (op->values_get.out.items[i] && !decode_value(d, op, &op->values_get.out.items[i], err))
            return false;
    return true;
}

static void decode_op(struct versions *v, struct op *op)
{
    struct decoding d = {.done = {.arena = op->arena}, .cache = v->cache};
    struct err err;

    if (op->status.kind != ERR_OK) {
        name_damage(op);
        return;
    }
    if ((op->type == OP_CHECKPOINT_GET &&
         !decode_checkpoint(&d, op, op->checkpoint_get.out.checkpoint, &err)) ||
        (op->type == OP_VALUES_GET && !decode_values(&d, op, &err)) ||
        (op->type == OP_CHECKPOINT_LIST && !decode_list(&d, op, &err)))
        op->status = err;
}

/* --- reads that the cache answers ------------------------------------------------------------------ */

static bool serve_value(struct versions *v, const struct op *op, const struct value_ask *ask,
                        struct value **out)
{
    struct slice parts[] = {op->tenant, op->id, op->values_get.ns, ask->of.channel};
    struct value_key key = value_cache_key(parts, COUNT_OF(parts));
    const struct cached_value *found;
    uint64_t tag;

    bool copied = false;

    if (!ask->hash)
        return false;
    found = value_cache_newest(v->cache, &key, &tag);
    *out = arena_alloc(op->arena, sizeof(**out));
    if (*out && found && tag == (uint64_t)blob_key(ask->of.channel, ask->of.version) &&
        memcmp(found->hash, ask->hash, BLOB_HASH_LEN) == 0)
        copied = value_cache_copy(found, op->arena, *out);
    if (copied)
        (*out)->of = ask->of;
    value_cache_release(v->cache, found);
    return copied;
}

/* Whether all that is asked for was here. */
static bool serve(struct versions *v, struct op *op)
{
    const struct value **items;
    struct value *value;

    if (op->type != OP_VALUES_GET || !v->cache)
        return false;
    items = arena_alloc(op->arena, (op->values_get.n + 1) * sizeof(*items));
    for (size_t i = 0; i < op->values_get.n; i++) {
        if (!items || !serve_value(v, op, &op->values_get.asks[i], &value))
            return false;
        items[i] = value;
    }
    op->values_get.out.items = items;
    op->status = (struct err){.kind = ERR_OK};
    return items != NULL;
}

/* --- a batch ------------------------------------------------------------------------------------- */

static bool run_below(struct run *r, struct err *err)
{
    bool ok = r->n == 0 || r->v->below->ops->execute(r->v->below, r->ops, r->n, err);

    for (size_t i = 0; ok && i < r->n; i++)
        decode_op(r->v, r->ops[i]);
    r->n = 0;
    return ok;
}

/* A put that cannot be made has failed by itself. */
static void settle(struct encoder *e, bool ok, const struct err *err)
{
    if (!ok)
        e->op->status = *err;
}

static bool is_good(const struct encoder *e)
{
    return e->op->status.kind == ERR_OK;
}

/* Reads what the puts need before they are made. */
static bool read_first(struct run *r, struct err *err)
{
    struct err own;

    for (size_t i = 0; i < r->n_puts; i++)
        if (is_good(&r->puts[i]) && r->puts[i].latest)
            r->ops[r->n++] = r->puts[i].latest;
    if (!run_below(r, err))
        return false;
    for (size_t i = 0; i < r->n_puts; i++) {
        if (is_good(&r->puts[i]))
            settle(&r->puts[i], encode_choose(&r->puts[i], &own), &own);
        if (is_good(&r->puts[i]) && r->puts[i].anchors)
            r->ops[r->n++] = r->puts[i].anchors;
    }
    return run_below(r, err);
}

/* Those whose bases have gone stand by themselves now. */
static bool put_again(struct run *r, struct err *err)
{
    struct err own;

    for (size_t i = 0; i < r->n_puts; i++) {
        struct encoder *e = &r->puts[i];

        if (e->op->status.kind != ERR_NO_BASE)
            continue;
        encode_done(e);
        e->op->status.kind = ERR_OK;
        settle(e, encode_values(e, true, &own), &own);
        if (is_good(e))
            r->ops[r->n++] = e->op;
    }
    return run_below(r, err);
}

static bool is_put(const struct run *r, const struct op *op)
{
    return op->type == OP_CHECKPOINT_PUT && r->n_puts > 0;
}

/* All ops in their order: puts that could be encoded, and what the cache does not answer. */
static bool run_all(struct run *r, struct op *const ops[], size_t n, struct err *err)
{
    struct err own;
    size_t put = 0;

    if (!read_first(r, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (is_put(r, ops[i])) {
            struct encoder *e = &r->puts[put++];

            if (is_good(e))
                settle(e, encode_values(e, false, &own), &own);
            if (!is_good(e))
                continue;
        } else if (serve(r->v, ops[i])) {
            continue;
        }
        r->ops[r->n++] = ops[i];
    }
    return run_below(r, err) && put_again(r, err);
}

static bool start_puts(struct run *r, struct op *const ops[], size_t n, struct err *err)
{
    struct err own;
    size_t n_puts = 0;

    for (size_t i = 0; i < n; i++)
        n_puts += ops[i]->type == OP_CHECKPOINT_PUT;
    if (n_puts == 0)
        return true;
    r->puts = malloc(n_puts * sizeof(*r->puts));
    if (!r->puts)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        if (ops[i]->type != OP_CHECKPOINT_PUT)
            continue;
        ops[i]->status = (struct err){.kind = ERR_OK};
        settle(&r->puts[r->n_puts], encode_start(&r->puts[r->n_puts], r->v->cache, ops[i], &own),
               &own);
        r->n_puts++;
    }
    return true;
}

static bool execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct run r = {.v = (struct versions *)self};
    bool ok = start_puts(&r, ops, n, err) && run_all(&r, ops, n, err);

    for (size_t i = 0; i < r.n_puts; i++) {
        if (!ok)
            r.puts[i].op->status.kind = ERR_UNAVAILABLE; /* nothing is known to be stored */
        encode_done(&r.puts[i]);
    }
    free(r.puts);
    return ok;
}

static bool probe(struct backend *self, int64_t deadline_ns, struct err *err)
{
    struct versions *v = (struct versions *)self;

    if (!backend_probe(v->below, deadline_ns, err))
        return false;
    v->base.caps = v->below->caps;
    return true;
}

static void close_both(struct backend *self)
{
    struct versions *v = (struct versions *)self;

    backend_close(v->below);
    free(v);
}

static const struct backend_ops versions_ops = {
    .name = "versions",
    .execute = execute,
    .probe = probe,
    .close = close_both,
};

struct backend *versions_open(struct backend *below, struct value_cache *cache, struct err *err)
{
    struct versions *v = malloc(sizeof(*v));

    if (!v) {
        backend_close(below);
        err_fill(err, ERR_NO_MEMORY, "out of memory");
        return NULL;
    }
    *v = (struct versions){
        .base = {.ops = &versions_ops, .caps = below->caps}, .below = below, .cache = cache};
    return &v->base;
}
