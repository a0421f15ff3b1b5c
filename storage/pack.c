/* pack.c - see pack.h. */
#include "pack.h"

#include <stdlib.h>

#include "delta.h"
#include "sorted.h"
#include "zip.h"

enum {
    REFS_FORMAT = 1, /* n ids of 8 bytes, little-endian */
    /* Count; of each: idx (zigzag); channel, type, bytes, each after its length. */
    WRITES_FORMAT = 1,
    NAMES_FORMAT = 1, /* of each: kind; id, ns, sub, task, each after its length; number, stamp */
    HEAD_FORMAT =
        1, /* JSON after its length; count; of each channel: name, version, place, and if it
                          is IN_HEAD type and bytes. No JSON text begins with this byte */
    WRITES_ZIPPED = 2, /* count; then the same as a frame (zip.h) with prefix delta_words */
    ZEROS_MIN = 4,     /* zeros at the front of a version */
    ZEROS_MAX = 100,
    ZIPPED_MIN = 64, /* shorter lists are not compressed */
    REF_LEN = 8,
    NUMBER_MAX = 10, /* bytes of a number: 7 bits each, low ones first, high bit = more follow */
    WRITE_MIN = 6,   /* bytes of the shortest write */
    INLINED_MIN = 3, /* bytes of the shortest channel in a head */
};

static COLD bool damaged(struct err *err)
{
    return err_set(err, ERR_DAMAGED, "a packed list is damaged");
}

bool pack_refs(const int64_t *refs, size_t n, struct arena *arena, struct slice *packed,
               struct err *err)
{
    unsigned char *out, *p;

    if (n == 0) {
        *packed = (struct slice){NULL, 0};
        return true;
    }
    out = arena_alloc(arena, 1 + n * REF_LEN);
    if (!out)
        return err_no_memory(err);
    p = out;
    *p++ = REFS_FORMAT;
    for (size_t i = 0; i < n; i++)
        for (int bit = 0; bit < 64; bit += 8)
            *p++ = (unsigned char)((uint64_t)refs[i] >> bit);
    *packed = (struct slice){(char *)out, (size_t)(p - out)};
    return true;
}

bool unpack_refs(struct slice packed, struct arena *arena, int64_t **refs, size_t *n,
                 struct err *err)
{
    const unsigned char *p = (const unsigned char *)packed.at;
    size_t count = packed.len / REF_LEN;
    int64_t *found;

    if (!slice_present(packed)) {
        *refs = NULL;
        *n = 0;
        return true;
    }
    if (packed.len % REF_LEN != 1 || *p++ != REFS_FORMAT)
        return damaged(err);
    found = arena_alloc(arena, count * sizeof(*found));
    if (!found)
        return err_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        uint64_t ref = 0;

        for (int bit = 0; bit < 64; bit += 8)
            ref |= (uint64_t)*p++ << bit;
        found[i] = (int64_t)ref;
    }
    *refs = found;
    *n = count;
    return true;
}

static char *put_number(char *out, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        *out++ = (char)(n | 0x80);
    *out++ = (char)n;
    return out;
}

static char *put_slice(char *out, struct slice s)
{
    out = put_number(out, s.len);
    if (s.len)
        memcpy(out, s.at, s.len);
    return out + s.len;
}

static uint64_t zigzag(int64_t n)
{
    return (uint64_t)n << 1 ^ (n < 0 ? ~UINT64_C(0) : 0);
}

static int64_t unzigzag(uint64_t n)
{
    return (int64_t)(n >> 1 ^ (n & 1 ? ~UINT64_C(0) : 0));
}

/* "000...3.01" becomes NUL, the number of zeros, 3.01. No JSON text begins with NUL. */
struct slice pack_version(struct slice version, char room[PACKED_VERSION_MAX])
{
    size_t zeros = 0, rest;

