/* sql_pair.c - the outbox, and what a store knows of its peer; see sql_pair.h. */
#include "sql_pair.h"

#include "copies.h"
#include "pack.h"
#include "sql_load.h"
#include "sql_ops.h"

/* Whether this store is missing changes of an id, or, if it is absent, of any. */
static bool is_missing(struct sql *d, struct slice tenant, struct slice id, bool *missing,
                       struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool one = slice_present(id);

    if (!query_begin(d, one ? SQL_MISSING_HAS : SQL_MISSING_ANY, &q, err))
        return false;
    if (one) {
        query_blob(&q, tenant);
        query_blob(&q, id);
    }
    return query_step(&q, missing, err);
}

bool sql_pair_admits(struct sql *d, struct op *op, struct err *err)
{
    struct slice ids[2];
    size_t n = op_ids(op, ids);

    op->missing = false;
    if (op_as_held(op))
        return true;
    for (size_t i = 0; !op->missing && i < n; i++)
        if (!is_missing(d, op->tenant, ids[i], &op->missing, err))
            return false;
    return op_not_missing(op, err);
}

bool sql_pair_keep_entry(struct sql *d, struct op *op, struct err *err)
{
    struct slice names;
    struct query q;

    if (op->n_copies == 0 || op->entered)
        return true;
    if (!copies_pack(op, 0, &names, err) || !query_begin(d, SQL_OUTBOX_PUT, &q, err))
        return false;
    query_int(&q, op->stamp);
    query_blob(&q, op->tenant);
    query_blob(&q, op->id);
    query_blob(&q, names);
    return query_run(&q, err);
}

static bool read_entry(struct query *q, struct arena *arena, struct outbox_entry *e,
                       struct err *err)
{
    struct record_name *names;
    struct slice packed;

    e->number = query_col_int(q, 0);
    if (!query_copy(q, 1, arena, &e->tenant, err) || !query_copy(q, 2, arena, &e->id, err) ||
        !query_copy(q, 3, arena, &packed, err) ||
        !unpack_names(packed, arena, &names, &e->n_names, err))
        return false;
    e->names = names;
    return true;
}

static bool read_outbox(struct sql *d, struct op *op, struct err *err)
{
    struct op_pair_read *read = &op->pair_read;
    AUTO(query_end) struct query q = {0};
    bool found;

    read->out.entries = arena_alloc(op->arena, (size_t)read->limit * sizeof(*read->out.entries));
    if (!read->out.entries)
        return err_no_memory(err);
    if (!query_begin(d, SQL_OUTBOX_LIST, &q, err))
        return false;
    query_int(&q, read->after);
    query_int(&q, read->limit + 1);
    for (read->out.n = 0;; read->out.n++) {
        if (!query_step(&q, &found, err))
            return false;
        read->out.more = found;
        if (!found || read->out.n == (size_t)read->limit)
            return true;
        if (!read_entry(&q, op->arena, &read->out.entries[read->out.n], err))
            return false;
        read->out.through = read->out.entries[read->out.n].number;
    }
}

/* Reads the two texts in each row of a statement without parameters. */
static bool read_pairs(struct sql *d, enum sql_statement which, struct arena *arena,
                       struct slice (**out)[2], size_t *n, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    size_t cap = 0;
    bool found;

    *out = NULL;
    *n = 0;
    if (!query_begin(d, which, &q, err))
        return false;
    for (;; ++*n) {
        struct slice pair[2], (*grown)[2];

        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        if (!query_copy(&q, 0, arena, &pair[0], err) || !query_copy(&q, 1, arena, &pair[1], err))
            return false;
        grown = arena_grow(arena, *out, *n, sizeof(*grown), &cap);
        if (!grown)
            return err_no_memory(err);
        *out = grown;
        memcpy(grown[*n], pair, sizeof(pair));
    }
}

