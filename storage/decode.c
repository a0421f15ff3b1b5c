/* decode.c - see decode.h. */
#include "decode.h"

#include "blob_hash.h"
#include "chain.h"
#include "damage.h"
#include "pack.h"
#include "sorted.h"
#include "value_map.h"

/* The state of decoding one op. */
struct decoding {
    struct value_map done;
    struct value_cache *cache;
    /* The one being decoded, for errors; NULL: single values. */
    const struct checkpoint *checkpoint;
    size_t bytes;            /* of all that has been made whole */
    struct packed_head head; /* of the previous checkpoint, with `inlined`: its values */
    const struct value **inlined;
    int64_t n_inlined; /* how many ids below 0 were given to inlined values */
};

/* Of what the id of an op is, where damage may be found. A list of checkpoints names its records itself. */
static const enum {
    OF_NONE,
    OF_SESSION,
    OF_THREAD
} owners[OP_TYPE_COUNT] = {
    [OP_SESSION_PUT] = OF_SESSION,   [OP_SESSION_GET] = OF_SESSION,
    [OP_SESSION_PATCH] = OF_SESSION, [OP_SESSION_DELETE] = OF_SESSION,
    [OP_CONTEXT_PUT] = OF_SESSION,   [OP_CONTEXT_GET] = OF_SESSION,
    [OP_CONTEXT_LIST] = OF_SESSION,  [OP_MESSAGE_APPEND] = OF_SESSION,
    [OP_MESSAGE_LIST] = OF_SESSION,  [OP_MESSAGE_TRIM] = OF_SESSION,
    [OP_CHECKPOINT_PUT] = OF_THREAD, [OP_CHECKPOINT_GET] = OF_THREAD,
    [OP_VALUES_GET] = OF_THREAD,     [OP_WRITES_PUT] = OF_THREAD,
    [OP_WRITES_GET] = OF_THREAD,     [OP_THREAD_GET] = OF_THREAD,
    [OP_THREAD_DELETE] = OF_THREAD,  [OP_THREAD_COPY] = OF_THREAD,
    [OP_THREAD_PRUNE] = OF_THREAD,
};

/* Names the record of an op on one, whose damage the driver has found. */
static void name_damage(struct op *op)
{
    struct damage_place p = {.session = {NULL, 0}};

    if (owners[op->type] == OF_SESSION)
        p.session = op->id;
    else if (owners[op->type] == OF_THREAD)
        p.thread = op->id;
    if (op->type == OP_CHECKPOINT_GET) {
        p.ns = op->checkpoint_get.ns;
        p.checkpoint = op->checkpoint_get.checkpoint_id;
    } else if (op->type == OP_VALUES_GET)
        p.ns = op->values_get.ns;
    else if (op->type == OP_WRITES_GET) {
        p.ns = op->writes_get.ns;
        p.checkpoint = op->writes_get.checkpoint_id;
    }
    (void)damage_at(&p, &op->status);
}

static struct damage_place place_of(const struct op *op, const struct checkpoint *c,
                                    struct slice channel)
{
    return c ? (struct damage_place){.thread = c->thread,
                                     .ns = c->ns,
                                     .checkpoint = c->id,
                                     .channel = channel}
             : (struct damage_place){.thread = op->id, .ns = op->values_get.ns, .channel = channel};
}

/* The driver's values are shared: each is decoded once, into a copy of our own. */
static bool decode_value(struct decoding *d, const struct op *op, const struct value **value,
                         struct err *err)
{
    struct value *own = value_map_find(&d->done, (*value)->blob.id);
    struct damage_place place;

    if (!own) {
        own = arena_alloc(op->arena, sizeof(*own));
        if (!own)
            return err_no_memory(err);
        *own = **value;
        if (!chain_decode(d->cache, &own->blob, &own->of, op->arena, err)) {
            place = place_of(op, d->checkpoint, own->of.channel);
            return damage_at(&place, err);
        }
        if (!value_map_add(&d->done, own, err))
            return false;
        d->bytes += own->blob.bytes.len;
    }
    *value = own;
    return true;
}

