/* copies.c - see copies.h. */
#include "copies.h"

#include "pack.h"
#include "record_fields.h"

void copies_reset(struct op *op)
{
    op->copies = NULL;
    op->n_copies = op->copies_cap = 0;
    op->entered = false;
}

bool copies_add(struct op *op, const struct record *record, struct err *err)
{
    struct record *grown;

    if (!op->replicate)
        return true;
    grown = arena_grow(op->arena, op->copies, op->n_copies, sizeof(*grown), &op->copies_cap);
    if (!grown)
        return err_no_memory(err);
    op->copies = grown;
    grown[op->n_copies++] = *record;
    return true;
}

bool copies_session(struct op *op, struct slice id, const struct session_state *s, struct err *err)
{
    return copies_add(op,
                      &(struct record){.kind = RECORD_SESSION,
                                       .key = {.id = id},
                                       .session = session_state_record(s)},
                      err);
}

bool copies_thread(struct op *op, struct slice id, int64_t tomb, int64_t updated_us,
                   struct err *err)
{
    return copies_add(op,
                      &(struct record){.kind = RECORD_THREAD,
                                       .key = {.id = id},
                                       .thread = record_thread_of(tomb, updated_us)},
                      err);
}

static struct record_key request_key(const struct op *op)
{
    return (struct record_key){.id = op->id,
                               .sub = {(const char *)op->repeat.op_id, BLOB_HASH_LEN}};
}

static struct record_repeat request_of(const struct op *op)
{
    struct record_repeat repeat = {.at_us = op->now_us};

    memcpy(repeat.body_hash, op->repeat.body_hash, BLOB_HASH_LEN);
    return repeat;
}

bool copies_repeat(struct op *op, struct err *err)
{
    return !op->repeat.present ||
           copies_add(op,
                      &(struct record){
                          .kind = RECORD_REPEAT, .key = request_key(op), .repeat = request_of(op)},
                      err);
}

bool copies_adds(const struct op *op)
{
    const struct op_session_patch *patch = &op->session_patch;

    return patch->increment_requests || patch->mark_error || patch->add_processing_time > 0;
}

bool copies_pending(struct op *op, struct err *err)
{
    const struct op_session_patch *patch = &op->session_patch;

    return !copies_adds(op) ||
           copies_add(op,
                      &(struct record){.kind = RECORD_PENDING,
                                       .key = request_key(op),
                                       .pending = {.stamp = op->stamp,
                                                   .requests = patch->increment_requests,
                                                   .errors = patch->mark_error,
                                                   .processing_time = patch->add_processing_time,
                                                   .repeat = request_of(op)}},
                      err);
}

bool copies_messages(struct op *op, struct err *err)
{
    const struct op_message_append *append = &op->message_append;

    for (size_t i = 0; i < append->n; i++) {
        const struct message *m = &append->messages[i];

        if (m->created && !copies_add(op,
                                      &(struct record){.kind = RECORD_MESSAGE,
                                                       .key = {.id = op->id, .sub = m->id},
                                                       .message = {.stamp = op->stamp,
                                                                   .seq = m->seq,
                                                                   .role = m->role,
                                                                   .content = m->content,
                                                                   .metadata = m->metadata}},
                                      err))
            return false;
    }
    return true;
}

bool copies_value(struct op *op, struct slice ns, const struct blob *blob,
                  const struct channel_version *of, struct err *err)
{
    struct record value = {
        .kind = RECORD_VALUE,
        .key = {.id = op->id, .ns = ns, .number = blob->id},
        .value = {.blob = *blob},
    };

    if (of)
        value.value.of = *of;
    value.value.blob.patch = NULL;
    return copies_add(op, &value, err);
}

bool copies_name(struct op *op, enum record_kind kind, struct slice id, struct err *err)
{
    return copies_add(op, &(struct record){.kind = kind, .key = {.id = id}}, err);
}

bool copies_pack(const struct op *op, size_t from, struct slice *packed, struct err *err)
{
    struct record_name *names = arena_zalloc(op->arena, op->n_copies - from + 1, sizeof(*names));

    if (!names)
        return err_no_memory(err);
    for (size_t i = from; i < op->n_copies; i++)
        names[i - from] = (struct record_name){op->copies[i].kind, op->copies[i].key};
    return pack_names(names, op->n_copies - from, op->arena, packed, err);
}
