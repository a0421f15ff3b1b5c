/* delta.c - see delta.h. */
#include "delta.h"

#include "zip.h"

enum {
    TAIL = 8192,     /* bytes at the end of a base that serve as the prefix of what follows */
    TINY = 64,       /* shorter values are stored as they are */
    LONG = 8192,     /* from this length on a change in one place is looked for */
    STEP = 64,       /* bytes compared at once */
    VARINT_MAX = 10, /* bytes */
    PART_MAX = 2 * VARINT_MAX,
};

/* Where the next byte is written, or read. */
struct cursor {
    char *at;
};

struct reader {
    const char *at, *end;
};

static COLD bool damaged(struct err *err)
{
    return err_set(err, ERR_DAMAGED, "a stored value is damaged");
}

static void put_number(struct cursor *c, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        *c->at++ = (char)(n | 0x80);
    *c->at++ = (char)n;
}

static bool take_number(struct reader *r, uint64_t *n)
{
    uint64_t read = 0;

    for (unsigned shift = 0; r->at < r->end && shift < 64; shift += 7) {
        unsigned char byte = (unsigned char)*r->at++;

        read |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *n = read;
            return true;
        }
    }
    return false;
}

static struct slice rest_of(const struct reader *r)
{
    return (struct slice){r->at, (size_t)(r->end - r->at)};
}

static struct slice tail_of(struct slice base)
{
    size_t skip = base.len > TAIL ? base.len - TAIL : 0;

    return skip ? (struct slice){base.at + skip, TAIL} : base;
}

/* Encodes as the place, then a frame. */
static bool encode_frame(const struct delta_input *in, struct arena *arena, struct delta *out,
                         struct err *err)
{
    struct slice packed;
    struct cursor c;

    if (!zip_pack(in->base, in->whole, arena, &packed, err))
        return false;
    c.at = arena_alloc(arena, VARINT_MAX + packed.len);
    if (!c.at)
        return err_no_memory(err);
    out->bytes.at = c.at;
    put_number(&c, in->place);
    memcpy(c.at, packed.at, packed.len);
    out->bytes.len = (size_t)(c.at - out->bytes.at) + packed.len;
    out->encoding = BLOB_DELTA;
    return true;
}

/* Joins what the patch inserts. */
static bool inserted(const struct patch *patch, struct arena *arena, struct slice *out,
                     struct err *err)
{
    size_t len = 0;
    char *at;

    for (size_t i = 0; i < patch->n; i++)
        len += patch->parts[i].bytes.len;
    at = arena_alloc(arena, len + 1);
    if (!at)
        return err_no_memory(err);
    *out = (struct slice){at, 0};
    for (size_t i = 0; i < patch->n; i++) {
        struct slice bytes = patch->parts[i].bytes;

        if (bytes.len)
            memcpy(at + out->len, bytes.at, bytes.len);
        out->len += bytes.len;
    }
    return true;
}

/*
 * Encodes as the place, the number of parts, then of each part: length * 2, + 1 if it is new; if it is a copy,
 * also the distance of its offset from the end of the previous copy (zigzag). Then come the new bytes: a
 * frame whose prefix is the end of the base, or the bytes themselves if that is not longer (recognized by
 * their length).
 */
static bool encode_patch(const struct delta_input *in, struct arena *arena, struct delta *out,
                         struct err *err)
{
    const struct patch *patch = in->patch;
    struct slice fresh, packed;
    uint64_t expected = 0;
    struct cursor c;

    if (!inserted(patch, arena, &fresh, err))
        return false;
    packed = fresh;
    if (fresh.len >= TINY && !zip_pack(tail_of(in->base), fresh, arena, &packed, err))
        return false;
    if (packed.len >= fresh.len)
        packed = fresh;
    c.at = arena_alloc(arena, 2 * VARINT_MAX + patch->n * PART_MAX + packed.len);
    if (!c.at)
        return err_no_memory(err);
    out->bytes.at = c.at;
    put_number(&c, in->place);
    put_number(&c, patch->n);
    for (size_t i = 0; i < patch->n; i++) {
        const struct patch_part *part = &patch->parts[i];
        bool is_new = slice_present(part->bytes);
        uint64_t behind = part->offset - expected;

        put_number(&c, part->len << 1 | is_new);
        if (is_new)
            continue;
        put_number(&c, behind << 1 ^ (behind >> 63 ? UINT64_MAX : 0));
        expected = part->offset + part->len;
    }
    if (packed.len)
        memcpy(c.at, packed.at, packed.len);
    out->bytes.len = (size_t)(c.at - out->bytes.at) + packed.len;
    out->encoding = BLOB_PATCH;
    return true;
}

