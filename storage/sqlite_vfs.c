/* sqlite_vfs.c - see sqlite_vfs.h. */
#include "sqlite_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <xxhash.h>

enum {
    SYNC_PAGES = 64,       /* syncing more would delay the sync of a commit */
    GATHER_MAX = 0x1ffff,  /* the most that sqlite's VFS for Unix writes at once */
    HEADER_PAGE_SIZE = 16, /* this and the next two: offsets in the header of a database */
    HEADER_RESERVED = 20,
    HEADER_APPLICATION = 68,
};

/* Consecutive writes to the log that were not yet passed on. */
struct gather {
    char *bytes; /* GATHER_MAX of them; NULL until the first write */
    size_t len;
    sqlite3_int64 offset;
};

struct file {
    sqlite3_file base;
    sqlite3_file *real; /* follows this struct in memory */
    struct gather gather;
    bool log;     /* the log of a database, not the database itself */
    bool room;    /* its pages are known to have space for checksums */
    bool checked; /* it is known to be ours, so checksums are verified */
    int unsynced; /* pages written since the last sync */
    /* A database: its path, which sqlite keeps until it is closed; the next one that is open. */
    const char *path;
    struct file *next;
    atomic_bool failed; /* a sync of the database has failed, on this connection or another */
};

static struct {
    pthread_mutex_t lock; /* guards the list */
    struct file *first;
} databases = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct file *file_of(sqlite3_file *base)
{
    return (struct file *)base;
}

void sqlite_page_sum(const void *page, int64_t offset, char sum[SQLITE_PAGE_SUM])
{
    XXH64_canonical_t canonical;

    XXH64_canonicalFromHash(&canonical, XXH3_64bits_withSeed(page, SQLITE_PAGE - SQLITE_PAGE_SUM,
                                                             (XXH64_hash_t)offset));
    memcpy(sum, &canonical, SQLITE_PAGE_SUM);
}

bool sqlite_pages_fit(const void *header)
{
    const unsigned char *at = header;

    return at[HEADER_PAGE_SIZE] << 8 == SQLITE_PAGE && at[HEADER_PAGE_SIZE + 1] == 0 &&
           at[HEADER_RESERVED] == SQLITE_PAGE_SUM;
}

static bool is_page(const struct file *f, int n, sqlite3_int64 offset)
{
    return !f->log && n == SQLITE_PAGE && offset % SQLITE_PAGE == 0;
}

static bool sum_is_right(const char *page, sqlite3_int64 offset)
{
    char sum[SQLITE_PAGE_SUM];

    sqlite_page_sum(page, offset, sum);
    return memcmp(page + SQLITE_PAGE - SQLITE_PAGE_SUM, sum, sizeof(sum)) == 0;
}

/* A file of another program is not checked here; whoever opens it refuses it. */
static bool is_ours(const char *first_page)
{
    const unsigned char *at = (const unsigned char *)first_page + HEADER_APPLICATION;

    return ((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]) ==
           SQLITE_APPLICATION;
}

static void enlist(struct file *f)
{
    pthread_mutex_lock(&databases.lock);
    for (struct file *other = databases.first; other; other = other->next)
        if (strcmp(other->path, f->path) == 0)
            f->failed = other->failed;
    f->next = databases.first;
    databases.first = f;
    pthread_mutex_unlock(&databases.lock);
}

static void delist(struct file *f)
{
    struct file **at = &databases.first;

    pthread_mutex_lock(&databases.lock);
    while (*at && *at != f)
        at = &(*at)->next;
    if (*at)
        *at = f->next;
    pthread_mutex_unlock(&databases.lock);
}

static void give_up(const char *path)
{
    pthread_mutex_lock(&databases.lock);
    for (struct file *f = databases.first; f; f = f->next)
        if (strcmp(f->path, path) == 0)
            f->failed = true;
    pthread_mutex_unlock(&databases.lock);
}

/* A log may be synced again: what failed was not acknowledged, and is written anew. */
static int sync_file(struct file *f, int flags)
{
    int rc = f->failed ? SQLITE_IOERR_FSYNC : f->real->pMethods->xSync(f->real, flags);

    if (rc != SQLITE_OK && f->path)
        give_up(f->path);
    return rc;
}

