/* saved.c - see saved.h. */
#include "saved.h"

#include <assert.h>
#include <stdlib.h>

#include "pair_notes.h"
#include "sqlite.h"
#include "sqlite_driver.h"
#include "versions.h"

struct saved_store saved_open(const struct backend_config *cfg)
{
    struct saved_store s;
    struct err err;

    s.backend = sqlite_open(cfg, &err);
    assert(s.backend);
    s.driver = (struct sqlite *)s.backend;
    s.backend = versions_open(s.backend, &(struct encoding_rules){cfg->cache, cfg->inline_max},
                              &err);
    assert(s.backend);
    return s;
}

static void copy(sqlite3 *from, sqlite3 *to)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    int done;

    assert(b);
    done = sqlite3_backup_step(b, -1);
    assert(done == SQLITE_DONE);
    sqlite3_backup_finish(b);
}

sqlite3 *saved_take(struct sqlite *from)
{
    sqlite3 *db;
    int done = sqlite3_open(":memory:", &db);

    assert(done == SQLITE_OK);
    copy(from->db, db);
    return db;
}

void saved_put(sqlite3 *saved, struct sqlite *to)
{
    copy(saved, to->db);
}

static int64_t number(struct slice text)
{
    int64_t n = 0;

    for (size_t i = 0; i < text.len && text.at[i] >= '0' && text.at[i] <= '9'; i++)
        n = n * 10 + (text.at[i] - '0');
    return n;
}

/* Whether a store is older than its peer knows it, or another one, or empty. */
static bool is_noticed(const struct shown *store, const struct op_pair_read *own,
                       const struct op_pair_read *peer)
{
    struct slice seen = pair_note_text(peer, "peer");
    size_t blank = 0;

    if (!slice_present(seen)) /* they have not been a pair */
        return false;
    if (!slice_present(pair_note_text(own, "pair")))
        return true;
    if (store->tells == BY_BEAT)
        return number(pair_note_text(own, "beat")) < number(pair_note_text(peer, "peer beat"));
    while (seen.at[blank] != ' ')
        blank++;
    return store->position < number(seen) ||
           store->incarnation != number((struct slice){seen.at + blank + 1, seen.len - blank - 1});
}

static struct op_pair_read read_notes(const struct shown *store, struct arena *arena)
{
    struct op_pair_read read;
    struct err err;
    bool ok = pair_read_run(store->backend, 0, 1, arena, &read, &err);

    assert(ok);
    return read;
}

bool saved_may_return(const struct shown *later, const struct shown *now, const struct shown *peer)
{
    struct arena arena = {0};
    struct op_pair_read then = read_notes(later, &arena), is = read_notes(now, &arena);
    struct op_pair_read others = read_notes(peer, &arena);
    bool paired = later->empty ? slice_present(pair_note_text(&others, "filled"))
                               : slice_present(pair_note_text(&then, "pair"));
    bool may = paired && is_noticed(later, &then, &others) &&
               (!is_noticed(peer, &others, &is) || is_noticed(peer, &others, &then));

    arena_done(&arena);
    return may;
}
