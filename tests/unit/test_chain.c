/* Chains of value rows: decoded, found in the cache, damaged at each link. */
#include <check.h>
#include <stdio.h>

#include "blob_hash.h"
#include "chain.h"
#include "delta.h"
#include "oom.h"

enum { LINKS = 80 };

static struct arena arena;
static struct err err;
static struct value_cache *cache;
static struct blob rows[LINKS];
static struct slice whole[LINKS];

static struct slice text_of(int n)
{
    struct slice text = SLICE("");
    uint32_t x = 5;

    for (int i = 0; i < 60; i++, x = x * 1664525 + 1013904223)
        text = arena_printf(&arena, "%.*s%08x", SLICE_ARGS(text), x);
    for (int i = 0; i <= n; i++)
        text = arena_printf(&arena, "%.*s message %d says %d;", SLICE_ARGS(text), i, i * 7919);
    ck_assert_ptr_nonnull(text.at);
    return text;
}

static void encode_row(int n)
{
    int base = n % DELTA_BLOCK ? n - 1 : n - DELTA_BLOCK;
    struct delta_input in = {.whole = whole[n], .place = (uint32_t)n};
    struct delta d;

    if (n > 0)
        in.base = whole[base];
    ck_assert(delta_encode(&in, &arena, &d, &err));
    rows[n] = (struct blob){
        .id = n + 1, .encoding = d.encoding, .type = SLICE("t"), .bytes = d.bytes};
    blob_hash(rows[n].type, whole[n], rows[n].hash);
    if (n > 0) {
        ck_assert(delta_has_base(d.encoding));
        rows[n].base_id = base + 1;
        rows[n].base = &rows[base];
    }
}

static void setup(void)
{
    arena_init(&arena, NULL, 0);
    cache = value_cache_new(1 << 20);
    for (int n = 0; n < LINKS; n++) {
        whole[n] = text_of(n);
        encode_row(n);
    }
}

static void teardown(void)
{
    value_cache_free(cache);
    arena_done(&arena);
}

static void decodes(struct value_cache *with, int n)
{
    struct blob blob = rows[n];

    ck_assert_msg(chain_decode(with, &blob, NULL, &arena, &err), "%d: %s", n, err.text);
    ck_assert(slice_equal(blob.bytes, whole[n]));
    ck_assert_uint_eq(blob.place, (uint32_t)n);
    ck_assert_int_eq(blob.anchor_id, n / DELTA_BLOCK * DELTA_BLOCK + 1);
    ck_assert_int_eq(blob.base_id, rows[n].base_id);
    ck_assert_ptr_null(blob.base);
    ck_assert_int_eq(blob.encoding, BLOB_WHOLE);
}

static void fails(struct value_cache *with, int n, const char *text)
{
    struct blob blob = rows[n];

    ck_assert_msg(!chain_decode(with, &blob, NULL, &arena, &err), "%d", n);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    ck_assert_msg(strstr(err.text, text), "%s", err.text);
}

START_TEST(chain_decodes_each)
{
    for (int n = 0; n < LINKS; n++)
        decodes(NULL, n);
    for (int n = LINKS; n-- > 0;)
        decodes(cache, n);
    for (int n = 0; n < LINKS; n++)
        decodes(cache, n);
}
END_TEST

/* Bases of a value that the cache has are not looked at. */
START_TEST(chain_ends_at_what_is_known)
{
    decodes(cache, 70);
    rows[70].base = NULL;
    decodes(cache, 70);
    decodes(cache, 71);
    fails(NULL, 71, "not there");
    rows[64].base = NULL; /* an anchor on the way was cached, too */
    decodes(cache, 65);
}
END_TEST

/* A value that came whole from elsewhere is taken as it is. */
START_TEST(chain_ends_at_what_is_whole)
{
    struct blob blob = rows[70];

    ck_assert(chain_decode(NULL, &blob, NULL, &arena, &err));
    blob.whole = true;
    rows[71].base = &blob;
    decodes(NULL, 71);
    ck_assert(chain_decode(NULL, &blob, NULL, &arena, &err));
    ck_assert(slice_equal(blob.bytes, whole[70]));
}
END_TEST

/* A cached value of that id with another hash is not taken. */
START_TEST(chain_checks_what_it_finds)
{
    decodes(cache, 5);
    rows[5].hash[0] ^= 1;
    fails(cache, 5, "hash");
}
END_TEST

START_TEST(chain_with_a_damaged_link)
{
    for (int n = 0; n <= 40; n++) {
        struct blob good = rows[n];

        if (n > 32 || n % DELTA_BLOCK == 0) {
            rows[n].bytes = (struct slice){good.bytes.at, good.bytes.len / 2};
            fails(NULL, 40, "damaged");
            rows[n] = good;
        }
    }
    rows[40].hash[3] ^= 1;
    fails(NULL, 40, "does not match its hash");
    rows[40].hash[3] ^= 1;
    rows[32].hash[3] ^= 1;
    fails(NULL, 40, "does not match its hash");
}
END_TEST

START_TEST(chain_of_the_wrong_base)
{
    rows[40].base = &rows[38];
    fails(NULL, 40, "based on another");
    rows[40].base = &rows[40]; /* a circle */
    fails(NULL, 40, "too many bases");
    rows[40].base = NULL;
    fails(NULL, 40, "not there");
    rows[40].encoding = 99;
    fails(NULL, 40, "unknown");
}
END_TEST

static bool decode_last(struct arena *a, struct err *e)
{
    struct blob blob = rows[1];

    return chain_decode(NULL, &blob, NULL, a, e);
}

START_TEST(chain_memory_ends)
{
    struct arena own = {0};
    bool done, struck;
    size_t n = 0;

    ck_assert(decode_last(&own, &err));
    do {
        oom_at(++n);
        done = decode_last(&own, &err);
        struck = oom_end();
        ck_assert(done || err.kind == ERR_NO_MEMORY);
        arena_reset(&own);
    } while (struck);
    ck_assert(done);
    arena_done(&own);
}
END_TEST

Suite *suite_chain(void);

Suite *suite_chain(void)
{
    Suite *suite = suite_create("chain");
    TCase *tc = tcase_create("chain");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, chain_decodes_each);
    tcase_add_test(tc, chain_ends_at_what_is_known);
    tcase_add_test(tc, chain_ends_at_what_is_whole);
    tcase_add_test(tc, chain_checks_what_it_finds);
    tcase_add_test(tc, chain_with_a_damaged_link);
    tcase_add_test(tc, chain_of_the_wrong_base);
    tcase_add_test(tc, chain_memory_ends);
    suite_add_tcase(suite, tc);
    return suite;
}
