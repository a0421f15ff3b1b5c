/*
 * Runs the suite of every tests/unit/test_<file>.c; SUITES is X(<file>) for each of them.
 *
 *     build/tests/unit                     all
 *     CK_RUN_SUITE=arena build/tests/unit  one
 *     CK_FORK=no gdb build/tests/unit      in one process
 */
#include <check.h>
#include <stdlib.h>

#define X(name) Suite *suite_##name(void);
SUITES
#undef X

int main(void)
{
    SRunner *runner = srunner_create(NULL);
    int failed;

#define X(name) srunner_add_suite(runner, suite_##name());
    SUITES
#undef X
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
