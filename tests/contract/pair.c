/* pair.c - see pair.h. */
#include "pair.h"

#include <stdlib.h>

#include "failover_place.h"
#include "record_fields.h"
#include "state.h"

enum { LOOK = 1000 };

void pair_open_stores(void)
{
    store_open(&here, store_config(), 0);
    store_open(&there, store_config(), 1);
}

void pair_close_stores(void)
{
    store_close(&here);
    store_close(&there);
}

struct op_pair_read pair_read(struct store *s, int64_t limit)
{
    struct op op = store_op(s, OP_PAIR_READ, NULL);

    op.pair_read.limit = limit;
    store_ok(s, &op);
    return op.pair_read;
}

void pair_change(struct store *s, struct op_pair_change change)
{
    struct op op = store_op(s, OP_PAIR_CHANGE, NULL);

    op.pair_change = change;
    store_ok(s, &op);
}

void pair_note(struct store *s, const char *name, const char *text, bool once)
{
    struct pair_note note = {slice_of(name), slice_of(text), once};

    pair_change(s, (struct op_pair_change){.notes = &note, .n_notes = 1});
}

const char *pair_noted(struct store *s, const char *name)
{
    struct op_pair_read read = pair_read(s, 1);
    const char *text = NULL;

    for (size_t i = 0; i < read.out.n_notes; i++) {
        if (!slice_equal(read.out.notes[i].name, slice_of(name)))
            continue;
        ck_assert_msg(!text, "the note %s is there twice", name);
        text = arena_copy(&s->arena, read.out.notes[i].text).at;
        ck_assert_ptr_nonnull(text);
    }
    return text;
}

void pair_missing(struct store *s, const char *id)
{
    struct pair_id missing = {s->tenant, slice_of(id)};

    pair_change(s, (struct op_pair_change){.missing = &missing, .n_missing = 1});
}

void pair_found(struct store *s, const char *id)
{
    struct pair_id found = {s->tenant, slice_of(id)};

    pair_change(s, (struct op_pair_change){.found = &found, .n_found = 1});
}

static const char *kind_text(enum record_kind kind)
{
    static const char *const between[] = {
        [RECORD_REPEAT] = "repeat",     [RECORD_PENDING] = "pending",
        [RECORD_MESSAGES] = "messages", [RECORD_CHECKPOINTS] = "checkpoints",
        [RECORD_CONTENTS] = "contents",
    };

    ck_assert_uint_lt(kind, COUNT_OF(between));
    return kind < RECORD_KIND_COUNT ? record_kind_name(kind) : between[kind];
}

/* Whether the text of a name shows its sub: the op id of a request is bytes. */
static bool has_sub(const struct record_name *name)
{
    return slice_present(name->key.sub) && name->kind != RECORD_REPEAT &&
           name->kind != RECORD_PENDING;
}

static int by_name(const void *left, const void *right)
{
    const struct record_name *a = left, *b = right;

    return a->kind != b->kind ? (int)a->kind - (int)b->kind : record_key_compare(&a->key, &b->key);
}

const char *names_text(struct store *s, const struct record_name *names, size_t n)
{
    struct record_name *sorted = arena_alloc(&s->arena, (n + 1) * sizeof(*sorted));
    const char *text = "";

    ck_assert_ptr_nonnull(sorted);
    if (n)
        memcpy(sorted, names, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_name);
    for (size_t i = 0; i < n; i++) {
        const struct record_key *key = &sorted[i].key;
        bool sub = has_sub(&sorted[i]);

        text = arena_printf(&s->arena, "%s%s%s:%.*s%s%.*s%s%.*s", text, *text ? " " : "",
                            kind_text(sorted[i].kind), SLICE_ARGS(key->id), sub ? "/" : "",
                            sub ? (int)key->sub.len : 0, key->sub.at,
                            slice_present(key->task) ? "/" : "", SLICE_ARGS(key->task))
                   .at;
        ck_assert_ptr_nonnull(text);
    }
    return text;
}

struct record_name name_of(enum record_kind kind, const char *id, const char *sub)
{
    return (struct record_name){kind, {.id = slice_of(id), .sub = slice_of(sub)}};
}

static struct record *get_records(struct store *s, struct slice id, const struct record_name *names,
                                  size_t n, size_t *found)
{
    struct op op = store_op(s, OP_RECORDS_GET, NULL);

    op.id = id;
    op.records_get.names = names;
    op.records_get.n = n;
    store_ok(s, &op);
    *found = op.records_get.out.n;
    return op.records_get.out.items;
}

struct record *records_get(struct store *s, const char *id, const struct record_name *names,
                           size_t n, size_t *found)
{
    return get_records(s, slice_of(id), names, n, found);
}

