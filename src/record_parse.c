/* record_parse.c - see record_text.h. */
#include <stdarg.h>
#include <stdio.h>

#include "base64.h"
#include "blob_hash.h"
#include "clock.h"
#include "decimal.h"
#include "id.h"
#include "json.h"
#include "record_text.h"
#include "split.h"

enum { MEMBERS_MAX = 32 };

struct line {
    struct arena *arena;
    struct split_member *members;
    size_t n;
    bool used[MEMBERS_MAX];
    int64_t stamp_max;
};

/* Fills err with "name: what is wrong". */
#define WRONG(err, name, ...) wrong((err), (name), __VA_ARGS__)

static bool PRINTF(3, 4) wrong(struct err *err, const char *name, const char *fmt, ...)
{
    char what[160];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    return err_set(err, ERR_INVALID, "%s: %s", name, what);
}

/* Takes the value of a member; absent if there is none. */
static struct slice take(struct line *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (!l->used[i] && split_name_is(l->members[i].name, name)) {
            l->used[i] = true;
            return l->members[i].value;
        }
    return (struct slice){NULL, 0};
}

static bool is_null(struct slice json)
{
    return slice_equal(json, SLICE("null"));
}

static bool is_string(struct slice json)
{
    return json.len > 0 && json.at[0] == '"';
}

static bool is_number(struct slice json)
{
    return json.len > 0 && (json.at[0] == '-' || (json.at[0] >= '0' && json.at[0] <= '9'));
}

static bool decode_string(const char *name, struct slice json, struct arena *arena,
                          struct slice *out, struct err *err)
{
    struct err why;

    if (!is_string(json))
        return WRONG(err, name, "a string is needed");
    if (json_decode_string(json, arena, out, &why))
        return true;
    return why.kind == ERR_NO_MEMORY ? err_no_memory(err) : WRONG(err, name, "%s", why.text);
}

static bool decode_bytes(const char *name, struct slice json, struct arena *arena,
                         struct slice *out, struct err *err)
{
    struct slice text;

    if (!decode_string(name, json, arena, &text, err))
        return false;
    if (!base64_decode(text, BASE64_STANDARD, arena, out))
        return WRONG(err, name, "base64 is needed");
    return true;
}

/* Decodes a string, or {"base64": "..."}. */
static bool decode_text(const char *name, struct slice json, struct arena *arena, struct slice *out,
                        struct err *err)
{
    struct split_member *members;
    size_t n;

    if (json.len == 0 || json.at[0] != '{')
        return decode_string(name, json, arena, out, err);
    if (!split_members(json, arena, &members, &n, err))
        return false;
    if (n != 1 || !split_name_is(members[0].name, "base64"))
        return WRONG(err, name, "a string or {\"base64\": ...} is needed");
    return decode_bytes(name, members[0].value, arena, out, err);
}

static bool decode_int(const char *name, struct slice json, int64_t *out, struct err *err)
{
    if (!is_number(json) || !decimal_to_int(json, out))
        return WRONG(err, name, "an integer of 64 bits is needed");
    return true;
}

/* Decodes a string of digits; a number is accepted, too. */
static bool decode_stamp(const struct line *l, const char *name, struct slice json, int64_t *out,
                         struct err *err)
{
    if (is_string(json))
        json = (struct slice){json.at + 1, json.len - 2};
    for (size_t i = 0; i < json.len; i++)
        if (json.at[i] < '0' || json.at[i] > '9')
            json.len = 0;
    if (json.len == 0 || json.len > 19 || !decimal_to_int(json, out))
        return WRONG(err, name, "a stamp is needed, as \"1234\"");
    if (*out > l->stamp_max)
        return WRONG(err, name, "it lies more than a day ahead of the clock of this machine");
    return true;
}

/* Takes a member that was JSON when it was sent: as it is, or as a string under its name with "_text". */
static bool take_json(struct line *l, const struct record_field *f, struct slice *out,
                      struct err *err)
{
    struct slice json = take(l, f->name), text;
    char other[64];

    snprintf(other, sizeof(other), "%s_text", f->name);
    if (!slice_present(json) && slice_present(text = take(l, other))) {
        struct err why;

        if (!decode_string(other, text, l->arena, out, err))
            return false;
        return split_check(*out, &text, &why) || WRONG(err, other, "%s", why.text);
    }
    if (!slice_present(json))
        return WRONG(err, f->name, "it is missing");
    *out = is_null(json) && (f->flags & RECORD_OPTIONAL) ? (struct slice){NULL, 0} : json;
    return true;
}