static bool read_missing(struct sql *d, struct op *op, struct err *err)
{
    struct op_pair_read *read = &op->pair_read;
    struct slice(*rows)[2];

    if (!read_pairs(d, SQL_MISSING_LIST, op->arena, &rows, &read->out.n_missing, err))
        return false;
    read->out.missing = arena_zalloc(op->arena, read->out.n_missing + 1,
                                     sizeof(*read->out.missing));
    if (!read->out.missing)
        return err_no_memory(err);
    for (size_t i = 0; i < read->out.n_missing; i++)
        read->out.missing[i] = (struct pair_id){rows[i][0], rows[i][1]};
    return true;
}

/* Skips names that begin with #: those notes are the store's own. */
static bool read_notes(struct sql *d, struct op *op, struct err *err)
{
    struct op_pair_read *read = &op->pair_read;
    struct slice(*rows)[2];
    size_t n;

    if (!read_pairs(d, SQL_NOTE_LIST, op->arena, &rows, &n, err))
        return false;
    read->out.notes = arena_zalloc(op->arena, n + 1, sizeof(*read->out.notes));
    if (!read->out.notes)
        return err_no_memory(err);
    read->out.n_notes = 0;
    for (size_t i = 0; i < n; i++)
        if (!slice_starts(rows[i][0], SLICE("#")))
            read->out.notes[read->out.n_notes++] = (struct pair_note){.name = rows[i][0],
                                                                      .text = rows[i][1]};
    return true;
}

static bool read_incarnation(struct sql *d, struct op *op, struct err *err)
{
    struct op_pair_read *read = &op->pair_read;
    AUTO(query_end) struct query q = {0};
    bool found;

    read->out.incarnation = SLICE("");
    read->out.position = 0;
    if (!query_begin(d, SQL_INCARNATION, &q, err) || !query_step(&q, &found, err))
        return false;
    if (!found)
        return true;
    read->out.position = query_col_int(&q, 1);
    return query_copy(&q, 0, op->arena, &read->out.incarnation, err);
}

bool sql_pair_read(struct sql *d, struct op *op, struct err *err)
{
    return read_outbox(d, op, err) && read_missing(d, op, err) && read_notes(d, op, err) &&
           read_incarnation(d, op, err);
}

static bool clear(struct sql *d, struct op *op, struct err *err)
{
    const struct op_pair_change *change = &op->pair_change;
    int64_t *numbers = arena_alloc(op->arena, (change->n_clear + 1) * sizeof(*numbers));
    AUTO(query_end) struct query q = {0};

    if (!numbers)
        return err_no_memory(err);
    for (size_t i = 0; i < change->n_clear; i++)
        numbers[i] = change->clear[i].number;
    return load_begin_among(d, SQL_OUTBOX_CLEAR, numbers, change->n_clear, op->arena, &q, err) &&
           query_run(&q, err);
}

static bool set_missing(struct sql *d, enum sql_statement which, const struct pair_id *ids,
                        size_t n, struct err *err)
{
    struct query q;

    for (size_t i = 0; i < n; i++) {
        if (!query_begin(d, which, &q, err))
            return false;
        query_blob(&q, ids[i].tenant);
        query_blob(&q, ids[i].id);
        if (!query_run(&q, err))
            return false;
    }
    return true;
}

static bool set_note(struct sql *d, const struct pair_note *note, struct err *err)
{
    bool keeps = slice_present(note->text);
    enum sql_statement put = note->once ? SQL_NOTE_ONCE : SQL_NOTE_PUT;
    struct query q;

    if (!query_begin(d, keeps ? put : SQL_NOTE_DROP, &q, err))
        return false;
    query_blob(&q, note->name);
    if (keeps)
        query_blob(&q, note->text);
    return query_run(&q, err);
}

bool sql_pair_change(struct sql *d, struct op *op, struct err *err)
{
    const struct op_pair_change *change = &op->pair_change;

    if ((change->n_clear > 0 && !clear(d, op, err)) ||
        !set_missing(d, SQL_MISSING_PUT, change->missing, change->n_missing, err) ||
        !set_missing(d, SQL_MISSING_DROP, change->found, change->n_found, err))
        return false;
    for (size_t i = 0; i < change->n_notes; i++)
        if (!set_note(d, &change->notes[i], err))
            return false;
    return true;
}
