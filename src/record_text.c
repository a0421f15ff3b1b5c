/* record_text.c - see record_text.h. */
#include "record_text.h"

#include <stdio.h>

#include "id.h"
#include "json.h"

/* Writes a 64-bit number as a string. */
static void put_stamp(struct text *t, int64_t n)
{
    char digits[24];

    json_raw(t, (struct slice){digits,
                               (size_t)snprintf(digits, sizeof(digits), "\"%lld\"", (long long)n)});
}

static void put_text(struct text *t, struct slice s)
{
    if (!slice_present(s) || id_is_utf8(s)) {
        json_utf8(t, s);
        return;
    }
    json_open(t, '{');
    json_key(t, "base64");
    json_base64(t, s);
    json_close(t, '}');
}

/* Whether a JSON text can stand in a line unchanged, and be read back byte by byte. */
static bool fits_in_line(struct slice json)
{
    return json.len == 0 || (json.at[0] > ' ' && json.at[json.len - 1] > ' ' &&
                             !memchr(json.at, '\n', json.len) && !memchr(json.at, '\r', json.len));
}

static void put_json(struct text *t, const char *name, struct slice json)
{
    char other[64];

    if (fits_in_line(json)) {
        json_member_raw(t, name, json);
        return;
    }
    snprintf(other, sizeof(other), "%s_text", name);
    json_key(t, other);
    put_text(t, json);
}

static void put_refs(struct text *t, const struct record_checkpoint *c)
{
    json_open(t, '[');
    for (size_t i = 0; i < c->n_refs; i++)
        put_stamp(t, c->refs[i]);
    json_close(t, ']');
}

static void put_writes(struct text *t, const struct record_task *task)
{
    json_open(t, '[');
    for (size_t i = 0; i < task->n_writes; i++) {
        const struct write *w = &task->writes[i];

        json_open(t, '{');
        json_member_int(t, "idx", w->idx);
        json_key(t, "channel");
        put_text(t, w->channel);
        json_key(t, "type");
        put_text(t, w->blob.type);
        json_key(t, "bytes");
        json_base64(t, w->blob.bytes);
        json_close(t, '}');
    }
    json_close(t, ']');
}

static void put_value(struct text *t, const struct record_field *f, const struct record *r)
{
    const void *at = (const char *)r + f->offset;

    switch (f->type) {
    case RECORD_INT:
        json_int(t, *(const int64_t *)at);
        break;
    case RECORD_STAMP:
        put_stamp(t, *(const int64_t *)at);
        break;
    case RECORD_DOUBLE:
        json_double(t, *(const double *)at);
        break;
    case RECORD_TEXT:
        put_text(t, *(const struct slice *)at);
        break;
    case RECORD_BYTES:
        json_base64(t, *(const struct slice *)at);
        break;
    case RECORD_HASH:
        json_base64(t, (struct slice){at, BLOB_HASH_LEN});
        break;
    case RECORD_ENCODING:
        json_int(t, *(const int *)at);
        break;
    case RECORD_FORM:
        json_int(t, *(const enum form *)at);
        break;
    case RECORD_REFS:
        put_refs(t, &r->checkpoint);
        break;
    case RECORD_WRITES:
        put_writes(t, &r->task);
        break;
    case RECORD_JSON: /* written with its name */
        break;
    }
}

static void put_fields(struct text *t, const struct record *r, unsigned which)
{
    size_t n;
    const struct record_field *fields = record_fields(r->kind, &n);

    for (size_t i = 0; i < n; i++) {
        const struct record_field *f = &fields[i];
        const void *at = (const char *)r + f->offset;

        if ((f->flags & which) != which)
            continue;
        if (f->type == RECORD_JSON) {
            put_json(t, f->name, *(const struct slice *)at);
            continue;
        }
        json_key(t, f->name);
        put_value(t, f, r);
    }
}

void record_text_write(struct text *t, struct slice tenant, const struct record *r)
{
    json_open(t, '{');
    json_member_string(t, "kind", slice_of(record_kind_name(r->kind)));
    json_key(t, "tenant");
    put_text(t, tenant);
    put_fields(t, r, 0);
    json_close(t, '}');
}

void record_text_key(struct text *t, struct slice tenant, enum record_kind kind,
                     const struct record_key *key)
{
    struct record r = {.kind = kind, .key = *key};

    json_open(t, '{');
    json_key(t, "tenant");
    put_text(t, tenant);
    put_fields(t, &r, RECORD_KEY);
    json_close(t, '}');
}
