/* oom_sqlite.c - see oom_sqlite.h. */
#include "oom_sqlite.h"

#include <sqlite3.h>
#include <stddef.h>

#include "oom.h"

static sqlite3_mem_methods real;

static void *take(int size)
{
    return oom_strikes() ? NULL : real.xMalloc(size);
}

static void *resize(void *old, int size)
{
    return oom_strikes() ? NULL : real.xRealloc(old, size);
}

bool oom_sqlite_init(void)
{
    sqlite3_mem_methods methods;

    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK)
        return false;
    methods = real;
    methods.xMalloc = take;
    methods.xRealloc = resize;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK &&
           sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK &&
           sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0) == SQLITE_OK;
}
