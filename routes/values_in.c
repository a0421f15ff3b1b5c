/* values_in.c - see values_in.h. */
#include "values_in.h"

#include <stdio.h>
#include <stdlib.h>

#include "base64.h"
#include "input.h"
#include "json.h"
#include "names.h"
#include "parse.h"

#define NO_IDX INT64_MIN

enum {
    NOT_SENT = -1,
    WRITES_MAX = 65536, /* a task's writes come in one request, or a part of them looks like all */
};

/* An element of `values` or `writes`. */
struct element {
    struct slice channel, type;
    struct slice base64;         /* with its quotes: it may be long, and is decoded in place */
    struct slice version, value; /* JSON text */
    struct slice parts, base;    /* JSON text */
    struct slice hash;
    int64_t len, idx;
};

struct elements {
    struct slice *items;
    size_t n;
};

static const struct element no_element = {.len = NOT_SENT, .idx = NO_IDX};

static const struct member value_members[] = {
    MEMBER(struct element, channel, MEMBER_STRING | MEMBER_REQUIRED),
    MEMBER(struct element, version, MEMBER_ANY | MEMBER_REQUIRED),
    MEMBER(struct element, type, MEMBER_STRING | MEMBER_REQUIRED),
    MEMBER(struct element, base64, MEMBER_ANY),
    MEMBER_RANGE(struct element, len, MEMBER_INT, 0, INT64_MAX),
    MEMBER(struct element, parts, MEMBER_ANY),
    MEMBER(struct element, base, MEMBER_OBJECT),
    MEMBER(struct element, hash, MEMBER_STRING),
    MEMBER_END,
};

static const struct member write_members[] = {
    MEMBER_RANGE(struct element, idx, MEMBER_INT, INT32_MIN, INT32_MAX),
    MEMBER(struct element, channel, MEMBER_STRING | MEMBER_REQUIRED),
    MEMBER(struct element, type, MEMBER_STRING),
    MEMBER(struct element, base64, MEMBER_ANY),
    MEMBER_RANGE(struct element, len, MEMBER_INT, 0, INT64_MAX),
    MEMBER(struct element, value, MEMBER_ANY),
    MEMBER_END,
};

static bool needed(const char *at, const char *member, struct err *err)
{
    return err_set(err, ERR_INVALID, "%s/%s: is needed", at, member);
}

static bool bytes_of_frame(const struct values_in *in, const struct element *e, const char *at,
                           struct slice *bytes, struct err *err)
{
    if (slice_present(e->base64))
        return err_set(
            err, ERR_INVALID,
            "%s/base64: not in a frame, where len counts the raw bytes that follow the JSON", at);
    if (e->len == NOT_SENT)
        return needed(at, "len", err);
    if (!frame_take(in->frame, e->len, bytes, err))
        return err_set(err, err->kind, "%s/len: %s", at, err->text);
    return true;
}

static bool bytes_of_json(const struct values_in *in, const struct element *e, const char *at,
                          struct slice *bytes, struct err *err)
{
    struct slice text = e->base64;

    if (e->len != NOT_SENT)
        return err_set(err, ERR_INVALID, "%s/len: only in a frame (" FRAME_TYPE "); send base64",
                       at);
    if (!slice_present(text))
        return needed(at, "base64", err);
    if (*text.at != '"')
        return err_set(err, ERR_INVALID, "%s/base64: must be a string", at);
    if (!names_decode((struct slice){text.at + 1, text.len - 2}, in->arena, &text, err))
        return false;
    if (base64_decode(text, BASE64_STANDARD, in->arena, bytes))
        return true;
    /* base64_decode() does not tell why. Valid text fails only for want of memory, so this tries that. */
    if (!arena_alloc(in->arena, text.len))
        return err_no_memory(err);
    return err_set(err, ERR_INVALID, "%s/base64: must be standard base64 with padding", at);
}

/* Reads type and bytes of a value, or of a write in channel form. */
static bool read_blob(const struct values_in *in, const struct element *e, const char *at,
                      struct blob *blob, struct err *err)
{
    struct slice bytes;

