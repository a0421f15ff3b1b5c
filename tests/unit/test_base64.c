#include <check.h>

#include "base64.h"
#include "oom.h"

static const struct {
    const char *plain, *standard, *url;
} vectors[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xFB\xEF\xBE\xFF\xFF\xFF", "++++////", "----____"},
};

static struct slice encode(struct slice bytes, struct arena *arena)
{
    char *out = arena_alloc(arena, base64_length(bytes.len) + 1);

    return out ? (struct slice){out, base64_encode_to(out, bytes)} : (struct slice){NULL, 0};
}

START_TEST(known_vectors)
{
    struct slice plain = slice_of(vectors[_i].plain), standard = slice_of(vectors[_i].standard);
    struct slice url = slice_of(vectors[_i].url), out;
    struct arena a = {0};
    char buffer[16];

    ck_assert_uint_eq(base64_length(plain.len), standard.len);
    ck_assert_uint_eq(base64_encode_to(buffer, plain), standard.len);
    ck_assert_str_eq(buffer, standard.at);
    ck_assert_str_eq(base64_encode_url(plain, &a).at, url.at);
    ck_assert(base64_decode(standard, BASE64_STANDARD, &a, &out));
    ck_assert(slice_equal(out, plain));
    ck_assert(base64_decode(url, BASE64_URL, &a, &out));
    ck_assert(slice_equal(out, plain));
    arena_done(&a);
}
END_TEST

static const struct {
    enum base64_alphabet alphabet;
    const char *text;
} bad[] = {
    {BASE64_STANDARD, "Zg"},       {BASE64_STANDARD, "Zg="},     {BASE64_STANDARD, "Z==="},
    {BASE64_STANDARD, "===="},     {BASE64_STANDARD, "Zh=="},    {BASE64_STANDARD, "Zm9="},
    {BASE64_STANDARD, "Zm9v\n"},   {BASE64_STANDARD, "Zm 9"},    {BASE64_STANDARD, "----"},
    {BASE64_STANDARD, "Zg==Zg=="}, {BASE64_STANDARD, "Zm9\xFF"}, {BASE64_STANDARD, "A"},
    {BASE64_STANDARD, "__=="},     {BASE64_URL, "Zg=="},         {BASE64_URL, "Z"},
    {BASE64_URL, "Zm9vZ"},         {BASE64_URL, "++++"},         {BASE64_URL, "Zh"},
    {BASE64_URL, "Zm9"},           {BASE64_URL, "Zm8 "},         {BASE64_URL, "Z*"},
};

START_TEST(refuses)
{
    struct arena a = {0};
    struct slice out;

    ck_assert(!base64_decode(slice_of(bad[_i].text), bad[_i].alphabet, &a, &out));
    arena_done(&a);
}
END_TEST

START_TEST(refuses_nul)
{
    struct arena a = {0};
    struct slice out;

    ck_assert(!base64_decode(SLICE("AAA\0"), BASE64_STANDARD, &a, &out));
    arena_done(&a);
}
END_TEST

START_TEST(every_byte_and_every_length)
{
    struct arena a = {0};
    char bytes[256];

    for (int i = 0; i < 256; i++)
        bytes[i] = (char)(i * 167);
    for (size_t n = 0; n <= 256; n++) {
        struct slice plain = {bytes, n}, out;

        ck_assert(base64_decode(encode(plain, &a), BASE64_STANDARD, &a, &out));
        ck_assert(slice_equal(out, plain));
        ck_assert(base64_decode(base64_encode_url(plain, &a), BASE64_URL, &a, &out));
        ck_assert(slice_equal(out, plain));
    }
    arena_done(&a);
}
END_TEST

START_TEST(more_than_one_chunk)
{
    struct arena a = {0};
    size_t n = (size_t)4 << 20;
    char *bytes = arena_zalloc(&a, n, 1);
    struct slice text, out;

    bytes[n - 1] = 'x';
    text = encode((struct slice){bytes, n}, &a);
    ck_assert_uint_eq(text.len, base64_length(n));
    ck_assert(base64_decode(text, BASE64_STANDARD, &a, &out));
    ck_assert(slice_equal(out, (struct slice){bytes, n}));
    arena_done(&a);
}
END_TEST

static bool there_and_back(struct arena *arena, struct err *err)
{
    struct slice text = base64_encode_url(SLICE("0123456789abcdef"), arena), out;

    if (!text.at || !base64_decode(text, BASE64_URL, arena, &out))
        return err_set(err, ERR_NO_MEMORY, "failed");
    return true;
}

START_TEST(memory_ends)
{
    oom_sweep(there_and_back);
}
END_TEST

Suite *suite_base64(void);

Suite *suite_base64(void)
{
    Suite *suite = suite_create("base64");
    TCase *tests = tcase_create("base64");

    tcase_add_loop_test(tests, known_vectors, 0, COUNT_OF(vectors));
    tcase_add_loop_test(tests, refuses, 0, COUNT_OF(bad));
    tcase_add_test(tests, refuses_nul);
    tcase_add_test(tests, every_byte_and_every_length);
    tcase_add_test(tests, more_than_one_chunk);
    tcase_add_test(tests, memory_ends);
    suite_add_tcase(suite, tests);
    return suite;
}
