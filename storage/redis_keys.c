/* redis_keys.c - see redis_keys.h. */
#include "redis_keys.h"

#include <stdio.h>
#include <xxhash.h>

#include "text.h"

unsigned redis_bucket(struct slice tenant, struct slice id)
{
    XXH64_hash_t seed = XXH3_64bits(tenant.at, tenant.len);

    return (unsigned)(XXH3_64bits_withSeed(id.at, id.len, seed) % REDIS_BUCKETS);
}

static void put_part(struct text *t, struct slice part)
{
    size_t from = 0;

    for (size_t i = 0; i < part.len; i++) {
        if (part.at[i] != ':' && part.at[i] != '%')
            continue;
        text_put(t, (struct slice){part.at + from, i - from});
        text_puts(t, part.at[i] == ':' ? "%3A" : "%25");
        from = i + 1;
    }
    text_put(t, (struct slice){part.at + from, part.len - from});
}

static struct slice done(const struct text *t)
{
    return t->failed ? (struct slice){NULL, 0} : text_slice(t);
}

struct slice redis_key_text(const struct redis_key *key, struct arena *arena)
{
    char tag[16];
    struct text t;

    text_init(&t, arena);
    text_puts(&t, key->prefix);
    snprintf(tag, sizeof(tag), "{%04u}", key->bucket);
    text_puts(&t, tag);
    text_puts(&t, key->kind);
    for (size_t i = 0; i < REDIS_PARTS && slice_present(key->parts[i]); i++) {
        text_puts(&t, ":");
        put_part(&t, key->parts[i]);
    }
    return done(&t);
}

struct slice redis_key_single(const char *prefix, const char *kind, struct slice part,
                              struct arena *arena)
{
    struct text t;

    text_init(&t, arena);
    text_puts(&t, prefix);
    text_puts(&t, kind);
    if (slice_present(part)) {
        text_puts(&t, ":");
        put_part(&t, part);
    }
    return done(&t);
}

struct slice redis_join(const struct slice *parts, size_t n, struct arena *arena)
{
    struct text t;

    text_init(&t, arena);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            text_puts(&t, ":");
        put_part(&t, parts[i]);
    }
    return done(&t);
}

static struct slice unescape(struct slice s, struct arena *arena)
{
    char *out = arena_alloc(arena, s.len + 1);
    size_t n = 0;

    if (!out)
        return (struct slice){NULL, 0};
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '%' && i + 2 < s.len) {
            out[n++] = s.at[i + 1] == '3' ? ':' : '%';
            i += 2;
        } else {
            out[n++] = s.at[i];
        }
    }
    return (struct slice){out, n};
}

bool redis_split(struct slice joined, struct slice *parts, size_t n, struct arena *arena)
{
    for (size_t i = 0; i < n; i++) {
        const char *colon = i + 1 < n ? memchr(joined.at, ':', joined.len) : joined.at + joined.len;
        size_t len = colon ? (size_t)(colon - joined.at) : joined.len;

        parts[i] = unescape((struct slice){joined.at, len}, arena);
        if (!parts[i].at)
            return false;
        if (len < joined.len)
            joined = (struct slice){joined.at + len + 1, joined.len - len - 1};
        else
            joined.len = 0;
    }
    return true;
}
