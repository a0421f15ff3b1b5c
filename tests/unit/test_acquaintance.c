/* test_acquaintance.c - which connections lead to the store that is known. */
#include <check.h>

#include "acquaintance.h"

Suite *suite_acquaintance(void);

static struct acquaintance known;

static void setup(void)
{
    acquaintance_init(&known);
}

static void learn(const char *incarnation, const char *pair, int64_t position, bool forgot)
{
    acquaintance_learn(&known, &(struct learnt){.incarnation = slice_of(incarnation),
                                                .pair = slice_of(pair),
                                                .position = position,
                                                .forgot = forgot});
}

static struct met meet(const char *incarnation, const char *pair, int64_t position)
{
    return acquaintance_meet(&known, slice_of(incarnation), slice_of(pair), position);
}

static bool admits(const struct met *met)
{
    struct err err = {.kind = ERR_OK};
    bool ok = acquaintance_admits(&known, met, &err);

    ck_assert(ok || (err.kind == ERR_UNAVAILABLE && err.text[0]));
    return ok;
}

START_TEST(nobody_is_refused_while_nothing_is_known)
{
    struct met met = meet("a", NULL, 7);
    struct err err;

    ck_assert(met.early && !met.older);
    ck_assert_str_eq(met.incarnation, "a");
    ck_assert_str_eq(met.pair, "");
    ck_assert(admits(&met));
    ck_assert(acquaintance_admits(NULL, &met, &err)); /* a store of no pair */
    acquaintance_learn(NULL, &(struct learnt){.incarnation = SLICE("b")});
    ck_assert(admits(&met));
}
END_TEST

static void see(const char *incarnation, const char *pair, int64_t position)
{
    acquaintance_see(&known, &(struct learnt){.incarnation = slice_of(incarnation),
                                              .pair = slice_of(pair),
                                              .position = position});
}

START_TEST(a_look_that_judges_nothing_is_known_too)
{
    struct met older, other;

    acquaintance_see(NULL, &(struct learnt){.position = 1});
    see("a", NULL, 3); /* of no pair yet */
    ck_assert(!known.known);
    see("a", "p", 3);
    see("a", "p", 5);
    see("a", "p", 4);
    see("b", "p", 9); /* it was not judged what that is */
    older = meet("a", "p", 4);
    other = meet("b", "p", 9);
    ck_assert(older.older && !admits(&older) && !admits(&other));
}
END_TEST

START_TEST(one_that_was_met_early_needs_no_name_of_a_pair)
{
    struct met same = meet("a", NULL, 0), other = meet("b", NULL, 0);

    learn("a", "p", 3, false);
    ck_assert(admits(&same));
    ck_assert(!admits(&other));
}
END_TEST

START_TEST(later_incarnation_and_pair_must_be_the_same)
{
    struct met met;

    learn("a", "p", 3, false);
    met = meet("a", "p", 3);
    ck_assert(!met.early && !met.older && admits(&met));
    met = meet("b", "p", 3);
    ck_assert(!admits(&met));
    met = meet("a", "q", 3);
    ck_assert(!admits(&met));
    met = meet("a", NULL, 3);
    ck_assert(!admits(&met));
    met = meet("ab", "p", 3);
    ck_assert(!admits(&met));
}
END_TEST

START_TEST(an_older_store_is_refused_until_it_was_judged)
{
    struct met older, since;

    learn("a", "p", 8, false);
    older = meet("a", "p", 7);
    ck_assert(older.older && !admits(&older));
    learn("a", "p", 9, false); /* a look at the store as it was */
    ck_assert(!admits(&older));
    learn("a", "p", 7, true); /* a look at what has come back */
    ck_assert(admits(&older));
    since = meet("a", "p", 7);
    ck_assert(!since.older && admits(&since));
}
END_TEST

START_TEST(a_connection_does_not_age)
{
    struct met met;

    learn("a", "p", 3, false);
    met = meet("a", "p", 4);
    learn("a", "p", 1000, false);
    ck_assert(admits(&met));
    learn("b", "p", 1000, false);
    ck_assert(!admits(&met));
    learn("a", "p", 1001, false);
    ck_assert(admits(&met));
}
END_TEST

