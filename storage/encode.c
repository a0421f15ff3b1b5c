/* encode.c - see encode.h. */
#include "encode_internal.h"

#include "blob_hash.h"
#include "channel_key.h"
#include "clock.h"
#include "delta.h"
#include "sorted.h"

enum {
    BASED_MIN = 64,    /* shorter values have no base */
    SOUGHT_MIN = 1024, /* for shorter values no base is read from the store */
};

static struct source source_of(const struct cached_value *v)
{
    return (struct source){v->id, v->anchor_id, v->place, v->bytes};
}

/* An inlined value cannot be a base. */
static struct source source_of_blob(const struct blob *b)
{
    return b->id < 0 ? (struct source){0}
                     : (struct source){b->id, b->anchor_id, b->place, b->bytes};
}

/* The tag of a head in the cache: the id of its checkpoint. */
static uint64_t tag_of(struct slice checkpoint_id)
{
    return (uint64_t)blob_key(checkpoint_id, SLICE(""));
}

/*
 * The mark, in the cache, of a namespace in which documents are replaced in turns. Heads would pile up
 * there because others are based on them, so none is based on another.
 */
static struct value_key replaced_key(const struct encoder *e)
{
    const struct op *op = e->op;
    struct slice parts[] = {op->tenant, op->id, op->checkpoint_put.ns, SLICE("replaced"),
                            SLICE("")};

    return value_cache_key(parts, COUNT_OF(parts));
}

static bool is_replaced(const struct encoder *e)
{
    struct value_key key = replaced_key(e);

    return e->op->checkpoint_put.form == FORM_DOCUMENT && value_cache_noted(e->cache, &key);
}

/* The newest head is to be replaced by this one, and goes: the base is that head's own base, which stays. */
static void step_back(struct encoder *e, struct encoded *v)
{
    v->is_newest = true;
    v->used[1] = value_cache_find(e->cache, v->used[0]->base_id);
    v->base = v->used[1] ? source_of(v->used[1]) : (struct source){0};
}

static void find_base(struct encoder *e, struct encoded *v)
{
    const struct op_checkpoint_put *put = &e->asked;
    const struct patch *patch = v->blob->patch;
    uint64_t tag;

    if (v->whole.len < BASED_MIN || (!v->of && is_replaced(e)))
        return;
    if (patch && patch->base_id > 0) {
        v->base = (struct source){patch->base_id, patch->anchor_id, patch->place, patch->base};
        v->patch = patch;
        return;
    }
    v->used[0] = value_cache_newest(e->cache, &v->key, &tag);
    if (!v->used[0]) {
        v->sought = v->whole.len >= SOUGHT_MIN &&
                    (put->form == FORM_DOCUMENT || slice_present(put->parent_id));
        return;
    }
    v->base = source_of(v->used[0]);
    if (!v->of && tag == tag_of(e->asked.checkpoint_id))
        step_back(e, v);
}

static bool seek_latest(struct encoder *e, struct err *err)
{
    const struct op_checkpoint_put *put = &e->op->checkpoint_put;

    e->latest = op_before(e->op, OP_CHECKPOINT_GET);
    if (!e->latest)
        return err_no_memory(err);
    e->latest->checkpoint_get.ns = put->ns;
    e->latest->checkpoint_get.checkpoint_id = put->parent_id;
    return true;
}

static struct encoded *start_value(struct encoder *e, struct blob *blob,
                                   const struct channel_version *of)
{
    struct encoded *v = &e->values[e->n++];

    *v = (struct encoded){.blob = blob, .of = of, .whole = blob->bytes};
    v->key = channel_key(e->op, e->asked.ns, of ? &of->channel : NULL, false);
    if (!e->alone)
        find_base(e, v);
    return v;
}

/* Starts the i-th value that was sent as one with a row. */
static struct encoded *start_row(struct encoder *e, size_t i)
{
    struct value *row = &e->rows[e->n - 1];

    *row = e->asked.values[i];
    return start_value(e, &row->blob, &row->of);
}

/* Learns from the newest head of the namespace, if the cache has it, where carried values are. */
static bool learn_newest(struct encoder *e, struct err *err)
{
    const struct encoded *head = &e->values[0];
    const struct cached_value *newest;
    struct inlining_source from;
    uint64_t tag;
    bool ok;

    if (e->inlining.n_open == 0 || e->alone)
        return true;
    newest = value_cache_newest(e->cache, &head->key, &tag);
    if (newest) {
        bool of_parent = tag == tag_of(e->asked.parent_id);

        from = (struct inlining_source){newest->id, newest->bytes, of_parent, of_parent};
    }
    ok = !newest || inlining_learn(&e->inlining, &from, err);
    value_cache_release(e->cache, newest);
    return ok;
}

bool encode_start(struct encoder *e, const struct encoding_rules *rules, struct op *op, bool alone,
                  struct err *err)
{
    struct op_checkpoint_put *put = &op->checkpoint_put;
    bool sought;