static bool same_request(const struct record_repeat *a, const struct record_repeat *b)
{
    return a->at_us == b->at_us && memcmp(a->body_hash, b->body_hash, BLOB_HASH_LEN) == 0;
}

static bool same_pending(const struct record_pending *a, const struct record_pending *b)
{
    return a->stamp == b->stamp && a->requests == b->requests && a->errors == b->errors &&
           !(a->processing_time < b->processing_time) &&
           !(a->processing_time > b->processing_time) && same_request(&a->repeat, &b->repeat);
}

static const char *difference(const struct record *a, const struct record *b)
{
    if (a->kind != b->kind)
        return "kind";
    if (a->kind < RECORD_KIND_COUNT)
        return record_difference(a, b);
    if (record_key_compare(&a->key, &b->key) != 0)
        return "key";
    if (a->kind == RECORD_REPEAT)
        return same_request(&a->repeat, &b->repeat) ? NULL : "repeat";
    return same_pending(&a->pending, &b->pending) ? NULL : "pending";
}

bool same_record(const struct record *a, const struct record *b)
{
    return difference(a, b) == NULL;
}

/* Checks that a copy is the record as it is stored now. */
static void check_copy(const struct record *copy)
{
    struct record_name name = {copy->kind, copy->key};
    struct record *stored;
    const char *what;
    size_t n;

    if (copy->kind >= RECORD_MESSAGES)
        return;
    stored = get_records(&here, copy->key.id, &name, 1, &n);
    ck_assert_msg(n == 1, "%zu records of the copy %s", n, names_text(&here, &name, 1));
    what = difference(copy, stored);
    ck_assert_msg(!what, "the copy %s has another %s than is stored", names_text(&here, &name, 1),
                  what);
}

/* Whether an entry is about the id of the op, or the one that it has changed. */
static bool is_of(const struct outbox_entry *e, const struct op *op)
{
    return slice_equal(e->id, op->id) ||
           (op->type == OP_THREAD_COPY && slice_equal(e->id, op->thread_copy.to));
}

/* All names in the entries of an op. An op on a single id has no more than one entry. */
static struct record_name *entry_of(const struct op *op, size_t *n)
{
    struct op_pair_read read = pair_read(&here, LOOK);
    struct record_name *names = NULL;
    size_t entries = 0, cap = 0;

    *n = 0;
    for (size_t i = 0; i < read.out.n; i++) {
        const struct outbox_entry *e = &read.out.entries[i];

        if (e->number != op->stamp || !slice_equal(e->tenant, op->tenant))
            continue;
        ck_assert(!slice_present(op->id) || is_of(e, op));
        ck_assert_msg(e->n_names > 0, "an entry without names");
        entries++;
        for (size_t k = 0; k < e->n_names; k++) {
            names = arena_grow(&here.arena, names, *n, sizeof(*names), &cap);
            ck_assert_ptr_nonnull(names);
            names[(*n)++] = e->names[k];
        }
    }
    ck_assert_msg(!slice_present(op->id) || entries <= 1, "%zu entries of one op", entries);
    return names;
}

static bool is_named(const struct record *copy, const struct record_name *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (names[i].kind == copy->kind && record_key_compare(&names[i].key, &copy->key) == 0)
            return true;
    return false;
}

/* Checks the copies of one part. */
static void check_part(const struct op *op)
{
    size_t n;
    struct record_name *names = entry_of(op, &n);

    for (size_t i = 0; i < op->n_copies; i++) {
        check_copy(&op->copies[i]);
        ck_assert_msg(
            is_named(&op->copies[i], names, n), "a copy that no entry names: %s",
            names_text(&here, &(struct record_name){op->copies[i].kind, op->copies[i].key}, 1));
    }
}

/* Keeps the copies of a part. Op ids lie in the op, which does not last, so they are copied. */
static void keep_copies(struct op *all, const struct op *part)
{
    for (size_t i = 0; i < part->n_copies; i++) {
        struct record *grown = arena_grow(&here.arena, all->copies, all->n_copies, sizeof(*grown),
                                          &all->copies_cap);

        ck_assert_ptr_nonnull(grown);
        all->copies = grown;
        grown[all->n_copies] = part->copies[i];
        if (slice_present(part->copies[i].key.sub))
            grown[all->n_copies].key.sub = arena_copy(&here.arena, part->copies[i].key.sub);
        all->n_copies++;
    }
}

/* Runs all parts of an op, and gathers their copies in it. */
static enum err_kind run_parts(struct op *op)
{
    struct op all = {.type = op->type}, *ops[] = {op};
    struct err err = {0};