    if (version.len < ZEROS_MIN + 2 || version.len > PACKED_VERSION_MAX || *version.at != '"')
        return version;
    while (zeros < ZEROS_MAX && version.at[1 + zeros] == '0')
        zeros++;
    if (zeros < ZEROS_MIN)
        return version;
    rest = version.len - zeros - 2;
    room[0] = '\0';
    room[1] = (char)zeros;
    memcpy(room + 2, version.at + 1 + zeros, rest);
    return (struct slice){room, 2 + rest};
}

bool unpack_version(struct slice packed, struct arena *arena, struct slice *version,
                    struct err *err)
{
    size_t zeros, rest;
    char *at;

    if (!slice_present(packed)) {
        *version = packed;
        return true;
    }
    if (packed.len < 2 || *packed.at != '\0') {
        *version = arena_copy(arena, packed);
        return slice_present(*version) || err_no_memory(err);
    }
    zeros = (unsigned char)packed.at[1];
    rest = packed.len - 2;
    at = arena_alloc(arena, zeros + rest + 2);
    if (!at)
        return err_no_memory(err);
    *version = (struct slice){at, zeros + rest + 2};
    *at++ = '"';
    memset(at, '0', zeros);
    memcpy(at + zeros, packed.at + 2, rest);
    at[zeros + rest] = '"';
    return true;
}

/* Compresses what follows the count, at `items`, if that makes it shorter. */
static bool zip_writes(char *out, char *items, size_t len, struct arena *arena,
                       struct slice *packed, struct err *err)
{
    size_t head = (size_t)(items - out);
    struct slice zipped;

    *packed = (struct slice){out, head + len};
    if (len < ZIPPED_MIN)
        return true;
    if (!zip_pack(delta_words, (struct slice){items, len}, arena, &zipped, err))
        return false;
    if (zipped.len >= len)
        return true;
    out[0] = WRITES_ZIPPED;
    memcpy(items, zipped.at, zipped.len);
    packed->len = head + zipped.len;
    return true;
}

bool pack_writes(const struct write *writes, size_t n, struct arena *arena, struct slice *packed,
                 struct err *err)
{
    size_t most = 1 + NUMBER_MAX;
    char *out, *p, *items;

    if (n > TASK_WRITES_MAX)
        return err_set(err, ERR_INVALID, "a task can have at most %d writes", TASK_WRITES_MAX);
    for (size_t i = 0; i < n; i++)
        most += 4 * NUMBER_MAX + writes[i].channel.len + writes[i].blob.type.len +
                writes[i].blob.bytes.len;
    out = arena_alloc(arena, most);
    if (!out)
        return err_no_memory(err);
    p = out;
    *p++ = WRITES_FORMAT;
    items = p = put_number(p, n);
    for (size_t i = 0; i < n; i++) {
        p = put_number(p, zigzag(writes[i].idx));
        p = put_slice(p, writes[i].channel);
        p = put_slice(p, writes[i].blob.type);
        p = put_slice(p, writes[i].blob.bytes);
    }
    return zip_writes(out, items, (size_t)(p - items), arena, packed, err);
}

static bool take_number(struct slice *in, uint64_t *n)
{
    uint64_t value = 0;
    unsigned char byte;

    for (unsigned bit = 0; bit < 64; bit += 7) {
        if (in->len == 0)
            return false;
        byte = (unsigned char)*in->at++;
        in->len--;
        value |= (uint64_t)(byte & 0x7F) << bit;
        if (byte < 0x80) {
            *n = value;
            return bit < 63 || byte <= 1;
        }
    }
    return false;
}

static bool take_slice(struct slice *in, struct slice *out)
{
    uint64_t len;

    if (!take_number(in, &len) || len > in->len)
        return false;
    *out = (struct slice){in->at, (size_t)len};
    in->at += len;
    in->len -= (size_t)len;
    return true;
}

static bool take_count(struct slice *in, int *format, uint64_t *count, struct err *err)
{
    *format = in->len ? *in->at : 0;
    if (*format != WRITES_FORMAT && *format != WRITES_ZIPPED)
        return damaged(err);
    in->at++;
    in->len--;
    if (!take_number(in, count) || *count > TASK_WRITES_MAX)
        return damaged(err);
    return true;
}