    *e = (struct encoder){
        .cache = rules->cache, .op = op, .asked = *put, .alone = alone, .pending = true};
    e->rows = arena_alloc(op->arena, (put->n_values + 1) * sizeof(*e->rows));
    e->values = arena_zalloc(op->arena, put->n_values + 1, sizeof(*e->values));
    if (!e->rows || !e->values)
        return err_no_memory(err);
    if (!inlining_start(&e->inlining, rules->inline_max, op, err))
        return false;
    sought = start_value(e, &put->head, NULL)->sought;
    for (size_t i = 0; i < put->n_values; i++)
        if (inlining_is_long(&e->inlining, i))
            sought |= start_row(e, i)->sought;
    return learn_newest(e, err) && (!sought || seek_latest(e, err));
}

/* Lists the channels for which the store may know a base, sorted. */
static bool list_sought(const struct encoder *e, struct wanted_list *list, struct err *err)
{
    *list = (struct wanted_list){arena_alloc(e->op->arena, e->n * sizeof(*list->items)), 0};
    if (!list->items)
        return err_no_memory(err);
    for (size_t i = 0; i < e->n; i++)
        if (e->values[i].sought && e->values[i].of)
            list->items[list->n++] = (struct wanted){{.channel = e->values[i].of->channel}, i};
    wanted_sort(list);
    return true;
}

/* Takes bases from the previous checkpoint, for all values that seek one. */
static bool take_latest(struct encoder *e, struct err *err)
{
    const struct checkpoint *c = e->latest->checkpoint_get.out.checkpoint;
    struct encoded *head = &e->values[0];
    struct wanted_list list;

    if (head->sought && !slice_equal(c->id, e->asked.checkpoint_id)) {
        head->base = source_of_blob(&c->head);
        head->base.bytes = c->packed;
    }
    if (!list_sought(e, &list, err))
        return false;
    for (size_t i = 0; i < c->n_values; i++) {
        struct channel_version of = {.channel = c->values[i]->of.channel};

        for (const struct wanted *w = wanted_find(&list, &of); w; w = wanted_next(&list, w))
            e->values[w->index].base = source_of_blob(&c->values[i]->blob);
    }
    return true;
}

/* The base of a value that becomes an anchor: the previous anchor. */
static void take_anchor(struct encoder *e, struct encoded *v)
{
    size_t slot = v->used[0] != NULL;

    v->patch = NULL;
    value_cache_release(e->cache, v->used[slot]);
    v->used[slot] = value_cache_find(e->cache, v->base.anchor_id);
    if (v->used[slot]) {
        v->base = source_of(v->used[slot]);
        return;
    }
    v->wanted = v->base.anchor_id;
    v->base = (struct source){0};
}

static bool seek_anchors(struct encoder *e, size_t n, struct err *err)
{
    struct value_ask *asks = arena_zalloc(e->op->arena, n, sizeof(*asks));

    e->anchors = op_before(e->op, OP_VALUES_GET);
    if (!asks || !e->anchors)
        return err_no_memory(err);
    e->anchors->values_get = (struct op_values_get){.ns = e->op->checkpoint_put.ns, .asks = asks};
    for (size_t i = 0; i < e->n; i++)
        if (e->values[i].wanted)
            asks[e->anchors->values_get.n++].id = e->values[i].wanted;
    return true;
}

/* Gives rows to small values for which the head has no room. */
static bool settle_head(struct encoder *e, struct err *err)
{
    if (!inlining_settle(&e->inlining, err))
        return false;
    e->values[0].whole = e->inlining.settled;
    for (size_t i = 0; i < e->asked.n_values; i++)
        if (e->inlining.items[i].place == IN_ROW && !inlining_is_long(&e->inlining, i))
            (void)start_row(e, i);
    return true;
}

bool encode_choose(struct encoder *e, struct err *err)
{
    size_t n_wanted = 0;

    if (e->latest && e->latest->status.kind == ERR_OK && !take_latest(e, err))
        return false;
    if (!settle_head(e, err))
        return false;
    for (size_t i = 0; i < e->n; i++) {
        struct encoded *v = &e->values[i];

        if (!v->base.id)
            continue;
        v->place = (v->base.place + 1) % DELTA_CHAIN;
        if (v->place == 0)
            v->base.id = 0;
        else if (v->place % DELTA_BLOCK == 0)
            take_anchor(e, v);
        n_wanted += v->wanted != 0;
    }
    return n_wanted == 0 || seek_anchors(e, n_wanted, err);
}

/* Takes the anchors that were read, in the order in which they were asked for. */
static void take_anchors(struct encoder *e)
{
    const struct op_values_get *got = &e->anchors->values_get;
    size_t at = 0;

    for (size_t i = 0; i < e->n; i++) {
        struct encoded *v = &e->values[i];
        const struct value *value;

        if (!v->wanted)
            continue;
        value = got->out.items[at++];
        v->wanted = 0;
        if (value)
            v->base = source_of_blob(&value->blob);
    }
}