static bool read_text(struct line *l, const struct record_field *f, struct slice json,
                      struct slice *out, struct err *err)
{
    struct err why;

    if (is_null(json) && (f->flags & RECORD_OPTIONAL)) {
        *out = (struct slice){NULL, 0};
        return true;
    }
    if (!decode_text(f->name, json, l->arena, out, err))
        return false;
    if ((f->flags & RECORD_IS_ID) && !id_check(*out, &why))
        return WRONG(err, f->name, "%s", why.text);
    return true;
}

static bool read_refs(struct line *l, const char *name, struct slice json,
                      struct record_checkpoint *out, struct err *err)
{
    struct slice *elements;
    int64_t *refs;
    size_t n;

    if (!split_elements(json, l->arena, &elements, &n, err))
        return WRONG(err, name, "a list is needed");
    refs = arena_zalloc(l->arena, n + 1, sizeof(*refs));
    if (!refs)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++)
        if (!decode_stamp(l, name, elements[i], &refs[i], err))
            return false;
    out->refs = refs;
    out->n_refs = n;
    return true;
}

static bool read_write(const struct line *all, struct slice json, struct write *out,
                       struct err *err)
{
    struct line l = {.arena = all->arena};
    struct slice idx, channel, type, bytes;

    if (!split_members(json, l.arena, &l.members, &l.n, err))
        return WRONG(err, "writes", "a list of objects is needed");
    if (l.n > MEMBERS_MAX)
        l.n = MEMBERS_MAX;
    idx = take(&l, "idx");
    channel = take(&l, "channel");
    type = take(&l, "type");
    bytes = take(&l, "bytes");
    if (l.n != 4 || !slice_present(idx) || !slice_present(channel) || !slice_present(type) ||
        !slice_present(bytes))
        return WRONG(err, "writes", "each has idx, channel, type and bytes");
    if (!decode_int("writes: idx", idx, &out->idx, err) ||
        !decode_text("writes: channel", channel, l.arena, &out->channel, err) ||
        !decode_text("writes: type", type, l.arena, &out->blob.type, err) ||
        !decode_bytes("writes: bytes", bytes, l.arena, &out->blob.bytes, err))
        return false;
    if (out->channel.len == 0 || out->blob.type.len + out->blob.bytes.len == 0)
        return WRONG(err, "writes", "each has a channel, and type or bytes");
    return true;
}

static bool read_writes(struct line *l, struct slice json, struct record *r, struct err *err)
{
    struct slice *elements;
    struct write *writes;
    size_t n;

    if (!split_elements(json, l->arena, &elements, &n, err))
        return WRONG(err, "writes", "a list is needed");
    writes = arena_zalloc(l->arena, n + 1, sizeof(*writes));
    if (!writes)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        if (!read_write(l, elements[i], &writes[i], err))
            return false;
        writes[i].task_id = r->key.task;
        writes[i].task_path = r->task.task_path;
    }
    r->task.writes = writes;
    r->task.n_writes = n;
    return true;
}

static bool read_double(const char *name, struct slice json, double *out, struct err *err)
{
    struct err why;

    if (!is_number(json) || !json_decode_double(json, out, &why))
        return WRONG(err, name, "a number is needed");
    return true;
}

static bool read_hash(const struct line *l, const char *name, struct slice json, uint8_t *out,
                      struct err *err)
{
    struct slice bytes;

    if (!decode_bytes(name, json, l->arena, &bytes, err))
        return false;
    if (bytes.len != BLOB_HASH_LEN)
        return WRONG(err, name, "%d bytes are needed", BLOB_HASH_LEN);
    memcpy(out, bytes.at, BLOB_HASH_LEN);
    return true;
}

/* Reads a small number whose meaning only the reader of the store knows. */
static bool read_small(const char *name, struct slice json, int max, int *out, struct err *err)
{
    int64_t n;

    if (!decode_int(name, json, &n, err))
        return false;
    if (n < 0 || n > max)
        return WRONG(err, name, "it is 0 to %d", max);
    *out = (int)n;
    return true;
}

static bool read_field(struct line *l, const struct record_field *f, struct record *r,
                       struct err *err)
{
    void *at = (char *)r + f->offset;
    struct slice json;
    int small = 0;

