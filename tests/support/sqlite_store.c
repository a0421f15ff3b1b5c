/* sqlite_store.c - see sqlite_store.h. */
#include "sqlite_store.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"

char sqlite_store_folder[32], sqlite_store_path[64], sqlite_store_url[80];
struct arena sqlite_store_arena;

void sqlite_store_make(void)
{
    strcpy(sqlite_store_folder, "/tmp/sqlite_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(sqlite_store_folder));
    snprintf(sqlite_store_path, sizeof(sqlite_store_path), "%s/db", sqlite_store_folder);
    snprintf(sqlite_store_url, sizeof(sqlite_store_url), "sqlite:%s", sqlite_store_path);
}

void sqlite_store_remove(void)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    char name[80];

    arena_done(&sqlite_store_arena);
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        snprintf(name, sizeof(name), "%s%s", sqlite_store_path, ends[i]);
        if (unlink(name) != 0)
            rmdir(name);
    }
    rmdir(sqlite_store_folder);
}

struct backend *sqlite_store_try(const char *where, enum backend_role role, struct err *err)
{
    struct backend_config cfg = {.url = where, .role = role, .context_versions = 3};

    *err = (struct err){0};
    return sqlite_open(&cfg, err);
}

struct backend *sqlite_store_open(void)
{
    struct err err;
    struct backend *b = sqlite_store_try(sqlite_store_url, BACKEND_WRITER, &err);

    ck_assert_msg(b != NULL, "%s", err.text);
    return b;
}

struct op sqlite_store_op(enum op_type type, const char *id)
{
    return (struct op){
        .type = type,
        .tenant = SLICE("default"),
        .id = slice_of(id),
        .now_us = clock_now_us(),
        .stamp = stamp_next(),
        .arena = &sqlite_store_arena,
    };
}

struct op sqlite_store_put(const char *id)
{
    struct op op = sqlite_store_op(OP_SESSION_PUT, id);

    op.session_put.user_id = SLICE("u");
    op.session_put.metadata = SLICE("{}");
    return op;
}

struct op sqlite_store_get(const char *id)
{
    return sqlite_store_op(OP_SESSION_GET, id);
}

enum err_kind sqlite_store_run(struct backend *b, struct op *op)
{
    struct op *ops[] = {op};
    struct err err = {0};

    do
        ck_assert_msg(backend_execute(b, ops, 1, &err), "%s", err.text);
    while (op->again);
    return op->status.kind;
}