static bool encode_one(struct encoder *e, struct encoded *v, struct err *err)
{
    bool based = v->base.id != 0;
    struct delta_input in = {.whole = v->whole};
    struct delta out = {BLOB_WHOLE, v->whole};

    if (based) {
        in.base = v->base.bytes;
        in.patch = v->patch;
        in.place = v->place;
    }
    blob_hash(v->blob->type, v->whole, v->blob->hash);
    if (!delta_encode(&in, e->op->arena, &out, err))
        return false;
    based &= delta_has_base(out.encoding);
    v->blob->encoding = out.encoding;
    v->blob->bytes = out.bytes;
    v->blob->base_id = based ? v->base.id : 0;
    v->blob->base = NULL;
    v->blob->place = based ? v->place : 0;
    v->blob->anchor_id = v->blob->place % DELTA_BLOCK ? v->base.anchor_id : v->blob->id;
    return true;
}

/*
 * Gives ids above those of all bases; the head's is the last. They are new each time, as an earlier run may
 * have stored its own; ids that the op names are for one run in each store of a pair.
 */
static void give_ids(struct encoder *e)
{
    int64_t step = INT64_C(1) << STAMP_NODE_BITS, id = e->op->checkpoint_put.first_id;

    for (size_t i = 0; i < e->n; i++) {
        if (e->values[i].base.id)
            stamp_observe(e->values[i].base.id);
        if (e->values[i].base.id >= id)
            id = 0;
    }
    if (id == 0)
        id = stamp_take((int64_t)e->n);
    for (size_t i = 1; i < e->n; i++, id += step)
        e->values[i].blob->id = id;
    e->values[0].blob->id = id;
}

/* Turns the op into what the driver gets. */
static bool hand_over(struct encoder *e, struct err *err)
{
    struct op_checkpoint_put *put = &e->op->checkpoint_put;

    put->values = e->rows;
    put->n_values = e->n - 1;
    put->sources = e->inlining.sources;
    put->n_sources = e->inlining.n_sources;
    return inlining_rest(&e->inlining, &put->carried, &put->n_carried, err);
}

bool encode_values(struct encoder *e, struct err *err)
{
    if (!hand_over(e, err))
        return false;
    if (e->anchors && e->anchors->status.kind == ERR_OK)
        take_anchors(e);
    give_ids(e);
    for (size_t i = 0; i < e->n; i++)
        if (!encode_one(e, &e->values[i], err))
            return false;
    return encode_guess(e, err);
}

static void remember(struct encoder *e, const struct encoded *v)
{
    const struct blob *blob = v->blob;
    struct value_key key = v->key;
    struct cached_value value = {
        .id = blob->id,
        .base_id = blob->base_id,
        .anchor_id = blob->anchor_id,
        .place = blob->place,
        .type = blob->type,
        .bytes = v->whole,
    };

    if (v->of)
        value.of = *v->of;
    memcpy(value.hash, blob->hash, sizeof(value.hash));
    if (v->of && v->whole.len < BASED_MIN)
        key = channel_key(e->op, e->asked.ns, &v->of->channel, true);
    value_cache_put(e->cache, &value);
    value_cache_note(e->cache, &key, blob->id,
                     v->of ? (uint64_t)blob_key(v->of->channel, v->of->version)
                           : tag_of(e->asked.checkpoint_id));
}

/* Notes that a document was replaced that was not the newest. */
static void note_replaced(struct encoder *e)
{
    const struct op_checkpoint_put *put = &e->op->checkpoint_put;
    struct value_key key = replaced_key(e);

    if (put->form == FORM_DOCUMENT && !put->out.created && !e->values[0].is_newest)
        value_cache_note(e->cache, &key, put->head.id, 0);
}

/* Restores the op as it came, except for its results. */
static void give_back(struct encoder *e)
{
    struct op_checkpoint_put *put = &e->op->checkpoint_put;
    bool created = put->out.created, settled = slice_present(e->asked.settled);
    int64_t id = put->head.id;

    *put = e->asked;
    put->out.created = created;
    put->head.id = id;
    if (!settled && put->first_id && e->op->status.kind != ERR_NO_BASE)
        put->settled = e->inlining.settled;
}

void encode_done(struct encoder *e)
{
    enum err_kind kind = e->op->status.kind;

    if (kind == ERR_OK && e->n > 0)
        note_replaced(e);
    for (size_t i = 0; i < e->n; i++) {
        struct encoded *v = &e->values[i];

        for (size_t k = 0; k < COUNT_OF(v->used); k++) {
            value_cache_release(e->cache, v->used[k]);
            v->used[k] = NULL;
        }
        if (kind == ERR_OK)
            remember(e, v);
        if (kind == ERR_NO_BASE)
            value_cache_forget(e->cache, &v->key);
    }
    give_back(e);
}