    op->replicate = op->fence = true;
    do {
        ck_assert_msg(backend_execute(here.backend, ops, 1, &err), "%s", err.text);
        if (op->status.kind == ERR_OK) {
            check_part(op);
            keep_copies(&all, op);
        }
        if (op->again && here.between)
            here.between(&here);
    } while (op->again);
    if (op->status.kind == ERR_OK) {
        ck_assert_msg(op->n_copies > 0 || all.n_copies == 0, "%s: its end has no copies",
                      op_name(op->type));
        op->copies = all.copies;
        op->n_copies = all.n_copies;
    }
    return op->status.kind;
}

/* Checks that the entry names what was copied, and nothing else. Returns the names. */
static const char *check_names(const struct op *op)
{
    size_t n;
    struct record_name *names = entry_of(op, &n);

    ck_assert_msg((n > 0) == (op->n_copies > 0), "%s: %zu names, %zu copies", op_name(op->type), n,
                  op->n_copies);
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;

        while (k < op->n_copies && !is_named(&op->copies[k], &names[i], 1))
            k++;
        ck_assert_msg(k < op->n_copies, "named and not copied: %s",
                      names_text(&here, &names[i], 1));
    }
    return names_text(&here, names, n);
}

static void check_kind(const struct op *op, enum err_kind kind)
{
    ck_assert_msg(op->status.kind == kind, "%s: %s (%s), not %s", op_name(op->type),
                  err_wire_name(op->status.kind), op->status.text, err_wire_name(kind));
}

const char *left_by(struct op *op)
{
    (void)run_parts(op);
    check_kind(op, ERR_OK);
    return check_names(op);
}

static int by_kind(const void *left, const void *right)
{
    const struct record *a = left, *b = right;

    return (int)a->kind - (int)b->kind;
}

void merge_copies(struct store *s, const struct record *copies, size_t n)
{
    struct record *sorted = arena_alloc(&s->arena, (n + 1) * sizeof(*sorted));
    size_t records = 0;

    ck_assert_ptr_nonnull(sorted);
    for (size_t i = 0; i < n; i++)
        if (copies[i].kind < RECORD_MESSAGES)
            sorted[records++] = copies[i];
    qsort(sorted, records, sizeof(*sorted), by_kind);
    if (records)
        store_merge(s, sorted, records);
}

/* Copies the conversations and threads that names stand for. */
static void copy_places(const struct op *op)
{
    struct err err = {0};

    for (size_t i = 0; i < op->n_copies; i++) {
        const struct record *copy = &op->copies[i];
        struct place_change change = {
            .of = {op->tenant, copy->key.id}, .name = {copy->kind, copy->key}, .number = op->stamp};

        ck_assert_msg(copy->kind < RECORD_MESSAGES ||
                          failover_place(here.backend, there.backend, &change, &err),
                      "%s", err.text);
    }
}

void copy_left(const struct op *op)
{
    merge_copies(&there, op->copies, op->n_copies);
    copy_places(op);
}

enum err_kind tried(struct op *op, const char **names)
{
    enum err_kind kind = run_parts(op);

    *names = check_names(op);
    ck_assert_msg(kind == ERR_OK || !**names, "%s has failed and left %s", op_name(op->type),
                  *names);
    copy_left(op);
    same_stores(&here, &there);
    return kind;
}

const char *replicated(struct op *op)
{
    const char *names;

    (void)tried(op, &names);
    check_kind(op, ERR_OK);
    return names;
}

void replicates_nothing(struct op *op, enum err_kind kind)
{
    const char *names;

    (void)tried(op, &names);
    check_kind(op, kind);
    ck_assert_str_eq(names, "");
}

void same_stores(struct store *a, struct store *b)
{
    struct arena arena = {0};
    struct slice of_a, of_b;
    struct err err = {0};

    ck_assert_msg(state_read(a->backend, STATE_EXACT, &arena, &of_a, &err), "%s", err.text);
    ck_assert_msg(state_read(b->backend, STATE_EXACT, &arena, &of_b, &err), "%s", err.text);
    ck_assert_msg(slice_equal(of_a, of_b), "%.*s\n--- is not\n%.*s",
                  SLICE_ARGS(state_difference(of_a, of_b)),
                  SLICE_ARGS(state_difference(of_b, of_a)));
    arena_done(&arena);
}

struct op_repeat request_of(char key, char body)
{
    struct op_repeat repeat = {.present = true};

    memset(repeat.op_id, key, BLOB_HASH_LEN);
    memset(repeat.body_hash, body, BLOB_HASH_LEN);
    return repeat;
}