    if (f->type == RECORD_JSON)
        return take_json(l, f, at, err);
    json = take(l, f->name);
    if (!slice_present(json))
        return WRONG(err, f->name, "it is missing");
    switch (f->type) {
    case RECORD_INT:
        return decode_int(f->name, json, at, err);
    case RECORD_STAMP:
        return decode_stamp(l, f->name, json, at, err);
    case RECORD_DOUBLE:
        return read_double(f->name, json, at, err);
    case RECORD_TEXT:
        return read_text(l, f, json, at, err);
    case RECORD_BYTES:
        return decode_bytes(f->name, json, l->arena, at, err);
    case RECORD_HASH:
        return read_hash(l, f->name, json, at, err);
    case RECORD_ENCODING:
        return read_small(f->name, json, UINT8_MAX, at, err);
    case RECORD_FORM:
        if (!read_small(f->name, json, FORM_CHANNEL, &small, err))
            return false;
        *(enum form *)at = (enum form)small;
        return true;
    case RECORD_REFS:
        return read_refs(l, f->name, json, &r->checkpoint, err);
    case RECORD_WRITES:
        return read_writes(l, json, r, err);
    case RECORD_JSON:
        break;
    }
    return false;
}

/* Checks what no single member shows. */
static bool check_whole(const struct record *r, struct err *err)
{
    const struct record_value *v = &r->value;
    uint8_t hash[BLOB_HASH_LEN];

    if (r->kind != RECORD_VALUE)
        return true;
    if (r->key.number <= 0)
        return WRONG(err, "value_id", "it is above 0");
    if (v->blob.base_id >= r->key.number)
        return WRONG(err, "base", "it is older than the value that is based on it");
    if (slice_present(v->of.channel) != slice_present(v->of.version))
        return WRONG(err, "version", "a channel has a version, and a head has neither");
    if (v->blob.encoding != BLOB_WHOLE)
        return true;
    blob_hash(v->blob.type, v->blob.bytes, hash);
    if (memcmp(hash, v->blob.hash, sizeof(hash)) != 0)
        return WRONG(err, "hash", "it is not that of the bytes");
    return true;
}

static bool split(struct slice text, struct line *l, struct err *err)
{
    if (!split_object(text, l->arena, &l->members, &l->n, err))
        return false;
    if (l->n > MEMBERS_MAX)
        return err_set(err, ERR_INVALID, "no record has so many members");
    return true;
}

bool record_parse_end(struct slice line, int64_t *records)
{
    static const char starts[] = "{\"kind\":\"end\",\"records\":";
    const struct slice start = {starts, sizeof(starts) - 1};
    struct slice n;

    if (!slice_starts(line, start) || line.at[line.len - 1] != '}')
        return false;
    n = (struct slice){line.at + start.len, line.len - start.len - 1};
    for (size_t i = 0; i < n.len; i++)
        if (n.at[i] < '0' || n.at[i] > '9')
            return false;
    return n.len > 0 && n.len <= 18 && decimal_to_int(n, records);
}

bool record_parse(struct slice text, struct arena *arena, struct slice *tenant, struct record *out,
                  struct err *err)
{
    struct line l = {.arena = arena, .stamp_max = (clock_now_us() + DAY_US) << STAMP_NODE_BITS};
    static const struct record_field name = {"tenant", 0, RECORD_TEXT, RECORD_IS_ID};
    const struct record_field *fields;
    struct slice kind;
    size_t n;

    *out = (struct record){.kind = RECORD_SESSION};
    if (!split(text, &l, err) || !decode_string("kind", take(&l, "kind"), arena, &kind, err))
        return false;
    if (!record_kind_find(kind, &out->kind))
        return WRONG(err, "kind", "there is no such kind of record");
    if (!read_text(&l, &name, take(&l, "tenant"), tenant, err))
        return false;
    fields = record_fields(out->kind, &n);
    for (size_t i = 0; i < n; i++)
        if (!read_field(&l, &fields[i], out, err))
            return false;
    for (size_t i = 0; i < l.n; i++)
        if (!l.used[i])
            return err_set(err, ERR_INVALID, "%.*s: a %s has no such member",
                           (int)(l.members[i].name.len < 64 ? l.members[i].name.len : 64),
                           l.members[i].name.at, record_kind_name(out->kind));
    return check_whole(out, err);
}
