#include <check.h>

#include "frame.h"
#include "oom.h"

START_TEST(there_and_back)
{
    struct arena a = {0};
    struct frame_writer w = {.arena = &a};
    struct frame_reader r;
    struct slice bytes;
    struct text out;
    struct err err;

    text_init(&out, &a);
    for (int i = 0; i < 20; i++)
        frame_add(&w, i % 2 ? SLICE("abc") : SLICE(""));
    frame_finish(&w, SLICE("{\"a\":1}"), &out);
    ck_assert(!out.failed);
    ck_assert(slice_starts(text_slice(&out), SLICE("\7\0\0\0{\"a\":1}abcabc")));
    ck_assert(frame_open(text_slice(&out), &r, &err));
    ck_assert(slice_equal(r.json, SLICE("{\"a\":1}")));
    for (int i = 0; i < 20; i++) {
        ck_assert(frame_take(&r, i % 2 ? 3 : 0, &bytes, &err));
        ck_assert(slice_equal(bytes, i % 2 ? SLICE("abc") : SLICE("")));
    }
    ck_assert(frame_end(&r, &err));
    arena_done(&a);
}
END_TEST

START_TEST(refuses)
{
    struct frame_reader r;
    struct slice bytes;
    struct err err;

    ck_assert(!frame_open((struct slice){NULL, 0}, &r, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert(!frame_open(SLICE("\0\0\0"), &r, &err));
    ck_assert(!frame_open(SLICE("\3\0\0\0ab"), &r, &err));
    ck_assert_str_eq(err.text, "the frame says 3 bytes of JSON, but has 2");
    ck_assert(!frame_open(SLICE("\xFF\xFF\xFF\xFF{}"), &r, &err));
    ck_assert(frame_open(SLICE("\0\0\0\0"), &r, &err));
    ck_assert(frame_open(SLICE("\2\0\0\0{}abc"), &r, &err));
    ck_assert(!frame_take(&r, 4, &bytes, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert(!frame_take(&r, -1, &bytes, &err));
    ck_assert(!frame_take(&r, INT64_MAX, &bytes, &err));
    ck_assert(frame_take(&r, 2, &bytes, &err));
    ck_assert(!frame_end(&r, &err));
    ck_assert_str_eq(err.text, "1 raw bytes of the frame belong to nothing");
    ck_assert(frame_take(&r, 1, &bytes, &err));
    ck_assert(frame_end(&r, &err));
}
END_TEST

START_TEST(json_beyond_4_gib_fails)
{
    struct arena a = {0};
    struct frame_writer w = {.arena = &a};
    struct text out;

    text_init(&out, &a);
    frame_finish(&w, (struct slice){"", (size_t)UINT32_MAX + 1}, &out);
    ck_assert(out.failed);
    arena_done(&a);
}
END_TEST

static bool write_frame(struct arena *arena, struct err *err)
{
    struct frame_writer w = {.arena = arena};
    struct text out;

    text_init(&out, arena);
    for (int i = 0; i < 40; i++)
        frame_add(&w, SLICE("abc"));
    frame_finish(&w, SLICE("{}"), &out);
    return out.failed ? err_set(err, ERR_NO_MEMORY, "failed") : true;
}

START_TEST(memory_ends)
{
    oom_sweep(write_frame);
}
END_TEST

Suite *suite_frame(void);

Suite *suite_frame(void)
{
    Suite *suite = suite_create("frame");
    TCase *tests = tcase_create("frame");

    tcase_add_test(tests, there_and_back);
    tcase_add_test(tests, refuses);
    tcase_add_test(tests, json_beyond_4_gib_fails);
    tcase_add_test(tests, memory_ends);
    suite_add_tcase(suite, tests);
    return suite;
}