    if (!input_length(e->type, INPUT_TYPE_MAX, at, "type", err))
        return false;
    if (in->frame ? !bytes_of_frame(in, e, at, &bytes, err)
                  : !bytes_of_json(in, e, at, &bytes, err))
        return false;
    *blob = (struct blob){.encoding = BLOB_WHOLE, .type = e->type, .bytes = bytes};
    return true;
}

/* An element of `parts`. */
struct part {
    struct slice copy; /* JSON text */
    int64_t len;
};

static const struct member part_members[] = {
    MEMBER(struct part, copy, MEMBER_ARRAY),
    MEMBER_RANGE(struct part, len, MEMBER_INT, 0, INT64_MAX),
    MEMBER_END,
};

struct base {
    struct slice version, hash;
};

static const struct member base_members[] = {
    MEMBER(struct base, version, MEMBER_ANY | MEMBER_REQUIRED),
    MEMBER(struct base, hash, MEMBER_STRING | MEMBER_REQUIRED),
    MEMBER_END,
};

/* Reads [offset, length]. */
static bool read_copy(const struct values_in *in, struct slice json, const char *at,
                      struct patch_part *part, struct err *err)
{
    int64_t numbers[2];
    struct slice *items;
    bool good;
    size_t n;

    if (!split_elements(json, in->arena, &items, &n, err))
        return false;
    good = n == COUNT_OF(numbers);
    for (size_t i = 0; i < n && good; i++)
        good = (*items[i].at == '-' || (*items[i].at >= '0' && *items[i].at <= '9')) &&
               json_decode_int(items[i], &numbers[i], err) && numbers[i] >= 0;
    if (!good)
        return err_set(err, ERR_INVALID, "%s/copy: must be [offset, length]", at);
    *part = (struct patch_part){.offset = (uint64_t)numbers[0], .len = (uint64_t)numbers[1]};
    return true;
}

static bool read_part(const struct values_in *in, struct slice json, const char *at,
                      struct patch_part *part, struct err *err)
{
    struct part p = {.len = NOT_SENT};

    if (!body_read_part(json, at, part_members, &p, in->arena, err))
        return false;
    if (slice_present(p.copy) == (p.len != NOT_SENT))
        return err_set(err, ERR_INVALID, "%s: must have either copy or len", at);
    if (slice_present(p.copy))
        return read_copy(in, p.copy, at, part, err);
    *part = (struct patch_part){.len = (uint64_t)p.len};
    if (!frame_take(in->frame, p.len, &part->bytes, err))
        return err_set(err, err->kind, "%s/len: %s", at, err->text);
    return true;
}

/* Reads 32 lowercase hex digits. */
static bool read_hash(struct slice text, uint8_t hash[PATCH_HASH_LEN], const char *at,
                      struct err *err)
{
    static const char digits[] = "0123456789abcdef";
    bool good = text.len == 2 * PATCH_HASH_LEN;

    for (size_t i = 0; i < text.len && good; i++) {
        const char *digit = memchr(digits, text.at[i], sizeof(digits) - 1);

        good = digit != NULL;
        if (good)
            hash[i / 2] = (uint8_t)(hash[i / 2] << 4 | (digit - digits));
    }
    return good || err_set(err, ERR_INVALID, "%s/hash: must be 32 lowercase hex digits", at);
}

static bool read_parts(const struct values_in *in, struct slice json, const char *at,
                       struct patch *patch, struct err *err)
{
    struct patch_part *parts, part = {{NULL, 0}, 0, 0};
    char here[PARSE_POINTER_LEN + sizeof("/parts")], deep[sizeof(here) + 24];
    struct slice *items;
    size_t n;

    snprintf(here, sizeof(here), "%s/parts", at);
    if (*json.at != '[')
        return err_set(err, ERR_INVALID, "%s: must be an array", here);
    if (!split_elements(json, in->arena, &items, &n, err))
        return false;
    if (n > PATCH_PARTS_MAX)
        return err_set(err, ERR_INVALID, "%s: must have at most %d elements", here,
                       PATCH_PARTS_MAX);
    parts = arena_alloc(in->arena, (n + 1) * sizeof(*parts));
    if (!parts)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        snprintf(deep, sizeof(deep), "%s/%zu", here, i);
        if (!read_part(in, items[i], deep, &part, err))
            return false;
        if (!patch_add(patch, parts, &part))
            return err_set(err, ERR_INVALID, "%s: the whole value is too large", deep);
    }
    return true;
}

