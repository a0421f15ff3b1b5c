#include <check.h>

#include "damage.h"

START_TEST(names_what_is_known)
{
    struct err err;

    err_fill(&err, ERR_DAMAGED, "too short");
    ck_assert(!damage_at(&(struct damage_place){.message = SLICE("m1")}, &err));
    ck_assert(!damage_at(&(struct damage_place){.session = SLICE("s")}, &err));
    ck_assert_str_eq(err.text, "session s: message m1: too short");

    err_fill(&err, ERR_DAMAGED, "too short");
    (void)damage_at(
        &(struct damage_place){
            .thread = SLICE("t"), .ns = SLICE(""), .checkpoint = SLICE("c"), .channel = SLICE("m")},
        &err);
    ck_assert_str_eq(err.text, "thread t, namespace '', checkpoint c, channel m: too short");
}
END_TEST

START_TEST(leaves_others_as_they_are)
{
    struct err err;

    err_fill(&err, ERR_DAMAGED, "too short");
    ck_assert(!damage_at(&(struct damage_place){.session = {NULL, 0}}, &err));
    ck_assert_str_eq(err.text, "too short");
    err_fill(&err, ERR_UNAVAILABLE, "gone");
    ck_assert(!damage_at(&(struct damage_place){.session = SLICE("s")}, &err));
    ck_assert_str_eq(err.text, "gone");
}
END_TEST

START_TEST(cuts_long_names_between_characters)
{
    struct err err;

    err_fill(&err, ERR_DAMAGED, "too short");
    (void)damage_at(
        &(struct damage_place){
            .session = SLICE("123456789 123456789 123456789 12345678\xE2\x82\xAC!")},
        &err);
    ck_assert_str_eq(err.text, "session 123456789 123456789 123456789 12345678: too short");
}
END_TEST

Suite *suite_damage(void);

Suite *suite_damage(void)
{
    TCase *t = tcase_create("damage");
    Suite *s = suite_create("damage");

    tcase_add_test(t, names_what_is_known);
    tcase_add_test(t, leaves_others_as_they_are);
    tcase_add_test(t, cuts_long_names_between_characters);
    suite_add_tcase(s, t);
    return s;
}