/* If a write fails, its data is dropped: sqlite gets the error and starts over. */
static int flush(struct file *f)
{
    struct gather *g = &f->gather;
    int n = (int)g->len;

    g->len = 0;
    return n == 0 ? SQLITE_OK : f->real->pMethods->xWrite(f->real, g->bytes, n, g->offset);
}

/* Room for n bytes at this offset; NULL: write them directly. */
static char *gather(struct file *f, int n, sqlite3_int64 offset, int *rc)
{
    struct gather *g = &f->gather;
    char *at;

    *rc = SQLITE_OK;
    if (g->len > 0 &&
        (offset != g->offset + (sqlite3_int64)g->len || g->len + (size_t)n > GATHER_MAX))
        *rc = flush(f);
    if (!g->bytes)
        g->bytes = sqlite3_malloc(GATHER_MAX);
    if (*rc != SQLITE_OK || !g->bytes || n > GATHER_MAX)
        return NULL;
    if (g->len == 0)
        g->offset = offset;
    at = g->bytes + g->len;
    g->len += (size_t)n;
    return at;
}

static int file_close(sqlite3_file *base)
{
    struct file *f = file_of(base);
    int flushed = flush(f), closed;

    delist(f);
    closed = f->real->pMethods->xClose(f->real);
    sqlite3_free(f->gather.bytes);
    f->gather.bytes = NULL;
    return flushed != SQLITE_OK ? flushed : closed;
}

static int file_read(sqlite3_file *base, void *to, int n, sqlite3_int64 offset)
{
    struct file *f = file_of(base);
    int rc = flush(f);

    if (rc == SQLITE_OK)
        rc = f->real->pMethods->xRead(f->real, to, n, offset);
    if (rc != SQLITE_OK || !is_page(f, n, offset))
        return rc;
    if (offset == 0 && is_ours(to))
        f->checked = true;
    return !f->checked || sum_is_right(to, offset) ? SQLITE_OK : SQLITE_IOERR_DATA;
}

/*
 * Adds the checksum. If pages are used up to their end it would overwrite data, so none is written before the
 * first page is known: sqlite may be rolling back what another program has left half done.
 *
 * Pages are not gathered: if a checkpoint stops halfway, other connections are told to read pages from the
 * database that were passed to this function, and nothing that could fail is called before that.
 */