/* Reads a value of {parts, base, hash}, which is recognized by `parts`. */
static bool read_patch(const struct values_in *in, const struct element *e, const char *at,
                       struct blob *blob, struct err *err)
{
    char of[PARSE_POINTER_LEN + sizeof("/base/version")];
    struct patch *patch = arena_zalloc(in->arena, 1, sizeof(*patch));
    struct base base = {{NULL, 0}, {NULL, 0}};
    struct slice hash = e->hash;

    if (!patch)
        return err_no_memory(err);
    if (!in->frame)
        return err_set(err, ERR_INVALID, "%s/parts: only in a frame (" FRAME_TYPE ")", at);
    if (slice_present(e->base64) || e->len != NOT_SENT)
        return err_set(err, ERR_INVALID, "%s/parts: must not be sent together with base64 or len",
                       at);
    if (!slice_present(e->base) || !slice_present(hash))
        return needed(at, slice_present(hash) ? "base" : "hash", err);
    snprintf(of, sizeof(of), "%s/base", at);
    if (!body_read_part(e->base, of, base_members, &base, in->arena, err) ||
        !read_hash(base.hash, patch->base_hash, of, err))
        return false;
    snprintf(of, sizeof(of), "%s/base/version", at);
    if (!input_version(base.version, of, err) || !read_hash(hash, patch->hash, at, err) ||
        !input_length(e->type, INPUT_TYPE_MAX, at, "type", err) ||
        !read_parts(in, e->parts, at, patch, err))
        return false;
    patch->version = base.version;
    *blob = (struct blob){.encoding = BLOB_WHOLE, .type = e->type, .patch = patch};
    return true;
}

/* Reads type and bytes of a value, or its patch. */
static bool read_value_blob(const struct values_in *in, const struct element *e, const char *at,
                            struct blob *blob, struct err *err)
{
    if (slice_present(e->parts))
        return read_patch(in, e, at, blob, err);
    if (slice_present(e->base) || slice_present(e->hash))
        return err_set(err, ERR_INVALID, "%s/%s: must be sent together with parts", at,
                       slice_present(e->base) ? "base" : "hash");
    return read_blob(in, e, at, blob, err);
}

static bool read_value(const struct values_in *in, struct slice json, const char *at,
                       struct value *value, struct err *err)
{
    struct element e = no_element;
    char version[PARSE_POINTER_LEN + sizeof("/version")];

    snprintf(version, sizeof(version), "%s/version", at);
    if (!body_read_part(json, at, value_members, &e, in->arena, err) ||
        !input_length(e.channel, INPUT_CHANNEL_MAX, at, "channel", err) ||
        !input_version(e.version, version, err) || !read_value_blob(in, &e, at, &value->blob, err))
        return false;
    value->of = (struct channel_version){e.channel, e.version};
    return true;
}

static bool list(const struct values_in *in, struct slice array, struct elements *out,
                 struct err *err)
{
    *out = (struct elements){NULL, 0};
    return !slice_present(array) || split_elements(array, in->arena, &out->items, &out->n, err);
}

static bool all_taken(const struct values_in *in, struct err *err)
{
    return !in->frame || frame_end(in->frame, err);
}

bool values_in_values(const struct values_in *in, struct slice values, struct value **out,
                      size_t *n, struct err *err)
{
    struct elements sent;
    struct value *read;

    if (!list(in, values, &sent, err))
        return false;
    read = arena_zalloc(in->arena, sent.n, sizeof(*read));
    if (!read)
        return err_no_memory(err);
    for (size_t i = 0; i < sent.n; i++) {
        char at[PARSE_POINTER_LEN];

        parse_pointer(at, "/values", i);
        if (!read_value(in, sent.items[i], at, &read[i], err))
            return false;
    }
    if (!all_taken(in, err))
        return false;
    *out = read;
    *n = sent.n;
    return true;
}