static bool encode_alone(struct slice whole, struct arena *arena, struct delta *out,
                         struct err *err)
{
    *out = (struct delta){BLOB_WHOLE, whole};
    if (whole.len < TINY)
        return true;
    if (!zip_pack(delta_words, whole, arena, &out->bytes, err))
        return false;
    out->encoding = BLOB_ZIPPED;
    if (out->bytes.len >= whole.len)
        *out = (struct delta){BLOB_WHOLE, whole};
    return true;
}

/* How many bytes two texts share at the front or at the end; at most `most`. */
static size_t common(struct slice a, struct slice b, bool front, size_t most)
{
    size_t n = 0;

    for (size_t step = STEP; step > 0; step /= STEP)
        while (most - n >= step && memcmp(a.at + (front ? n : a.len - n - step),
                                          b.at + (front ? n : b.len - n - step), step) == 0)
            n += step;
    return n;
}

/* Finds a change in one place of a long text, at the speed of memcmp; room is for three parts. */
static bool find_patch(const struct delta_input *in, struct patch *patch, struct patch_part *room)
{
    struct slice whole = in->whole, base = in->base;
    size_t shorter = whole.len < base.len ? whole.len : base.len, head, tail;
    struct patch_part parts[3];

    if (whole.len < LONG)
        return false;
    head = common(whole, base, true, shorter);
    tail = common(whole, base, false, shorter - head);
    if (whole.len - head - tail > whole.len / 8)
        return false;
    parts[0] = (struct patch_part){.len = head};
    parts[1] = (struct patch_part){.bytes = {whole.at + head, whole.len - head - tail},
                                   .len = whole.len - head - tail};
    parts[2] = (struct patch_part){.offset = base.len - tail, .len = tail};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (parts[i].len > 0 && !patch_add(patch, room, &parts[i]))
            return false;
    return true;
}

static bool encode_based(const struct delta_input *in, struct arena *arena, struct delta *out,
                         struct err *err)
{
    struct delta_input found = *in;
    struct patch_part room[3];
    struct patch patch = {.n = 0};

    if (!in->patch && find_patch(in, &patch, room))
        found.patch = &patch;
    return found.patch ? encode_patch(&found, arena, out, err) : encode_frame(in, arena, out, err);
}

bool delta_encode(const struct delta_input *in, struct arena *arena, struct delta *out,
                  struct err *err)
{
    struct delta based, alone;

    if (!slice_present(in->base) || in->whole.len < TINY)
        return encode_alone(in->whole, arena, out, err);
    if (!encode_based(in, arena, &based, err))
        return false;
    *out = based;
    if (based.bytes.len < in->whole.len / 4)
        return true;
    if (!encode_alone(in->whole, arena, &alone, err))
        return false;
    if (alone.bytes.len <= based.bytes.len + based.bytes.len / 8) /* a chain has its costs, too */
        *out = alone;
    return true;
}

bool delta_has_base(int encoding)
{
    return encoding == BLOB_DELTA || encoding == BLOB_PATCH;
}

bool delta_place(int encoding, struct slice bytes, uint32_t *place, struct err *err)
{
    struct reader r = {bytes.at, bytes.at + bytes.len};
    uint64_t n = 0;

    if (delta_has_base(encoding) && (!take_number(&r, &n) || n == 0 || n >= DELTA_CHAIN))
        return damaged(err);
    *place = (uint32_t)n;
    return true;
}

static bool decode_zip(struct slice prefix, struct slice packed, struct arena *arena,
                       struct slice *whole, struct err *err)
{
    uint64_t len;
    char *at;

