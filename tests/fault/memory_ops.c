/*
 * memory_ops.c - every op, with each of its allocations failing once.
 *
 *     n = 1, 2, ... until nothing fails; some steps back when a run has got as far as preparing one
 *     more statement, which is there for the next runs; and once more with all of them prepared
 *
 * So allocations that prepare a statement are met, and those that use it; on files each seventh.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "cases.h"
#include "oom.h"
#include "state.h"
#include "torture.h"
#include "value_cache.h"

/* About as many allocations as it takes to prepare the longest statement. */
enum { REWIND = 128 };

/* Most allocations are those of memory:, and the runs that succeed wait for the disk. */
enum { FILE_STEP = 7 };

enum { INLINE_MAX = 1024, CACHE_BYTES = 1 << 20 };

static struct torture target;
static sqlite3 *db;
static struct value_cache *cache; /* or NULL */

static void open_store(const char *url, size_t inline_max)
{
    struct backend_config cfg = sample_config(url, BACKEND_WRITER);
    struct err err = {0};

    cfg.inline_max = inline_max;
    cfg.cache = cache;
    target.store = sample_open(&cfg, &db, &err);
    ck_assert_msg(target.store != NULL, "%s", err.text);
}

static void open_memory(void)
{
    open_store("memory:", 0);
}

static void open_inlined(void)
{
    open_store("memory:", INLINE_MAX);
}

static void open_cached(void)
{
    cache = value_cache_new(CACHE_BYTES);
    ck_assert_ptr_nonnull(cache);
    open_inlined();
}

static void open_file(void)
{
    char url[80];

    snprintf(url, sizeof(url), "sqlite:%s/ops_%ld", fault_folder, (long)getpid());
    open_store(url, 0);
}

static void close_store(void)
{
    backend_close(target.store);
    value_cache_free(cache);
    cache = NULL;
    arena_done(&target.arena);
}

static int delete_rows(void *unused UNUSED, int n UNUSED, char **columns, char **names UNUSED)
{
    return sqlite3_exec(db, columns[0], NULL, NULL, NULL);
}

/* Empties and fills the store, prepared statements stay. What the driver keeps in mind stays true. */
static void seed(void)
{
    static const char tables[] =
        "SELECT 'DELETE FROM \"' || name || '\"' FROM sqlite_schema WHERE type = 'table' "
        "AND name NOT LIKE 'sqlite_%' AND name NOT IN ('clock', 'note', 'tenant')";
    struct err err = {0};

    ck_assert_int_eq(sqlite3_exec(db, tables, delete_rows, NULL, NULL), SQLITE_OK);
    ck_assert_msg(sample_seed(target.store, &err) && sample_seed_pair(target.store, &err), "%s",
                  err.text);
    arena_reset(&target.arena);
}

static void fresh(void)
{
    seed();
    target.before = torture_state(&target, STATE_EXACT, &target.arena);
}

static size_t count_statements(void)
{
    size_t n = 0;

    for (sqlite3_stmt *st = NULL; (st = sqlite3_next_stmt(db, st));)
        n++;
    return n;
}

/* The state after one run, in a store of its own. */
static void learn(void (*open)(void))
{
    struct arena arena = {0};
    struct op op;
    struct slice after;
    struct err err = {0};

    open();
    seed();
    op = sample_make(target.sample, &arena);
    ck_assert_msg(sample_run(target.store, &op, &err), "%s: %s", target.sample->name, err.text);
    after = torture_state(&target, STATE_CONTENT, &arena);
    close_store();
    open();
    fresh();
    target.after = arena_copy(&target.arena, after);
    ck_assert_ptr_nonnull(target.after.at);
    arena_done(&arena);
}

/* Whether there was an n-th allocation. *passed: whether the op has succeeded nevertheless. */
static bool attempt(size_t n, bool *passed)
{
    struct arena arena = {0};
    struct op op = sample_make(target.sample, &arena);
    struct err err = {0};
    bool struck;

    oom_at(n);
    *passed = sample_run(target.store, &op, &err);
    struck = oom_end();
    arena_done(&arena);
    ck_assert_msg(*passed || err.kind == ERR_NO_MEMORY, "%s, allocation %zu: %s",
                  target.sample->name, n, err.text);
    ck_assert_msg(*passed || struck, "%s without a failure: %s", target.sample->name, err.text);
    torture_check(&target, n, *passed ? STATE_CONTENT : STATE_EXACT,
                  *passed ? target.after : target.before);
    return struck;
}

/* Fails each `step`-th allocation from `n` on. Whether the runs have prepared statements. */
static bool walk(size_t n, size_t step)
{
    size_t at_first = count_statements(), prepared = at_first;
    bool passed;

    while (attempt(n, &passed)) {
        size_t now = count_statements();

        if (passed)
            torture_renew(&target, fresh);
        if (now == prepared)
            n += step;
        else
            n = n > REWIND ? n - REWIND : 1;
        prepared = now;
    }
    torture_renew(&target, fresh);
    return prepared > at_first;
}

static void torture(int number, void (*open)(void), size_t step)
{
    target.sample = &samples[number];
    learn(open);
    if (walk(1, step))
        (void)walk(1, step);
    close_store();
}

START_TEST(op_on_memory)
{
    torture(_i, open_memory, 1);
}
END_TEST

/* With values that stand in heads. */
START_TEST(op_on_heads)
{
    torture(_i, open_inlined, 1);
}
END_TEST

/* With those that a cache knows: it has what an earlier run has stored, which is gone. */
START_TEST(op_on_cached_heads)
{
    torture(_i, open_cached, 1);
}
END_TEST

START_TEST(op_on_file)
{
    torture(_i, open_file, FILE_STEP);
}
END_TEST

/* Ops that read or write what may stand in heads. */
static const bool of_values[OP_TYPE_COUNT] = {
    [OP_CHECKPOINT_PUT] = true, [OP_CHECKPOINT_GET] = true, [OP_CHECKPOINT_LIST] = true,
    [OP_VALUES_GET] = true,     [OP_THREAD_COPY] = true,    [OP_THREAD_PRUNE] = true,
    [OP_RUNS_DELETE] = true,
};

TCase *memory_ops_case(void)
{
    TCase *tc = tcase_create("memory of ops");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, op_on_memory, 0, (int)n_samples);
    for (int i = 0; i < (int)n_samples; i++) {
        if (!of_values[samples[i].type])
            continue;
        tcase_add_loop_test(tc, op_on_heads, i, i + 1);
        tcase_add_loop_test(tc, op_on_cached_heads, i, i + 1);
    }
    tcase_add_loop_test(tc, op_on_file, 0, (int)n_samples);
    return tc;
}