/* Reads a write of {idx?, channel, value}. */
static bool document_write(const struct element *e, const char *at, struct write *write,
                           struct err *err)
{
    if (slice_present(e->type) || slice_present(e->base64) || e->len != NOT_SENT)
        return err_set(err, ERR_INVALID,
                       "%s/value: must not be sent together with type, base64 or len", at);
    write->blob = (struct blob){.encoding = BLOB_WHOLE, .type = SLICE(""), .bytes = e->value};
    return true;
}

/* Reads a write of {idx, channel, type, base64 | len}. */
static bool channel_write(const struct values_in *in, const struct element *e, const char *at,
                          struct write *write, struct err *err)
{
    if (!in->frame && !slice_present(e->type) && !slice_present(e->base64) && e->len == NOT_SENT)
        return err_set(err, ERR_INVALID, "%s/value: either value, or type and base64, is needed",
                       at);
    if (e->idx == NO_IDX)
        return needed(at, "idx", err);
    if (!slice_present(e->type))
        return needed(at, "type", err);
    return read_blob(in, e, at, &write->blob, err);
}

/* Reads the write at position i; the first one determines the form of all. */
static bool read_write(const struct values_in *in, struct slice json, size_t i,
                       struct writes_in *out, struct err *err)
{
    struct write *write = &out->writes[i];
    struct element e = no_element;
    char at[PARSE_POINTER_LEN];
    enum form form;

    parse_pointer(at, "/writes", i);
    if (!body_read_part(json, at, write_members, &e, in->arena, err) ||
        !input_length(e.channel, INPUT_CHANNEL_MAX, at, "channel", err))
        return false;
    form = slice_present(e.value) ? FORM_DOCUMENT : FORM_CHANNEL;
    if (i > 0 && form != out->form)
        return err_set(err, ERR_INVALID,
                       "%s: must have the same form as /writes/0: value, or type and bytes", at);
    if (form == FORM_DOCUMENT ? !document_write(&e, at, write, err)
                              : !channel_write(in, &e, at, write, err))
        return false;
    out->form = form;
    write->channel = e.channel;
    write->idx = e.idx == NO_IDX ? (int64_t)i : e.idx;
    return true;
}

struct place {
    int64_t idx;
    size_t position;
};

static int by_idx(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    int order = (a->idx > b->idx) - (a->idx < b->idx);

    return order ? order : (a->position > b->position) - (a->position < b->position);
}

static bool idx_distinct(const struct writes_in *in, struct arena *arena, struct err *err)
{
    struct place *places = arena_alloc(arena, in->n * sizeof(*places));

    if (!places)
        return err_no_memory(err);
    for (size_t i = 0; i < in->n; i++)
        places[i] = (struct place){in->writes[i].idx, i};
    qsort(places, in->n, sizeof(*places), by_idx);
    for (size_t i = 1; i < in->n; i++)
        if (places[i].idx == places[i - 1].idx)
            return err_set(err, ERR_INVALID, "/writes/%zu/idx: the same as that of /writes/%zu",
                           places[i].position, places[i - 1].position);
    return true;
}

bool values_in_writes(const struct values_in *in, struct slice writes, struct writes_in *out,
                      struct err *err)
{
    struct writes_in read = {.form = in->frame ? FORM_CHANNEL : FORM_DOCUMENT};
    struct elements sent;

    if (!list(in, writes, &sent, err))
        return false;
    if (sent.n > WRITES_MAX)
        return err_set(err, ERR_INVALID, "/writes: must have at most %d elements", WRITES_MAX);
    read.n = sent.n;
    read.writes = arena_zalloc(in->arena, sent.n, sizeof(*read.writes));
    if (!read.writes)
        return err_no_memory(err);
    for (size_t i = 0; i < sent.n; i++)
        if (!read_write(in, sent.items[i], i, &read, err))
            return false;
    if (!all_taken(in, err) || !idx_distinct(&read, in->arena, err))
        return false;
    *out = read;
    return true;
}
