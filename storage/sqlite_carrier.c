/* sqlite_carrier.c - see sqlite_carrier.h. */
#include "sqlite_carrier.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

struct carrier {
    sqlite3 *writer;
    struct sqlite *own;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t changed;
    bool running, stopping;
    bool wanted, busy;
    int frames;  /* in the log, as of the last commit */
    int carried; /* how many of them are in the database, synced or not */
};

/* Syncs what was copied; otherwise the last checkpoint would have to sync everything. The file notes a failure. */
static void sync_database(sqlite3 *db)
{
    sqlite3_file *file = NULL;

    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK && file)
        (void)file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
}

/* Runs a passive checkpoint. False: it is not known how much was copied. */
static bool carry(sqlite3 *db, int *carried)
{
    int frames = -1;

    *carried = -1;
    return sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_PASSIVE, &frames, carried) ==
               SQLITE_OK &&
           *carried >= 0;
}

static void *work(void *arg)
{
    struct carrier *c = arg;

    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
    pthread_mutex_lock(&c->lock);
    while (!c->stopping) {
        int carried;
        bool known;

        if (!c->wanted) {
            pthread_cond_wait(&c->changed, &c->lock);
            continue;
        }
        c->wanted = false;
        c->busy = true;
        pthread_mutex_unlock(&c->lock);
        known = carry(c->own->db, &carried);
        if (known)
            sync_database(c->own->db);
        pthread_mutex_lock(&c->lock);
        c->busy = false;
        if (known && carried <= c->frames) /* else the log has begun anew meanwhile */
            c->carried = carried;
        pthread_cond_broadcast(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* Runs after each commit, in the thread that writes, which holds no lock of sqlite then. */
static int committed(void *arg, sqlite3 *db, const char *name UNUSED, int frames)
{
    struct carrier *c = arg;
    int carried;

    pthread_mutex_lock(&c->lock);
    if (frames < c->frames)
        c->carried = 0;
    c->frames = frames;
    while (c->busy && frames >= CARRIER_MOST)
        pthread_cond_wait(&c->changed, &c->lock);
    if (frames >= CARRIER_WAKE && !c->busy) {
        if (frames - c->carried <= CARRIER_END || frames >= CARRIER_MOST) {
            if (carry(db, &carried))
                c->carried = carried;
        } else {
            c->wanted = true;
            pthread_cond_signal(&c->changed);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return SQLITE_OK;
}

struct carrier *carrier_start(struct sqlite *writer, struct sqlite *reader, struct err *err)
{
    struct carrier *c = calloc(1, sizeof(*c));

    if (!c) {
        backend_close(&reader->sql.base);
        (void)err_no_memory(err);
        return NULL;
    }
    c->writer = writer->db;
    c->own = reader;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    c->running = pthread_create(&c->thread, NULL, work, c) == 0;
    if (!c->running) {
        carrier_stop(c);
        err_fill(err, ERR_INTERNAL, "sqlite: no thread can be had");
        return NULL;
    }
    sqlite3_wal_hook(writer->db, committed, c);
    return c;
}

void carrier_stop(struct carrier *c)
{
    if (!c)
        return;
    sqlite3_wal_hook(c->writer, NULL, NULL);
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    if (c->running)
        pthread_join(c->thread, NULL);
    backend_close(&c->own->sql.base);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
