/* id.c - see id.h. */
#include "id.h"

/* EVP may fail for want of memory; these functions allocate nothing and cannot. They are deprecated in
 * OpenSSL 3, but still there. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <assert.h>
#include <errno.h>
#include <openssl/sha.h>
#include <stdatomic.h>
#include <sys/random.h>

#include "base64.h"
#include "clock.h"
#include "scan.h"

bool id_is_utf8(struct slice s)
{
    for (size_t i = 0, len; i < s.len; i += len) {
        len = (unsigned char)s.at[i] < 0x80 ? 1 : scan_utf8(s.at + i, s.at + s.len);
        if (len == 0)
            return false;
    }
    return true;
}

static bool has_control(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];

        if (c < 0x20 || c == 0x7F)
            return true;
        if (c == 0xC2 && i + 1 < s.len && (unsigned char)s.at[i + 1] < 0xA0)
            return true;
    }
    return false;
}

static bool check(struct slice text, size_t max, struct err *err)
{
    if (text.len > max)
        return err_set(err, ERR_INVALID, "must be at most %zu bytes long", max);
    if (!id_is_utf8(text))
        return err_set(err, ERR_INVALID, "must be UTF-8");
    if (has_control(text))
        return err_set(err, ERR_INVALID, "must not contain control characters");
    return true;
}

bool id_check(struct slice id, struct err *err)
{
    if (id.len == 0)
        return err_set(err, ERR_INVALID, "must not be empty");
    return check(id, ID_MAX, err);
}

bool id_check_ns(struct slice ns, struct err *err)
{
    return check(ns, ID_NS_MAX, err);
}

bool id_percent_decode(struct slice raw, bool plus_is_space, struct arena *arena, struct slice *out,
                       struct err *err)
{
    char *decoded = arena_alloc(arena, raw.len + 1);
    size_t n = 0;

    if (!decoded)
        return err_no_memory(err);
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.at[i];

        if (c == '%') {
            int high = i + 2 < raw.len ? scan_hex(raw.at[i + 1]) : -1;
            int low = i + 2 < raw.len ? scan_hex(raw.at[i + 2]) : -1;

            if (high < 0 || low < 0)
                return err_set(err, ERR_INVALID,
                               "has a %% without two hexadecimal digits behind it, at byte %zu", i);
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        decoded[n++] = c;
    }
    decoded[n] = '\0';
    *out = (struct slice){decoded, n};
    return true;
}

bool id_from_segment(struct slice segment, struct arena *arena, struct slice *id, struct err *err)
{
    struct slice decoded;

    if (slice_starts(segment, SLICE("~"))) {
        segment = (struct slice){segment.at + 1, segment.len - 1};
        if (!base64_decode(segment, BASE64_URL, arena, &decoded))
            return err_set(err, ERR_INVALID, "must be base64url after '~'");
    } else if (!id_percent_decode(segment, false, arena, &decoded, err)) {
        return false;
    }
    if (!id_check(decoded, err))
        return false;
    *id = decoded;
    return true;
}

/* Whether the id can stand in a path unchanged, whatever proxies do to paths. */
static bool is_plain(struct slice id)
{
    if (id.len == 0 || slice_equal(id, SLICE(".")) || slice_equal(id, SLICE("..")))
        return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.at[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
            c != '_' && c != '.' && c != ':' && c != '-')
            return false;
    }
    return true;
}

struct slice id_to_segment(struct slice id, struct arena *arena)
{
    struct slice encoded;

    if (is_plain(id))
        return arena_copy(arena, id);
    encoded = base64_encode_url(id, arena);
    return encoded.at ? arena_printf(arena, "~%s", encoded.at) : encoded;
}

static void write_uuid(const uint8_t bytes[16], char out[ID_UUID_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 0xF];
    }
    *out = '\0';
}

static void set_version(uint8_t bytes[16], int version)
{
    bytes[6] = (uint8_t)(version << 4 | (bytes[6] & 0x0F));
    bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3F));
}

/* Each thread fetches 256 random bytes at a time, which the kernel gives without interruption. */
static void take_random(uint8_t *out, size_t size)
{
    static _Thread_local uint8_t pool[256];
    static _Thread_local size_t left;

    if (left < size) {
        ssize_t n;

        do
            n = getrandom(pool, sizeof(pool), 0);
        while (n < 0 && errno == EINTR);
        assert(n == (ssize_t)sizeof(pool));
        left = sizeof(pool);
    }
    left -= size;
    memcpy(out, pool + left, size);
}

/* Milliseconds << 12 | 4096ths of one; never the same value twice (RFC 9562, section 6.2, method 3). */
static uint64_t next_tick(void)
{
    static _Atomic uint64_t last_tick;
    uint64_t us = (uint64_t)clock_now_us(), last = atomic_load(&last_tick), tick;

    do {
        tick = us / 1000 << 12 | (us % 1000 << 12) / 1000;
        if (tick <= last)
            tick = last + 1;
    } while (!atomic_compare_exchange_weak(&last_tick, &last, tick));
    return tick;
}

void id_uuid7(char out[ID_UUID_LEN + 1])
{
    uint64_t tick = next_tick(), ms = tick >> 12;
    uint8_t bytes[16];

    for (int i = 0; i < 6; i++)
        bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    bytes[6] = tick >> 8 & 0x0F;
    bytes[7] = tick & 0xFF;
    take_random(bytes + 8, 8);
    set_version(bytes, 7);
    write_uuid(bytes, out);
}

void id_uuid8(struct slice tenant, struct slice key, char out[ID_UUID_LEN + 1])
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256_CTX sha;

    SHA256_Init(&sha);
    SHA256_Update(&sha, tenant.at, tenant.len);
    SHA256_Update(&sha, "", 1);
    SHA256_Update(&sha, key.at, key.len);
    SHA256_Final(digest, &sha);
    set_version(digest, 8);
    write_uuid(digest, out);
}

void id_hash(const struct slice *parts, size_t n, uint8_t out[ID_HASH_LEN])
{
    uint8_t digest[SHA256_DIGEST_LENGTH], length[8];
    SHA256_CTX sha;

    SHA256_Init(&sha);
    for (size_t i = 0; i < n; i++) {
        for (int j = 0; j < 8; j++)
            length[j] = (uint8_t)((uint64_t)parts[i].len >> 8 * j);
        SHA256_Update(&sha, length, sizeof(length));
        SHA256_Update(&sha, parts[i].at, parts[i].len);
    }
    SHA256_Final(digest, &sha);
    memcpy(out, digest, ID_HASH_LEN);
}