    if (!zip_size(packed, &len, err))
        return false;
    if (len > DELTA_MAX)
        return damaged(err);
    at = arena_alloc(arena, len + 1);
    if (!at)
        return err_no_memory(err);
    *whole = (struct slice){at, len};
    return zip_unpack(prefix, packed, arena, at, err);
}

/* A patch that is being read. */
struct unpacked {
    struct patch patch;
    struct patch_part *parts;
    uint64_t n_new; /* new bytes */
};

static bool read_part(struct reader *r, struct unpacked *u, uint64_t *expected, struct err *err)
{
    struct patch_part part = {{NULL, 0}, 0, 0};
    uint64_t len, behind;

    if (!take_number(r, &len))
        return damaged(err);
    part.len = len >> 1;
    if (len & 1) {
        part.bytes = (struct slice){"", part.len}; /* its position is known only later */
        u->n_new += part.len;
    } else {
        if (!take_number(r, &behind))
            return damaged(err);
        part.offset = *expected + (behind >> 1 ^ (behind & 1 ? UINT64_MAX : 0));
        *expected = part.offset + part.len;
    }
    return (patch_add(&u->patch, u->parts, &part) && u->patch.len <= DELTA_MAX) || damaged(err);
}

static bool read_parts(struct reader *r, struct slice base, struct arena *arena, struct unpacked *u,
                       struct err *err)
{
    uint64_t expected = 0, n;

    if (!take_number(r, &n) || n > PATCH_PARTS_MAX)
        return damaged(err);
    u->parts = arena_alloc(arena, (n + 1) * sizeof(*u->parts));
    if (!u->parts)
        return err_no_memory(err);
    for (uint64_t i = 0; i < n; i++)
        if (!read_part(r, u, &expected, err))
            return false;
    return patch_beyond(&u->patch, base.len) == u->patch.n || damaged(err);
}

static bool decode_patch(struct slice bytes, struct slice base, struct arena *arena,
                         struct slice *whole, struct err *err)
{
    struct reader r = {bytes.at, bytes.at + bytes.len};
    struct unpacked u = {0};
    struct slice fresh;
    uint64_t place;
    char *at;

    if (!take_number(&r, &place))
        return damaged(err);
    if (!read_parts(&r, base, arena, &u, err))
        return false;
    fresh = rest_of(&r);
    if (fresh.len != u.n_new && !decode_zip(tail_of(base), fresh, arena, &fresh, err))
        return false;
    if (fresh.len != u.n_new)
        return damaged(err);
    at = arena_alloc(arena, u.patch.len + 1);
    if (!at)
        return err_no_memory(err);
    for (size_t i = 0; i < u.patch.n; i++) {
        if (!slice_present(u.parts[i].bytes))
            continue;
        u.parts[i].bytes.at = fresh.at;
        fresh.at += u.parts[i].len;
    }
    patch_apply(&u.patch, base, at);
    *whole = (struct slice){at, u.patch.len};
    return true;
}

static bool decode_frame(struct slice bytes, struct slice base, struct arena *arena,
                         struct slice *whole, struct err *err)
{
    struct reader r = {bytes.at, bytes.at + bytes.len};
    uint64_t place;

    if (!take_number(&r, &place))
        return damaged(err);
    return decode_zip(base, rest_of(&r), arena, whole, err);
}

bool delta_decode(const struct delta *in, struct slice base, struct arena *arena,
                  struct slice *whole, struct err *err)
{
    if (slice_present(base) != delta_has_base(in->encoding))
        return damaged(err);
    switch (in->encoding) {
    case BLOB_WHOLE:
        *whole = in->bytes;
        return true;
    case BLOB_ZIPPED:
        return decode_zip(delta_words, in->bytes, arena, whole, err);
    case BLOB_DELTA:
        return decode_frame(in->bytes, base, arena, whole, err);
    case BLOB_PATCH:
        return decode_patch(in->bytes, base, arena, whole, err);
    }
    return err_set(err, ERR_DAMAGED, "the encoding %d of a stored value is unknown",
                   (int)in->encoding);
}
