/* record_fields.c - see record_fields.h. */
#include "record_fields.h"

#include <stdlib.h>

#include "op.h"

#define AT(member) offsetof(struct record, member)
#define ID (RECORD_KEY | RECORD_IS_ID)
#define THREAD_ID                                \
    {                                            \
        "thread_id", AT(key.id), RECORD_TEXT, ID \
    }
#define NS                                        \
    {                                             \
        "ns", AT(key.ns), RECORD_TEXT, RECORD_KEY \
    }
#define CHECKPOINT_ID                                 \
    {                                                 \
        "checkpoint_id", AT(key.sub), RECORD_TEXT, ID \
    }
#define SESSION_ID                                \
    {                                             \
        "session_id", AT(key.id), RECORD_TEXT, ID \
    }

static const struct record_field session[] = {
    SESSION_ID,
    {"gen", AT(session.gen), RECORD_STAMP, 0},
    {"tomb", AT(session.tomb), RECORD_STAMP, 0},
    {"user_id", AT(session.user_id.text), RECORD_TEXT, RECORD_OPTIONAL},
    {"user_id_stamp", AT(session.user_id.stamp), RECORD_STAMP, 0},
    {"status", AT(session.status.text), RECORD_TEXT, RECORD_OPTIONAL},
    {"status_stamp", AT(session.status.stamp), RECORD_STAMP, 0},
    {"metadata", AT(session.metadata.text), RECORD_JSON, RECORD_OPTIONAL},
    {"metadata_stamp", AT(session.metadata.stamp), RECORD_STAMP, 0},
    {"request_count", AT(session.request_count), RECORD_INT, 0},
    {"error_count", AT(session.error_count), RECORD_INT, 0},
    {"total_processing_time", AT(session.total_processing_time), RECORD_DOUBLE, 0},
    {"created_us", AT(session.created_us), RECORD_INT, 0},
    {"updated_us", AT(session.updated_us), RECORD_INT, 0},
    {"last_activity_us", AT(session.last_activity_us), RECORD_INT, 0},
    {"version", AT(session.version), RECORD_INT, 0},
    {"last_seq", AT(session.last_seq), RECORD_INT, 0},
    {"last_context", AT(session.last_context), RECORD_INT, 0},
};

static const struct record_field message[] = {
    SESSION_ID,
    {"id", AT(key.sub), RECORD_TEXT, ID},
    {"stamp", AT(message.stamp), RECORD_STAMP, 0},
    {"seq", AT(message.seq), RECORD_INT, 0},
    {"role", AT(message.role), RECORD_TEXT, 0},
    {"content", AT(message.content), RECORD_JSON, 0},
    {"metadata", AT(message.metadata), RECORD_JSON, 0},
};

static const struct record_field context[] = {
    SESSION_ID,
    {"version", AT(key.number), RECORD_INT, RECORD_KEY},
    {"stamp", AT(key.stamp), RECORD_STAMP, RECORD_KEY},
    {"updated_us", AT(context.updated_us), RECORD_INT, 0},
    {"context", AT(context.body), RECORD_JSON, 0},
};

static const struct record_field thread[] = {
    THREAD_ID,
    {"tomb", AT(thread.tomb), RECORD_STAMP, 0},
    {"updated_us", AT(thread.updated_us), RECORD_INT, 0},
};

static const struct record_field value[] = {
    THREAD_ID,
    NS,
    {"value_id", AT(key.number), RECORD_STAMP, RECORD_KEY},
    {"channel", AT(value.of.channel), RECORD_TEXT, RECORD_OPTIONAL},
    {"version", AT(value.of.version), RECORD_JSON, RECORD_OPTIONAL},
    {"type", AT(value.blob.type), RECORD_TEXT, RECORD_STORED}, /* the hash covers it */
    {"hash", AT(value.blob.hash), RECORD_HASH, 0},
    {"encoding", AT(value.blob.encoding), RECORD_ENCODING, RECORD_STORED},
    {"base", AT(value.blob.base_id), RECORD_STAMP, RECORD_STORED},
    {"bytes", AT(value.blob.bytes), RECORD_BYTES, RECORD_STORED},
};

static const struct record_field checkpoint[] = {
    THREAD_ID,
    NS,
    CHECKPOINT_ID,
    {"stamp", AT(checkpoint.stamp), RECORD_STAMP, 0},
    {"created_us", AT(checkpoint.created_us), RECORD_INT, 0},
    {"form", AT(checkpoint.form), RECORD_FORM, 0},
    {"parent_id", AT(checkpoint.parent_id), RECORD_TEXT, RECORD_OPTIONAL | RECORD_IS_ID},
    {"metadata", AT(checkpoint.metadata), RECORD_JSON, RECORD_OPTIONAL},
    {"run_id", AT(checkpoint.run_id), RECORD_TEXT, RECORD_OPTIONAL},
    {"head", AT(checkpoint.head), RECORD_STAMP, 0},
    {"refs", AT(checkpoint), RECORD_REFS, 0},
};

static const struct record_field task[] = {
    THREAD_ID,
    NS,
    CHECKPOINT_ID,
    {"task_id", AT(key.task), RECORD_TEXT, ID},
    {"stamp", AT(task.stamp), RECORD_STAMP, 0},
    {"seq", AT(task.seq), RECORD_STAMP, 0},
    {"form", AT(task.form), RECORD_FORM, 0},
    {"task_path", AT(task.task_path), RECORD_TEXT, 0},
    {"writes", AT(task), RECORD_WRITES, 0},
};

