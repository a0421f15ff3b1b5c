/* pack.c - see pack.h. */
#include "pack.h"

enum {
    REFS_FORMAT = 1,   /* n ids of 8 bytes, little-endian */
    WRITES_FORMAT = 1, /* count; of each: idx (zigzag); channel, type, bytes after their length */
    REF_LEN = 8,
    NUMBER_MAX = 10, /* bytes of a number: 7 bits in each, low ones first, high bit = goes on */
    WRITE_MIN = 4,   /* bytes of the shortest write */
};

static COLD bool damaged(struct err *err)
{
    return err_set(err, ERR_STORAGE, "a packed list is damaged");
}

static COLD bool no_memory(struct err *err)
{
    return err_set(err, ERR_NO_MEMORY, "out of memory");
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
        return no_memory(err);
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
        return no_memory(err);
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

bool pack_writes(const struct write *writes, size_t n, struct arena *arena, struct slice *packed,
                 struct err *err)
{
    size_t most = 1 + NUMBER_MAX;
    char *out, *p;

    for (size_t i = 0; i < n; i++)
        most += 4 * NUMBER_MAX + writes[i].channel.len + writes[i].blob.type.len +
                writes[i].blob.bytes.len;
    out = arena_alloc(arena, most);
    if (!out)
        return no_memory(err);
    p = out;
    *p++ = WRITES_FORMAT;
    p = put_number(p, n);
    for (size_t i = 0; i < n; i++) {
        p = put_number(p, zigzag(writes[i].idx));
        p = put_slice(p, writes[i].channel);
        p = put_slice(p, writes[i].blob.type);
        p = put_slice(p, writes[i].blob.bytes);
    }
    *packed = (struct slice){out, (size_t)(p - out)};
    return true;
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

/* The count is bounded by the bytes that are there, before memory is taken for it. */
static bool take_count(struct slice *in, size_t *n)
{
    uint64_t count;

    if (in->len == 0 || *in->at != WRITES_FORMAT)
        return false;
    in->at++;
    in->len--;
    if (!take_number(in, &count) || count > in->len / WRITE_MIN)
        return false;
    *n = (size_t)count;
    return true;
}

bool unpack_count(struct slice packed, size_t *n, struct err *err)
{
    return take_count(&packed, n) || damaged(err);
}

bool unpack_writes(struct slice packed, struct arena *arena, struct write **writes, size_t *n,
                   struct err *err)
{
    struct write *found;
    uint64_t idx;
    size_t count;

    if (!take_count(&packed, &count))
        return damaged(err);
    found = arena_zalloc(arena, count, sizeof(*found));
    if (!found)
        return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        if (!take_number(&packed, &idx) || !take_slice(&packed, &found[i].channel) ||
            !take_slice(&packed, &found[i].blob.type) || !take_slice(&packed, &found[i].blob.bytes))
            return damaged(err);
        found[i].idx = unzigzag(idx);
    }
    if (packed.len > 0)
        return damaged(err);
    *writes = found;
    *n = count;
    return true;
}
