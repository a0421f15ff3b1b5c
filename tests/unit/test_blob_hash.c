/* test_blob_hash.c - hashes are stored and sent, so they may never change. */
#include <check.h>

#include "blob_hash.h"

Suite *suite_blob_hash(void);

static const char *hex(struct slice type, struct slice bytes)
{
    static char text[2 * BLOB_HASH_LEN + 1];
    uint8_t hash[BLOB_HASH_LEN];

    blob_hash(type, bytes, hash);
    for (int i = 0; i < BLOB_HASH_LEN; i++) {
        text[2 * i] = "0123456789abcdef"[hash[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
    }
    return text;
}

START_TEST(known_hashes)
{
    ck_assert_str_eq(hex(SLICE("msgpack"), SLICE("\x93\x01\x02\x03")),
                     "93fa8f42c1374e475dc8be201b3d8537");
    ck_assert_str_eq(hex(SLICE(""), SLICE("{}")), "47338401463089765b650d9efd7e07cf");
    ck_assert_str_eq(hex((struct slice){NULL, 0}, (struct slice){NULL, 0}),
                     "a6cd5e9392000f6ac44bdff4074eecdb");
}
END_TEST

START_TEST(type_and_bytes_are_apart)
{
    uint8_t one[BLOB_HASH_LEN], two[BLOB_HASH_LEN];

    blob_hash(SLICE("a"), SLICE("bc"), one);
    blob_hash(SLICE("ab"), SLICE("c"), two);
    ck_assert_mem_ne(one, two, BLOB_HASH_LEN);
}
END_TEST

START_TEST(known_keys)
{
    ck_assert_int_eq(blob_key(SLICE("messages"), SLICE("\"1\"")), INT64_C(-2948240286369567200));
    ck_assert(blob_key(SLICE("a"), SLICE("bc")) != blob_key(SLICE("ab"), SLICE("c")));
}
END_TEST

Suite *suite_blob_hash(void)
{
    Suite *suite = suite_create("blob_hash");
    TCase *tc = tcase_create("blob_hash");

    tcase_add_test(tc, known_hashes);
    tcase_add_test(tc, type_and_bytes_are_apart);
    tcase_add_test(tc, known_keys);
    suite_add_tcase(suite, tc);
    return suite;
}
