/* memory_start.c - opening and closing stores and lanes, with each allocation failing once. */
#include <stdio.h>
#include <unistd.h>

#include "cases.h"
#include "drivers.h"
#include "lane.h"
#include "oom.h"
#include "samples.h"

/* A new file takes some thousand allocations to make: one of so many is enough for it. */
enum { NEW_FILE_STEP = 61 };

static char path[80], url[96];

static void name_file(void)
{
    snprintf(path, sizeof(path), "%s/start_%ld", fault_folder, (long)getpid());
    snprintf(url, sizeof(url), "sqlite:%s", path);
}

static void remove_file(void)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal", ".lock"};
    char name[96];

    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        unlink(name);
    }
}

static struct backend *open_chain(void *ctx, enum backend_role role, struct err *err)
{
    struct backend_config cfg = sample_config(ctx, role);

    return chain_open(&cfg, err);
}

/* What the program does when it starts and when it stops. */
static bool start_and_stop(char *store, struct err *err)
{
    const struct backend_driver *driver = driver_find(store, err);
    struct lanes_config cfg = {
        .n_readers = 2,
        .batch_max_ops = 8,
        .queue_max = 8,
        .open = open_chain,
        .ctx = store,
    };
    struct lanes *lanes;

    if (!driver)
        return false;
    cfg.layout = driver->layout;
    lanes = lanes_open(&cfg, err);
    lanes_close(lanes);
    return lanes != NULL;
}

/* Whether there was an n-th allocation; if it makes the start fail, then cleanly. */
static bool attempt(char *store, size_t n)
{
    struct err err = {0};
    bool started, struck;

    oom_at(n);
    started = start_and_stop(store, &err);
    struck = oom_end();
    ck_assert_msg(started || (struck && err.kind == ERR_NO_MEMORY), "%s, allocation %zu: %s: %s",
                  store, n, err_wire_name(err.kind), err.text);
    return struck;
}

static void starts(char *store)
{
    struct err err = {0};

    ck_assert_msg(start_and_stop(store, &err), "%s: %s", store, err.text);
}

START_TEST(start_on_memory)
{
    char store[] = "memory:";

    for (size_t n = 1; attempt(store, n); n++)
        continue;
    starts(store);
}
END_TEST

START_TEST(start_on_file)
{
    starts(url);
    for (size_t n = 1; attempt(url, n); n++)
        continue;
    starts(url);
}
END_TEST

/* What a start has left behind when it failed is no obstacle to the next. */
START_TEST(start_on_new_file)
{
    for (size_t n = 1; attempt(url, n); n += NEW_FILE_STEP) {
        starts(url);
        remove_file();
    }
}
END_TEST

TCase *memory_start_case(void)
{
    TCase *tc = tcase_create("memory of start");

    tcase_add_checked_fixture(tc, name_file, remove_file);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, start_on_memory);
    tcase_add_test(tc, start_on_file);
    tcase_add_test(tc, start_on_new_file);
    return tc;
}
