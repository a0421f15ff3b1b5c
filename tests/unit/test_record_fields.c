/* test_record_fields.c - the order of records, and what makes two of them different. */
#include <check.h>

#include "clock.h"
#include "record_fields.h"

Suite *suite_record_fields(void);

START_TEST(kinds_have_names)
{
    enum record_kind found;

    for (int kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        ck_assert(record_kind_find(slice_of(record_kind_name((enum record_kind)kind)), &found));
        ck_assert_int_eq(found, kind);
    }
    ck_assert(!record_kind_find(SLICE("sessions"), &found));
}
END_TEST

/* Each key is above those before it. */
START_TEST(keys_are_ordered_part_by_part)
{
    static const struct record_key keys[] = {
        {.id = {"a", 1}, .number = 7},
        {.id = {"a", 1}, .number = 8, .stamp = -1},
        {.id = {"a", 1}, .number = 8, .stamp = 3},
        {.id = {"a", 1}, .task = {"t", 1}},
        {.id = {"a", 1}, .sub = {"c", 1}},
        {.id = {"a", 1}, .sub = {"c", 1}, .task = {"t", 1}},
        {.id = {"a", 1}, .ns = {"n", 1}},
        {.id = {"a\0", 2}},
        {.id = {"b", 1}},
    };

    for (size_t i = 0; i < COUNT_OF(keys); i++)
        for (size_t k = 0; k < COUNT_OF(keys); k++) {
            int order = record_key_compare(&keys[i], &keys[k]);

            ck_assert_int_eq((order > 0) - (order < 0), (i > k) - (i < k));
        }
}
END_TEST

static void make_different(const struct record_field *f, struct record *r)
{
    static const int64_t refs[] = {1};
    static struct write write;
    void *at = (char *)r + f->offset;

    if (f->type == RECORD_INT || f->type == RECORD_STAMP)
        *(int64_t *)at = 5;
    else if (f->type == RECORD_DOUBLE)
        *(double *)at = 5;
    else if (f->type == RECORD_TEXT || f->type == RECORD_JSON || f->type == RECORD_BYTES)
        *(struct slice *)at = SLICE("5");
    else if (f->type == RECORD_HASH)
        memset(at, 5, BLOB_HASH_LEN);
    else if (f->type == RECORD_ENCODING)
        *(int *)at = 5;
    else if (f->type == RECORD_FORM)
        *(enum form *)at = FORM_CHANNEL;
    else if (f->type == RECORD_REFS)
        r->checkpoint.refs = refs, r->checkpoint.n_refs = 1;
    else
        r->task.writes = &write, r->task.n_writes = 1;
}

/* Whatever member differs is named, except how a value is stored. */
START_TEST(differences_are_named)
{
    for (int kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        size_t n;
        const struct record_field *fields = record_fields((enum record_kind)kind, &n);

        for (size_t i = 0; i < n; i++) {
            struct record a = {.kind = (enum record_kind)kind}, b = a;
            const char *named;

            ck_assert_ptr_null(record_difference(&a, &b));
            make_different(&fields[i], &b);
            named = record_difference(&a, &b);
            if (fields[i].flags & RECORD_STORED)
                ck_assert_ptr_null(named);
            else
                ck_assert_str_eq(named, fields[i].name);
        }
    }
}
END_TEST

START_TEST(absent_is_not_empty)
{
    struct record a = {.kind = RECORD_CHECKPOINT}, b = a;

    b.checkpoint.parent_id = SLICE("");
    ck_assert_str_eq(record_difference(&a, &b), "parent_id");
}
END_TEST

START_TEST(writes_are_compared_one_by_one)
{
    struct write one = {.idx = 1, .channel = SLICE("c")}, other = one;
    struct record a = {.kind = RECORD_TASK, .task = {.writes = &one, .n_writes = 1}}, b = a;

    b.task.writes = &other;
    ck_assert_ptr_null(record_difference(&a, &b));
    other.blob.bytes = SLICE("x");
    ck_assert_str_eq(record_difference(&a, &b), "writes");
}
END_TEST

START_TEST(bytes_are_those_of_the_texts)
{
    static const int64_t refs[] = {1, 2};
    struct write write = {.channel = SLICE("abc"), .blob.bytes = SLICE("12345")};
    struct record task = {
        .kind = RECORD_TASK, .key.id = SLICE("t"), .task = {.writes = &write, .n_writes = 1}};
    struct record checkpoint = {.kind = RECORD_CHECKPOINT,
                                .checkpoint = {.metadata = SLICE("{}"), .refs = refs, .n_refs = 2}};

    ck_assert_uint_eq(record_bytes(&task), 1 + 3 + 5);
    ck_assert_uint_eq(record_bytes(&checkpoint), 2 + sizeof(refs));
}
END_TEST

START_TEST(a_thread_is_not_told_to_be_older_than_its_deletion)
{
    int64_t tomb = INT64_C(500) << STAMP_NODE_BITS;

    ck_assert_int_eq(record_thread_of(0, 499).updated_us, 499);
    ck_assert_int_eq(record_thread_of(tomb, 500).updated_us, 0);
    ck_assert_int_eq(record_thread_of(tomb, 501).updated_us, 501);
    ck_assert_int_eq(record_thread_of(tomb, 501).tomb, tomb);
}
END_TEST

Suite *suite_record_fields(void)
{
    Suite *s = suite_create("record_fields");
    TCase *tc = tcase_create("record");

    tcase_add_test(tc, kinds_have_names);
    tcase_add_test(tc, keys_are_ordered_part_by_part);
    tcase_add_test(tc, differences_are_named);
    tcase_add_test(tc, absent_is_not_empty);
    tcase_add_test(tc, writes_are_compared_one_by_one);
    tcase_add_test(tc, bytes_are_those_of_the_texts);
    tcase_add_test(tc, a_thread_is_not_told_to_be_older_than_its_deletion);
    suite_add_tcase(s, tc);
    return s;
}