/* Makes a value of an inlined one; if the previous checkpoint has the same, they share it. */
static const struct value *inlined_value(struct decoding *d, const struct inlined *in,
                                         struct arena *arena)
{
    const struct inlined *before = head_find(&d->head, &in->of);
    struct value *own;

    if (before && before->place == IN_HEAD && slice_equal(before->type, in->type) &&
        slice_equal(before->bytes, in->bytes))
        return d->inlined[before - d->head.items];
    own = arena_zalloc(arena, 1, sizeof(*own));
    if (!own)
        return NULL;
    own->of = in->of;
    own->blob.id = -++d->n_inlined;
    own->blob.type = in->type;
    own->blob.bytes = in->bytes;
    blob_hash(in->type, in->bytes, own->blob.hash);
    d->bytes += in->bytes.len;
    return own;
}

/* Whether the op asks for this channel. */
static bool wants(const struct op *op, struct slice channel)
{
    const struct op_checkpoint_list *list = &op->checkpoint_list;

    return op->type != OP_CHECKPOINT_LIST || !list->chooses ||
           sorted_has(list->channels, list->n_channels, channel);
}

/* Reduces the head to its JSON, and turns what is inlined in it into ordinary values. */
static bool take_head(struct decoding *d, const struct op *op, struct checkpoint *c,
                      struct err *err)
{
    struct arena *arena = op->arena;
    struct packed_head head;
    const struct value **all, **own;
    size_t n = c->n_values;

    if (!unpack_head(c->head.bytes, arena, &head, err))
        return false;
    c->packed = c->head.bytes;
    c->head.bytes = head.json;
    if (head.n == 0)
        return true;
    all = arena_alloc(arena, (n + head.n) * sizeof(*all));
    own = arena_zalloc(arena, head.n, sizeof(*own));
    if (!all || !own)
        return err_no_memory(err);
    if (n > 0)
        memcpy(all, c->values, n * sizeof(*all));
    for (size_t i = 0; i < head.n; i++) {
        if (head.items[i].place != IN_HEAD || !wants(op, head.items[i].of.channel))
            continue;
        if (!(own[i] = inlined_value(d, &head.items[i], arena)))
            return err_no_memory(err);
        all[n++] = own[i];
    }
    c->values = all;
    c->n_values = n;
    d->head = head;
    d->inlined = own;
    return true;
}

/* Leaves out values and writes that the op does not ask for, before they are made whole. */
static void leave_out(const struct op *op, struct checkpoint *c)
{
    size_t values = 0, writes = 0;

    for (size_t i = 0; i < c->n_values; i++)
        if (wants(op, c->values[i]->of.channel))
            c->values[values++] = c->values[i];
    for (size_t i = 0; i < c->n_writes; i++)
        if (wants(op, c->writes[i].channel))
            c->writes[writes++] = c->writes[i];
    c->n_values = values;
    c->n_writes = writes;
}

static bool decode_checkpoint(struct decoding *d, const struct op *op,
                              struct checkpoint *checkpoint, struct err *err)
{
    struct damage_place place = place_of(op, checkpoint, (struct slice){NULL, 0});

    d->checkpoint = checkpoint;
    for (size_t i = 0; i < checkpoint->n_values; i++)
        if (!decode_value(d, op, &checkpoint->values[i], err))
            return false;
    return (chain_decode(d->cache, &checkpoint->head, NULL, op->arena, err) &&
            take_head(d, op, checkpoint, err)) ||
           damage_at(&place, err);
}

static size_t size_of(const struct checkpoint *c)
{
    size_t bytes = c->head.bytes.len + c->metadata.len;

    for (size_t i = 0; i < c->n_writes; i++)
        bytes += c->writes[i].blob.bytes.len;
    return bytes;
}

/* Ends a page at item n: the driver has counted stored bytes, which may be far fewer. */
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

    list->n_channels = sorted_texts(list->channels, list->n_channels);
    for (size_t i = 0; i < list->out.n; i++) {
        if (i > 0 && d->bytes >= PAGE_BYTES_MAX) {
            end_page(list, i);
            break;
        }
        if (list->chooses)
            leave_out(op, list->out.items[i]);
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

void decode_op(struct value_cache *cache, struct op *op)
{
    struct decoding d = {.done = {.arena = op->arena}, .cache = cache};
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