static const struct {
    const char *name;
    const struct record_field *fields;
    size_t n;
} kinds[RECORD_KIND_COUNT] = {
    [RECORD_SESSION] = {"session", session, COUNT_OF(session)},
    [RECORD_MESSAGE] = {"message", message, COUNT_OF(message)},
    [RECORD_CONTEXT] = {"context", context, COUNT_OF(context)},
    [RECORD_THREAD] = {"thread", thread, COUNT_OF(thread)},
    [RECORD_VALUE] = {"value", value, COUNT_OF(value)},
    [RECORD_CHECKPOINT] = {"checkpoint", checkpoint, COUNT_OF(checkpoint)},
    [RECORD_TASK] = {"task", task, COUNT_OF(task)},
};

const struct record_field *record_fields(enum record_kind kind, size_t *n)
{
    *n = kinds[kind].n;
    return kinds[kind].fields;
}

const char *record_kind_name(enum record_kind kind)
{
    return kinds[kind].name;
}

bool record_kind_find(struct slice name, enum record_kind *kind)
{
    for (int i = 0; i < RECORD_KIND_COUNT; i++)
        if (slice_equal(name, slice_of(kinds[i].name))) {
            *kind = (enum record_kind)i;
            return true;
        }
    return false;
}

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int record_key_compare(const struct record_key *a, const struct record_key *b)
{
    int by = slice_compare(a->id, b->id);

    by = by ? by : slice_compare(a->ns, b->ns);
    by = by ? by : slice_compare(a->sub, b->sub);
    by = by ? by : slice_compare(a->task, b->task);
    by = by ? by : order(a->number, b->number);
    return by ? by : order(a->stamp, b->stamp);
}

static bool same_writes(const struct record_task *a, const struct record_task *b)
{
    if (a->n_writes != b->n_writes)
        return false;
    for (size_t i = 0; i < a->n_writes; i++) {
        const struct write *x = &a->writes[i], *y = &b->writes[i];

        if (x->idx != y->idx || !slice_equal(x->channel, y->channel) ||
            !slice_equal(x->blob.type, y->blob.type) || !slice_equal(x->blob.bytes, y->blob.bytes))
            return false;
    }
    return true;
}

static bool same_refs(const struct record_checkpoint *a, const struct record_checkpoint *b)
{
    return a->n_refs == b->n_refs &&
           (a->n_refs == 0 || memcmp(a->refs, b->refs, a->n_refs * sizeof(*a->refs)) == 0);
}

static bool same_slice(const struct record_field *f, const struct slice *a, const struct slice *b)
{
    return slice_equal(*a, *b) &&
           (!(f->flags & RECORD_OPTIONAL) || slice_present(*a) == slice_present(*b));
}

static bool same_field(const struct record_field *f, const struct record *a, const struct record *b)
{
    const void *x = (const char *)a + f->offset, *y = (const char *)b + f->offset;

    switch (f->type) {
    case RECORD_INT:
    case RECORD_STAMP:
        return *(const int64_t *)x == *(const int64_t *)y;
    case RECORD_DOUBLE:
        return *(const double *)x == *(const double *)y;
    case RECORD_TEXT:
    case RECORD_JSON:
    case RECORD_BYTES:
        return same_slice(f, x, y);
    case RECORD_HASH:
        return memcmp(x, y, BLOB_HASH_LEN) == 0;
    case RECORD_ENCODING:
        return *(const int *)x == *(const int *)y;
    case RECORD_FORM:
        return *(const enum form *)x == *(const enum form *)y;
    case RECORD_REFS:
        return same_refs(&a->checkpoint, &b->checkpoint);
    case RECORD_WRITES:
        return same_writes(&a->task, &b->task);
    }
    return false;
}

const char *record_difference(const struct record *a, const struct record *b)
{
    for (size_t i = 0; i < kinds[a->kind].n; i++) {
        const struct record_field *f = &kinds[a->kind].fields[i];

        if (!(f->flags & RECORD_STORED) && !same_field(f, a, b))
            return f->name;
    }
    return NULL;
}

static size_t bytes_of_writes(const struct record_task *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n_writes; i++)
        n += t->writes[i].channel.len + t->writes[i].blob.type.len + t->writes[i].blob.bytes.len;
    return n;
}

struct record_thread record_thread_of(int64_t tomb, int64_t updated_us)
{
    return (struct record_thread){tomb, updated_us > stamp_us(tomb) ? updated_us : 0};
}

int64_t record_thread_time(int64_t tomb, int64_t now_us)
{
    return clock_later(now_us, stamp_us(tomb) + 1);
}

const struct record_repeat *record_request(const struct record *r)
{
    return r->kind == RECORD_PENDING ? &r->pending.repeat : &r->repeat;
}

bool record_is_request(const struct record *r, int64_t at_us)
{
    return llabs(record_request(r)->at_us - at_us) < REPEAT_WINDOW_US;
}

size_t record_bytes(const struct record *r)
{
    size_t n = 0;

    for (size_t i = 0; i < kinds[r->kind].n; i++) {
        const struct record_field *f = &kinds[r->kind].fields[i];
        const void *at = (const char *)r + f->offset;

        if (f->type == RECORD_TEXT || f->type == RECORD_JSON || f->type == RECORD_BYTES)
            n += ((const struct slice *)at)->len;
        else if (f->type == RECORD_REFS)
            n += r->checkpoint.n_refs * sizeof(*r->checkpoint.refs);
        else if (f->type == RECORD_WRITES)
            n += bytes_of_writes(&r->task);
    }
    return n;
}