static int write_page(struct file *f, const void *from, sqlite3_int64 offset)
{
    char page[SQLITE_PAGE];
    int rc;

    memcpy(page, from, sizeof(page));
    sqlite_page_sum(page, offset, page + SQLITE_PAGE - SQLITE_PAGE_SUM);
    rc = f->real->pMethods->xWrite(f->real, page, sizeof(page), offset);
    if (rc == SQLITE_OK && ++f->unsynced >= SYNC_PAGES) {
        f->unsynced = 0;
        rc = sync_file(f, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
    }
    return rc;
}

static int file_write(sqlite3_file *base, const void *from, int n, sqlite3_int64 offset)
{
    struct file *f = file_of(base);
    int rc = SQLITE_OK;
    char *to = f->log ? gather(f, n, offset, &rc) : NULL;

    if (rc != SQLITE_OK)
        return rc;
    if (is_page(f, n, offset) && offset == 0)
        f->room = sqlite_pages_fit(from);
    if (is_page(f, n, offset) && f->room)
        return write_page(f, from, offset);
    if (!to)
        return f->real->pMethods->xWrite(f->real, from, n, offset);
    memcpy(to, from, (size_t)n);
    return SQLITE_OK;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct file *f = file_of(base);
    int rc = flush(f);

    return rc == SQLITE_OK ? f->real->pMethods->xTruncate(f->real, size) : rc;
}

static int file_sync(sqlite3_file *base, int flags)
{
    struct file *f = file_of(base);
    int rc = flush(f);

    return rc == SQLITE_OK ? sync_file(f, flags) : rc;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size)
{
    struct file *f = file_of(base);
    int rc = flush(f);

    return rc == SQLITE_OK ? f->real->pMethods->xFileSize(f->real, size) : rc;
}

static int file_lock(sqlite3_file *base, int level)
{
    sqlite3_file *real = file_of(base)->real;

    return real->pMethods->xLock(real, level);
}

static int file_unlock(sqlite3_file *base, int level)
{
    sqlite3_file *real = file_of(base)->real;

    return real->pMethods->xUnlock(real, level);
}

static int file_reserved(sqlite3_file *base, int *locked)
{
    sqlite3_file *real = file_of(base)->real;

    return real->pMethods->xCheckReservedLock(real, locked);
}

/* A file without a header will get pages with space. */
static bool has_room(sqlite3_file *real)
{
    unsigned char header[SQLITE_HEADER];
    int rc = real->pMethods->xRead(real, header, sizeof(header), 0);

    return rc == SQLITE_IOERR_SHORT_READ || (rc == SQLITE_OK && sqlite_pages_fit(header));
}

static int file_control(sqlite3_file *base, int what, void *arg)
{
    struct file *f = file_of(base);

    if (what == SQLITE_VFS_SYNCED)
        return f->failed ? SQLITE_IOERR_FSYNC : SQLITE_OK;
    if (what != SQLITE_VFS_CHECK)
        return f->real->pMethods->xFileControl(f->real, what, arg);
    f->checked = true;
    f->room = has_room(f->real);
    return f->room ? SQLITE_OK : SQLITE_IOERR_DATA;
}

static int file_sector(sqlite3_file *base)
{
    sqlite3_file *real = file_of(base)->real;

    return real->pMethods->xSectorSize(real);
}

static int file_character(sqlite3_file *base)
{
    sqlite3_file *real = file_of(base)->real;
    int flags = real->pMethods->xDeviceCharacteristics(real);

#ifdef SQLITE_IOCAP_SUBPAGE_READ
    flags &= ~SQLITE_IOCAP_SUBPAGE_READ; /* a part of a page has no checksum */
#endif
    return flags;
}

static int file_shm_map(sqlite3_file *base, int page, int size, int extend, void volatile **at)
{
    sqlite3_file *real = file_of(base)->real;

    return real->pMethods->xShmMap(real, page, size, extend, at);
}

static int file_shm_lock(sqlite3_file *base, int offset, int n, int flags)
{
    sqlite3_file *real = file_of(base)->real;

    return real->pMethods->xShmLock(real, offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *base)
{
    sqlite3_file *real = file_of(base)->real;

    real->pMethods->xShmBarrier(real);
}

static int file_shm_unmap(sqlite3_file *base, int remove)
{
    sqlite3_file *real = file_of(base)->real;

    return real->pMethods->xShmUnmap(real, remove);
}

/* Version 2 of the interface: memory-mapped pages would bypass the checksums. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_character,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static sqlite3_vfs vfs, *below;

/* Other kinds of files, such as temporary ones, are passed through. */
static int vfs_open(sqlite3_vfs *self UNUSED, sqlite3_filename name, sqlite3_file *base, int flags,
                    int *out)
{
    struct file *f = file_of(base);
    int rc;

    if (!(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
        return below->xOpen(below, name, base, flags, out);
    *f = (struct file){.real = (sqlite3_file *)(f + 1), .log = flags & SQLITE_OPEN_WAL};
    rc = below->xOpen(below, name, f->real, flags, out);
    if (!f->real->pMethods)
        return rc;
    f->base.pMethods = &methods; /* then sqlite closes it, even if it has failed */
    if (!f->log && name) {
        f->path = name;
        enlist(f);
    }
    return rc;
}

static bool set_up(void)
{
    below = sqlite3_vfs_find(NULL);
    if (!below)
        return false;
    vfs = *below; /* all except xOpen is the system's */
    vfs.pNext = NULL;
    vfs.zName = "stateward";
    vfs.szOsFile = (int)sizeof(struct file) + below->szOsFile;
    vfs.xOpen = vfs_open;
    return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK;
}

const char *sqlite_vfs(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool registered;

    pthread_mutex_lock(&lock);
    registered = registered || set_up();
    pthread_mutex_unlock(&lock);
    return registered ? vfs.zName : NULL;
}