START_TEST(long_texts_are_cut_alike)
{
    char text[ACQUAINTANCE_TEXT + 41];
    struct met met;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    learn(text, text, 1, false);
    met = meet(text, text, 1);
    ck_assert_uint_eq(strlen(met.incarnation), ACQUAINTANCE_TEXT - 1);
    ck_assert_uint_eq(strlen(met.pair), ACQUAINTANCE_PAIR - 1);
    ck_assert(admits(&met));
    met = meet(text + 60, text, 1);
    ck_assert(!admits(&met));
}
END_TEST

START_TEST(only_what_asks_what_it_is_may_run_on_another_store)
{
    struct op ops[OP_TYPE_COUNT], *all[OP_TYPE_COUNT], *allowed[OP_TYPE_COUNT];
    struct met same = meet("a", NULL, 0), other = meet("b", NULL, 0);

    for (int i = 0; i < OP_TYPE_COUNT; i++) {
        ops[i] = (struct op){.type = (enum op_type)i};
        all[i] = &ops[i];
    }
    learn("a", "p", 3, false);
    ck_assert_uint_eq(acquaintance_sort(&known, &same, all, OP_TYPE_COUNT, allowed), OP_TYPE_COUNT);
    ck_assert_mem_eq(allowed, all, sizeof(all));
    ck_assert_uint_eq(acquaintance_sort(&known, &other, all, OP_TYPE_COUNT, allowed), 3);
    ck_assert_int_eq(allowed[0]->type, OP_TENANT_LIST);
    ck_assert_int_eq(allowed[1]->type, OP_PAIR_READ);
    ck_assert_int_eq(allowed[2]->type, OP_PAIR_CHANGE);
    for (int i = 0; i < OP_TYPE_COUNT; i++)
        ck_assert_int_eq(ops[i].status.kind,
                         i == OP_TENANT_LIST || i == OP_PAIR_READ || i == OP_PAIR_CHANGE
                             ? ERR_OK
                             : ERR_UNAVAILABLE);
}
END_TEST

/* Chosen before the store was found to have forgotten something, it would be asked for what it had. */
START_TEST(an_op_for_which_it_was_chosen_before_is_refused)
{
    struct op ops[3] = {{.type = OP_SESSION_GET}, {.type = OP_SESSION_GET}, {.type = OP_PAIR_READ}};
    struct op *all[3] = {&ops[0], &ops[1], &ops[2]}, *allowed[3];
    struct met met;

    learn("a", "p", 5, false);
    met = meet("a", "p", 5);
    ops[0].generation = ops[2].generation = acquaintance_generation(&known);
    ck_assert_uint_eq(acquaintance_sort(&known, &met, all, 3, allowed), 3);
    learn("a", "p", 3, true);
    ck_assert_uint_eq(acquaintance_sort(&known, &met, all, 3, allowed), 2);
    ck_assert(allowed[0] == &ops[1] && allowed[1] == &ops[2]);
    ck_assert(ops[0].status.kind == ERR_UNAVAILABLE && ops[0].status.text[0]);
    ck_assert_uint_ne(acquaintance_generation(&known), ops[0].generation);
}
END_TEST

Suite *suite_acquaintance(void)
{
    Suite *s = suite_create("acquaintance");
    TCase *tc = tcase_create("acquaintance");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, nobody_is_refused_while_nothing_is_known);
    tcase_add_test(tc, a_look_that_judges_nothing_is_known_too);
    tcase_add_test(tc, one_that_was_met_early_needs_no_name_of_a_pair);
    tcase_add_test(tc, later_incarnation_and_pair_must_be_the_same);
    tcase_add_test(tc, an_older_store_is_refused_until_it_was_judged);
    tcase_add_test(tc, a_connection_does_not_age);
    tcase_add_test(tc, long_texts_are_cut_alike);
    tcase_add_test(tc, only_what_asks_what_it_is_may_run_on_another_store);
    tcase_add_test(tc, an_op_for_which_it_was_chosen_before_is_refused);
    suite_add_tcase(s, tc);
    return s;
}
