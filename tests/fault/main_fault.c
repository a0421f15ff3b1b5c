/* main_fault.c - runs the suite; see cases.h. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "cases.h"
#include "oom_sqlite.h"
#include "samples.h"

char fault_folder[] = "/tmp/fault_XXXXXX";

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED,
                      struct FTW *at UNUSED)
{
    return remove(path);
}

static int run(void)
{
    Suite *suite = suite_create("fault");
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, calls_case());
    suite_add_tcase(suite, failover_case());
    suite_add_tcase(suite, memory_ops_case());
    suite_add_tcase(suite, memory_start_case());
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(void)
{
    struct err err = {0};
    int status;

    if (!oom_sqlite_init() || !samples_init(&err) || !mkdtemp(fault_folder)) {
        fprintf(stderr, "fault: %s\n", err.text);
        return EXIT_FAILURE;
    }
    status = run();
    nftw(fault_folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return status;
}