/* Takes format and count, which the number of bytes bounds. */
static bool take_head(struct slice *in, int *format, size_t *n, struct err *err)
{
    uint64_t count, len;

    if (!take_count(in, format, &count, err))
        return false;
    len = in->len;
    if (*format == WRITES_ZIPPED && !zip_size(*in, &len, err))
        return false;
    if (len > DELTA_MAX || count > len / WRITE_MIN)
        return damaged(err);
    *n = (size_t)count;
    return true;
}

bool unpack_count(struct slice packed, size_t *n, struct err *err)
{
    uint64_t count;
    int format;

    if (!take_count(&packed, &format, &count, err))
        return false;
    *n = (size_t)count;
    return true;
}

static bool unzip(struct slice *packed, struct arena *arena, struct err *err)
{
    uint64_t len;
    char *at;

    if (!zip_size(*packed, &len, err))
        return false;
    at = arena_alloc(arena, len + 1);
    if (!at)
        return err_no_memory(err);
    if (!zip_unpack(delta_words, *packed, arena, at, err))
        return false;
    *packed = (struct slice){at, len};
    return true;
}

/* A write has a channel, and a type or, if it is JSON, bytes. */
static bool take_write(struct slice *in, struct write *out)
{
    uint64_t idx;

    if (!take_number(in, &idx) || !take_slice(in, &out->channel) ||
        !take_slice(in, &out->blob.type) || !take_slice(in, &out->blob.bytes))
        return false;
    out->idx = unzigzag(idx);
    return out->channel.len > 0 && out->blob.type.len + out->blob.bytes.len > 0;
}

bool unpack_writes(struct slice packed, struct arena *arena, struct write **writes, size_t *n,
                   struct err *err)
{
    struct write *found;
    size_t count = 0;
    int format;

    if (!take_head(&packed, &format, &count, err) ||
        (format == WRITES_ZIPPED && !unzip(&packed, arena, err)))
        return false;
    found = arena_zalloc(arena, count, sizeof(*found));
    if (!found)
        return err_no_memory(err);
    for (size_t i = 0; i < count; i++)
        if (!take_write(&packed, &found[i]))
            return damaged(err);
    if (packed.len > 0)
        return damaged(err);
    *writes = found;
    *n = count;
    return true;
}

/* Writes length + 1 and the text, or 0 if it is absent: absent and empty texts differ. */
static char *put_optional(char *out, struct slice s)
{
    if (!slice_present(s))
        return put_number(out, 0);
    out = put_number(out, s.len + 1);
    memcpy(out, s.at, s.len);
    return out + s.len;
}

static bool take_optional(struct slice *in, struct slice *out)
{
    uint64_t len;

    *out = (struct slice){NULL, 0};
    if (!take_number(in, &len) || len > (uint64_t)in->len + 1)
        return false;
    if (len == 0)
        return true;
    *out = (struct slice){in->at, (size_t)len - 1};
    in->at += out->len;
    in->len -= out->len;
    return true;
}

bool pack_head(const struct packed_head *head, struct arena *arena, struct slice *packed,
               struct err *err)
{
    size_t most = 1 + 2 * NUMBER_MAX + head->json.len;
    char *out, *p;

    *packed = head->json;
    if (!head->listed)
        return true;
    for (size_t i = 0; i < head->n; i++)
        most += 4 * NUMBER_MAX + 1 + head->items[i].of.channel.len + head->items[i].of.version.len +
                head->items[i].type.len + head->items[i].bytes.len;
    out = arena_alloc(arena, most);
    if (!out)
        return err_no_memory(err);
    p = out;
    *p++ = HEAD_FORMAT;
    p = put_slice(p, head->json);
    p = put_number(p, head->n);
    for (size_t i = 0; i < head->n; i++) {
        const struct inlined *in = &head->items[i];

        p = put_slice(p, in->of.channel);
        p = put_slice(p, in->of.version);
        *p++ = (char)in->place;
        if (in->place != IN_HEAD)
            continue;
        p = put_slice(p, in->type);
        p = put_slice(p, in->bytes);
    }
    *packed = (struct slice){out, (size_t)(p - out)};
    return true;
}

