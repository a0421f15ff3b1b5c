/* cursor.c - see cursor.h. */
#include "cursor.h"

#include "base64.h"
#include "id.h"
#include "text.h"

enum { LENGTH_BYTES = 5 }; /* the longest length field: 7 bits per byte */

/* Writes the length of a part plus one, or 0 for an absent one, low bits first. */
static void put_length(struct text *t, struct slice part)
{
    uint64_t rest = slice_present(part) ? (uint64_t)part.len + 1 : 0;

    do {
        char byte = (char)((rest & 0x7F) | (rest > 0x7F ? 0x80 : 0));

        text_put(t, (struct slice){&byte, 1});
        rest >>= 7;
    } while (rest > 0);
}

struct slice cursor_encode(char tag, const struct slice *parts, size_t n, struct arena *arena)
{
    struct text t;

    text_init(&t, arena);
    text_put(&t, (struct slice){&tag, 1});
    for (size_t i = 0; i < n; i++) {
        put_length(&t, parts[i]);
        text_put(&t, parts[i]);
    }
    if (t.failed)
        return (struct slice){NULL, 0};
    return base64_encode_url(text_slice(&t), arena);
}

static bool take_part(struct slice *bytes, struct slice *part)
{
    uint64_t length = 0;
    unsigned char byte;
    int i = 0;

    do {
        if (bytes->len == 0 || i == LENGTH_BYTES)
            return false;
        byte = (unsigned char)*bytes->at;
        length |= (uint64_t)(byte & 0x7F) << 7 * i++;
        *bytes = (struct slice){bytes->at + 1, bytes->len - 1};
    } while (byte & 0x80);
    *part = (struct slice){NULL, 0};
    if (length == 0)
        return true;
    if (length - 1 > bytes->len)
        return false;
    *part = (struct slice){bytes->at, length - 1};
    *bytes = (struct slice){bytes->at + part->len, bytes->len - part->len};
    return true;
}

static bool wrong(struct err *err)
{
    return err_set(err, ERR_INVALID, CURSOR_REFUSED);
}

bool cursor_decode(struct slice text, char tag, struct slice *parts, size_t n, struct arena *arena,
                   struct err *err)
{
    struct slice bytes, *found = arena_zalloc(arena, n, sizeof(*found));

    if (!found)
        return err_no_memory(err);
    if (!base64_decode(text, BASE64_URL, arena, &bytes) || bytes.len == 0 || *bytes.at != tag)
        return wrong(err);
    bytes = (struct slice){bytes.at + 1, bytes.len - 1};
    for (size_t i = 0; i < n; i++)
        if (!take_part(&bytes, &found[i]))
            return wrong(err);
    if (bytes.len > 0)
        return wrong(err);
    for (size_t i = 0; i < n; i++)
        parts[i] = found[i];
    return true;
}

struct slice cursor_owner(const struct slice *of, size_t n, char out[CURSOR_OWNER_LEN])
{
    struct slice parts[CURSOR_OF_MAX + 1];
    uint8_t hash[ID_HASH_LEN];
    char given[CURSOR_OF_MAX];

    for (size_t i = 0; i < n; i++) {
        parts[i] = slice_present(of[i]) ? of[i] : SLICE("");
        given[i] = slice_present(of[i]) ? '1' : '0';
    }
    parts[n] = (struct slice){given, n};
    id_hash(parts, n + 1, hash);
    memcpy(out, hash, CURSOR_OWNER_LEN);
    return (struct slice){out, CURSOR_OWNER_LEN};
}

struct slice cursor_int(int64_t n, struct arena *arena)
{
    return arena_printf(arena, "%lld", (long long)n);
}

bool cursor_to_int(struct slice part, int64_t *n, struct err *err)
{
    bool negative = part.len > 0 && *part.at == '-';
    int64_t value = 0;

    if (part.len == (negative ? 1 : 0))
        return wrong(err);
    for (size_t i = negative; i < part.len; i++) {
        int digit = part.at[i] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return wrong(err);
    }
    *n = value;
    return true;
}