static bool take_inlined(struct slice *in, struct inlined *out)
{
    uint64_t place;

    if (!take_slice(in, &out->of.channel) || !take_slice(in, &out->of.version) ||
        !take_number(in, &place) || place > NOWHERE)
        return false;
    out->place = (enum value_place)place;
    return place != IN_HEAD || (take_slice(in, &out->type) && take_slice(in, &out->bytes));
}

bool unpack_head(struct slice packed, struct arena *arena, struct packed_head *head,
                 struct err *err)
{
    uint64_t n;

    *head = (struct packed_head){.json = packed};
    if (packed.len == 0 || *packed.at != HEAD_FORMAT)
        return true;
    packed.at++;
    packed.len--;
    if (!take_slice(&packed, &head->json) || !take_number(&packed, &n) ||
        n > packed.len / INLINED_MIN)
        return damaged(err);
    head->listed = true;
    head->n = (size_t)n;
    head->items = arena_zalloc(arena, head->n, sizeof(*head->items));
    if (!head->items)
        return err_no_memory(err);
    for (size_t i = 0; i < head->n; i++)
        if (!take_inlined(&packed, &head->items[i]))
            return damaged(err);
    return packed.len == 0 || damaged(err);
}

static int by_name(const void *of, const void *item)
{
    return wanted_order(of, &((const struct inlined *)item)->of);
}

const struct inlined *head_find(const struct packed_head *head, const struct channel_version *of)
{
    return head->n ? bsearch(of, head->items, head->n, sizeof(*head->items), by_name) : NULL;
}

bool pack_names(const struct record_name *names, size_t n, struct arena *arena,
                struct slice *packed, struct err *err)
{
    size_t most = 1;
    char *out, *p;

    for (size_t i = 0; i < n; i++)
        most += 7 * NUMBER_MAX + names[i].key.id.len + names[i].key.ns.len + names[i].key.sub.len +
                names[i].key.task.len;
    out = arena_alloc(arena, most);
    if (!out)
        return err_no_memory(err);
    p = out;
    *p++ = NAMES_FORMAT;
    for (size_t i = 0; i < n; i++) {
        p = put_number(p, (uint64_t)names[i].kind);
        p = put_optional(p, names[i].key.id);
        p = put_optional(p, names[i].key.ns);
        p = put_optional(p, names[i].key.sub);
        p = put_optional(p, names[i].key.task);
        p = put_number(p, zigzag(names[i].key.number));
        p = put_number(p, zigzag(names[i].key.stamp));
    }
    *packed = (struct slice){out, (size_t)(p - out)};
    return true;
}

static bool take_name(struct slice *in, struct record_name *name)
{
    uint64_t kind, number, stamp;

    if (!take_number(in, &kind) || kind > RECORD_CONTENTS || !take_optional(in, &name->key.id) ||
        !take_optional(in, &name->key.ns) || !take_optional(in, &name->key.sub) ||
        !take_optional(in, &name->key.task) || !take_number(in, &number) ||
        !take_number(in, &stamp))
        return false;
    name->kind = (enum record_kind)kind;
    name->key.number = unzigzag(number);
    name->key.stamp = unzigzag(stamp);
    return true;
}

bool unpack_names(struct slice packed, struct arena *arena, struct record_name **names, size_t *n,
                  struct err *err)
{
    size_t cap = 0;

    *names = NULL;
    *n = 0;
    if (packed.len == 0 || *packed.at != NAMES_FORMAT)
        return damaged(err);
    packed.at++;
    packed.len--;
    for (; packed.len > 0; ++*n) {
        struct record_name *grown = arena_grow(arena, *names, *n, sizeof(*grown), &cap);

        if (!grown)
            return err_no_memory(err);
        *names = grown;
        if (!take_name(&packed, &grown[*n]))
            return damaged(err);
    }
    return true;
}
