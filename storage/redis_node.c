/* redis_node.c - see redis_node.h. */
#include "redis_node.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>

#include "clock.h"
#include "redis_scripts.h"

#define LEASE_TEXT "3600000"  /* milliseconds */
#define RENEW_NS (300 * S_NS) /* how old a lease may get before it is renewed */

/* How far the clock is moved ahead, and how far it must be when a batch begins. */
#define CLOCK_AHEAD_US (3 * S_US / 2)
#define CLOCK_BATCH_US S_US

enum { TOKEN_LEN = 32, RUN_ID_LEN = 40 };

/* What this process is to one store: nodes[0] to a primary, nodes[1] to a fallback. */
struct node {
    pthread_mutex_t lock;
    char token[TOKEN_LEN + 1]; /* identifies the process; empty: not made yet */
    unsigned number;
    bool taken;
    int64_t renewed_ns;
    int64_t high;   /* the last bound that was stored */
    unsigned lanes; /* that are open */
};

static struct node nodes[] = {{.lock = PTHREAD_MUTEX_INITIALIZER},
                              {.lock = PTHREAD_MUTEX_INITIALIZER}};

/* What is known of the append-only file of a store: files[0] of a primary, files[1] of a fallback. */
struct file {
    pthread_mutex_t lock;
    char run_id[RUN_ID_LEN + 1]; /* of the server process that was asked last */
    bool whole;                  /* all that is stored is in it, not only what is added now */
};

static struct file files[] = {{.lock = PTHREAD_MUTEX_INITIALIZER},
                              {.lock = PTHREAD_MUTEX_INITIALIZER}};

static bool ask(struct redis *d, const struct slice *args, size_t n, struct arena *arena,
                struct reply **reply, struct err *err)
{
    if (!conn_put(&d->conn, args, n, err) || !conn_send(&d->conn, err) ||
        !conn_take(&d->conn, arena, reply, err))
        return false;
    d->conn.replica |= conn_is_replica(*reply);
    d->conn.only_reads |= conn_only_reads(*reply);
    return true;
}

static bool refused(const struct reply *reply, struct err *err)
{
    return reply->type == REPLY_ERROR ? conn_refused(reply, err) : true;
}

/* As refused(), but passes over what is not about the rights of this user. */
static bool permitted(const struct reply *reply, struct err *err)
{
    struct err said = {.kind = ERR_OK};

    if (refused(reply, &said) || said.kind != ERR_CONFIG)
        return true;
    *err = said;
    return false;
}

static bool is_setting(const struct reply *reply, struct slice value)
{
    return reply->type == REPLY_LIST && reply->n == 2 && slice_equal(reply->items[1]->text, value);
}

/* The value of the line that begins with `name` in a reply to INFO. */
static struct slice info_line(struct slice info, struct slice name)
{
    while (info.len > 0) {
        const char *end = memchr(info.at, '\n', info.len);
        size_t len = end ? (size_t)(end - info.at) : info.len;
        struct slice line = {info.at, len && info.at[len - 1] == '\r' ? len - 1 : len};

        if (slice_starts(line, name))
            return (struct slice){line.at + name.len, line.len - name.len};
        info.at += end ? len + 1 : len;
        info.len -= end ? len + 1 : len;
    }
    return SLICE("");
}

/* What INFO says of the memory: whether the server removes data by itself when it has used up what it may. */
static bool evicts(struct slice memory)
{
    return redis_number(info_line(memory, SLICE("maxmemory:"))) > 0 &&
           !slice_equal(info_line(memory, SLICE("maxmemory_policy:")), SLICE("noeviction"));
}

/*
 * Whether the append-only file alone brings everything back, by two sections of INFO. One that is switched on while
 * the server runs does so when its first rewrite has ended, and INFO does not tell this rewrite from a later one. So
 * a rewrite is harmless only if this very process was seen before with its file, and without a rewrite.
 */
static bool is_whole(struct redis *d, struct slice server, struct slice persistence)
{
    struct slice run_id = info_line(server, SLICE("run_id:"));
    bool on = slice_equal(info_line(persistence, SLICE("aof_enabled:")), SLICE("1"));
    bool rests = slice_equal(info_line(persistence, SLICE("aof_rewrite_in_progress:")),
                             SLICE("0")) &&
                 slice_equal(info_line(persistence, SLICE("aof_rewrite_scheduled:")), SLICE("0"));
    struct file *file = &files[d->fallback];
    bool whole;

    pthread_mutex_lock(&file->lock);
    if (run_id.len == 0 || !slice_equal(run_id, slice_of(file->run_id)))
        file->whole = false;
    file->whole = whole = on && (rests || file->whole);
    snprintf(file->run_id, sizeof(file->run_id), "%.*s", SLICE_ARGS(run_id));
    pthread_mutex_unlock(&file->lock);
    return whole;
}

/* A replica begins its file anew with what its primary sends, perhaps in between two looks. */
static void forget_file(struct redis *d)
{
    struct file *file = &files[d->fallback];

    pthread_mutex_lock(&file->lock);
    file->whole = false;
    pthread_mutex_unlock(&file->lock);
}

/* What was put must not be sent. Returns false. */
static bool drop(struct redis *d, const struct err *err)
{
    struct err why;

    err_fill(&why, ERR_UNAVAILABLE, "redis: %s", err->text);
    conn_drop(&d->conn, &why);
    return false;
}

/*
 * Asks whether the server answers, whether this user may read and run scripts, and whether the server syncs each
 * write, also while a child saves, and brings all back. What this user may not ask for, or the server does not know,
 * counts as not durable. redis_node_keep() tries whether it may write.
 */
static bool look(struct redis *d, struct arena *arena, struct err *err)
{
    enum {
        PING,
        READ,
        SCRIPT,
        APPENDONLY,
        APPENDFSYNC,
        ON_REWRITE,
        MEMORY,
        SERVER,
        PERSISTENCE,
        ASKED
    };
    struct slice note = redis_key_single(d->prefix, "note", (struct slice){NULL, 0}, arena);
    const struct {
        struct slice words[4];
        size_t n;
    } commands[ASKED] = {
        [PING] = {{SLICE("PING")}, 1},
        [READ] = {{SLICE("HGETALL"), note}, 2},
        [SCRIPT] = {{SLICE("EVALSHA"), slice_of(d->sha[REDIS_CHAINS]), SLICE("1"), note}, 4},
        [APPENDONLY] = {{SLICE("CONFIG"), SLICE("GET"), SLICE("appendonly")}, 3},
        [APPENDFSYNC] = {{SLICE("CONFIG"), SLICE("GET"), SLICE("appendfsync")}, 3},
        [ON_REWRITE] = {{SLICE("CONFIG"), SLICE("GET"), SLICE("no-appendfsync-on-rewrite")}, 3},
        [MEMORY] = {{SLICE("INFO"), SLICE("memory")}, 2},
        [SERVER] = {{SLICE("INFO"), SLICE("server")}, 2},
        [PERSISTENCE] = {{SLICE("INFO"), SLICE("persistence")}, 2},
    };
    struct reply *replies[ASKED];
    bool whole;

    if (!note.at)
        return err_no_memory(err);
    for (size_t i = 0; i < ASKED; i++)
        if (!conn_put(&d->conn, commands[i].words, commands[i].n, err))
            return drop(d, err);
    if (!conn_send(&d->conn, err))
        return false;
    for (size_t i = 0; i < ASKED; i++)
        if (!conn_take(&d->conn, arena, &replies[i], err))
            return err->kind == ERR_NO_MEMORY ? drop(d, err) : false;
    /* while it cannot save, a Redis refuses PING as it does what writes */
    if ((!conn_only_reads(replies[PING]) && !refused(replies[PING], err)) ||
        !permitted(replies[READ], err) || !permitted(replies[SCRIPT], err))
        return false;
    whole = is_whole(d, replies[SERVER]->text, replies[PERSISTENCE]->text);
    d->base.caps = BACKEND_SHARED;
    if (evicts(replies[MEMORY]->text))
        d->base.caps |= BACKEND_EVICTS;
    else if (replies[MEMORY]->type == REPLY_TEXT && whole &&
             is_setting(replies[APPENDONLY], SLICE("yes")) &&
             is_setting(replies[APPENDFSYNC], SLICE("always")) &&
             is_setting(replies[ON_REWRITE], SLICE("no")))
        d->base.caps |= BACKEND_DURABLE;
    return true;
}

bool redis_alive(struct redis *d, struct err *err)
{
    struct arena arena = {0};
    bool ok = look(d, &arena, err);

    arena_done(&arena);
    return ok;
}

static bool load_scripts(struct redis *d, struct arena *arena, struct err *err)
{
    struct reply *reply;

    for (int i = 0; i < REDIS_SCRIPTS; i++)
        if (!ask(d, (struct slice[]){SLICE("SCRIPT"), SLICE("LOAD"), slice_of(redis_scripts[i])}, 3,
                 arena, &reply, err) ||
            !refused(reply, err))
            return false;
    return true;
}

/* A server that is not durable may come back older after each restart, so its run id counts. Any server
 * may when a replica is promoted, so the second replication id and its offset count. */
struct slice redis_incarnation(const struct redis *d, struct slice server, struct slice replication,
                               struct arena *arena)
{
    bool durable = d->base.caps & BACKEND_DURABLE;
    struct slice run = durable ? SLICE("") : info_line(server, SLICE("run_id:"));
    struct slice history = info_line(replication, SLICE("master_replid2:"));
    struct slice offset = info_line(replication, SLICE("second_repl_offset:"));

    return arena_printf(arena, "%.*s/%.*s/%.*s", SLICE_ARGS(run), SLICE_ARGS(history),
                        SLICE_ARGS(offset));
}

/* Only INFO tells the stores of a pair from others, and from what they were. */
static bool informed(const struct reply *reply, struct err *err)
{
    if (reply->type == REPLY_ERROR && slice_starts(reply->text, SLICE("ERR unknown command")))
        return conn_denied(SLICE("info"), err);
    return refused(reply, err);
}

static bool meet(struct redis *d, struct arena *arena, struct err *err)
{
    struct slice note = redis_key_single(d->prefix, "note", (struct slice){NULL, 0}, arena);
    struct reply *server, *replication, *notes;
    struct slice incarnation;

    if (!d->acquaintance)
        return true;
    if (!note.at)
        return err_no_memory(err);
    if (!ask(d, (struct slice[]){SLICE("INFO"), SLICE("server")}, 2, arena, &server, err) ||
        !informed(server, err) ||
        !ask(d, (struct slice[]){SLICE("INFO"), SLICE("replication")}, 2, arena, &replication,
             err) ||
        !informed(replication, err) ||
        !ask(d, (struct slice[]){SLICE("HMGET"), note, SLICE("pair"), REDIS_POSITION}, 4, arena,
             &notes, err) ||
        !refused(notes, err))
        return false;
    if (notes->n != 2)
        return err_set(err, ERR_INTERNAL, "redis: not an answer to HMGET");
    incarnation = redis_incarnation(d, server->text, replication->text, arena);
    if (!incarnation.at)
        return err_no_memory(err);
    d->met = acquaintance_meet(d->acquaintance, incarnation, notes->items[0]->text,
                               redis_number(notes->items[1]->text));
    return true;
}

bool redis_meet(struct redis *d, struct err *err)
{
    struct arena arena = {0};
    bool ok = meet(d, &arena, err);

    arena_done(&arena);
    return ok;
}

/* A change must not be refused midway. */
static bool rehearse(struct redis *d, struct arena *arena, struct err *err)
{
    struct slice key = redis_key_single(d->prefix, "rehearsal", (struct slice){NULL, 0}, arena);
    struct reply *reply;

    if (!key.at)
        return err_no_memory(err);
    if (!ask(d,
             (struct slice[]){SLICE("EVALSHA"), slice_of(d->sha[REDIS_REHEARSE]), SLICE("1"), key},
             4, arena, &reply, err) ||
        !permitted(reply, err))
        return false;
    if (reply->type != REPLY_TEXT || reply->text.len == 0)
        return true;
    return conn_denied(reply->text, err);
}

bool redis_greet(struct redis *d, struct err *err)
{
    struct arena arena = {0};
    bool ok;

    d->high = 0; /* the server may have lost it */
    ok = load_scripts(d, &arena, err) && look(d, &arena, err) && rehearse(d, &arena, err) &&
         meet(d, &arena, err);

    arena_done(&arena);
    return ok;
}

static struct slice node_key(struct redis *d, unsigned number, struct arena *arena)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", number);
    return redis_key_single(d->prefix, "node", slice_of(text), arena);
}

/* Takes an instance number if it is free, or ours already. */
static bool try_number(struct redis *d, unsigned number, struct arena *arena, bool *ours,
                       struct err *err)
{
    struct slice key = node_key(d, number, arena), token = slice_of(nodes[d->fallback].token);
    struct reply *set, *get;

    if (!key.at)
        return err_no_memory(err);
    if (!ask(
            d,
            (struct slice[]){SLICE("SET"), key, token, SLICE("NX"), SLICE("PX"), SLICE(LEASE_TEXT)},
            6, arena, &set, err) ||
        !refused(set, err) || !ask(d, (struct slice[]){SLICE("GET"), key}, 2, arena, &get, err) ||
        !refused(get, err))
        return false;
    *ours = slice_equal(get->text, token);
    return !*ours || set->type != REPLY_NIL ||
           ask(d, (struct slice[]){SLICE("PEXPIRE"), key, SLICE(LEASE_TEXT)}, 3, arena, &set, err);
}

static void make_token(struct node *node, const struct instance_range *range)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char random_bytes[TOKEN_LEN];

    if (node->token[0])
        return;
    if (RAND_bytes(random_bytes, sizeof(random_bytes)) != 1)
        memset(random_bytes, (int)clock_now_us(), sizeof(random_bytes));
    for (size_t i = 0; i < sizeof(random_bytes); i++)
        node->token[i] = digits[random_bytes[i] & 15];
    node->number = range->first + (random_bytes[0] << 8 | random_bytes[1]) % range->n;
}

/* Takes the number it had, else the next free one of the range. Number 0 is not given: it is for those
 * without one. */
static bool take_number(struct redis *d, struct arena *arena, struct err *err)
{
    const struct instance_range *range = instance_range(d->fallback);
    struct node *node = &nodes[d->fallback];
    bool ours;

    make_token(node, range);
    for (unsigned i = 0; i < range->n; i++) {
        unsigned number = range->first + (node->number - range->first + i) % range->n;

        if (!try_number(d, number, arena, &ours, err))
            return false;
        if (!ours)
            continue;
        if (!node->taken || number != node->number)
            stamp_set_node(number);
        node->number = number;
        node->taken = true;
        node->renewed_ns = clock_now_ns();
        return true;
    }
    return err_set(err, ERR_UNAVAILABLE, "redis: all instance numbers are taken");
}

static void observe(int64_t bound)
{
    if (!stamp_is_own(bound))
        stamp_observe(bound);
}

/* No stamp of this process may be below one that is stored: raises the clock above all that other processes
 * have noted. */
static bool read_clock(struct redis *d, struct arena *arena, struct err *err)
{
    struct slice key = redis_key_single(d->prefix, "clock", (struct slice){NULL, 0}, arena);
    struct reply *reply;

    if (!key.at)
        return err_no_memory(err);
    if (!ask(d, (struct slice[]){SLICE("HGETALL"), key}, 2, arena, &reply, err) ||
        !refused(reply, err))
        return false;
    for (size_t i = 0; i + 1 < reply->n; i += 2)
        observe(redis_number(reply->items[i + 1]->text) << STAMP_NODE_BITS |
                stamp_node(redis_number(reply->items[i]->text)));
    return true;
}

/* Stores a bound, or a lower one than `old`, and tells which one is stored now. */
static bool put_clock(struct redis *d, int64_t bound, int64_t old, struct arena *arena,
                      int64_t *stored, struct err *err)
{
    struct slice key = redis_key_single(d->prefix, "clock", (struct slice){NULL, 0}, arena);
    struct slice field = redis_decimal(stamp_node(bound), arena);
    struct slice to = redis_decimal(stamp_us(bound), arena);
    struct slice from = old ? redis_decimal(stamp_us(old), arena) : SLICE("");
    const struct slice args[] = {
        SLICE("EVALSHA"), slice_of(d->sha[REDIS_CLOCK]), SLICE("1"), key, field, to, from};
    struct reply *reply;

    if (!key.at || !field.at || !to.at || !from.at)
        return err_no_memory(err);
    if (!ask(d, args, COUNT_OF(args), arena, &reply, err))
        return false;
    if (conn_unknown_script(reply) && /* somebody has removed them */
        (!load_scripts(d, arena, err) || !ask(d, args, COUNT_OF(args), arena, &reply, err)))
        return false;
    *stored = redis_number(reply->text) << STAMP_NODE_BITS | stamp_node(bound);
    return refused(reply, err);
}

/* Moves our entry of the clock ahead. It must stay above all stamps that we make until it is moved again. */
static bool move_clock(struct redis *d, struct arena *arena, struct err *err)
{
    int64_t bound, stored;

    do { /* again if another process has had our number, and got further */
        bound = stamp_bound(CLOCK_AHEAD_US);
        if (!put_clock(d, bound, 0, arena, &stored, err))
            return false;
        observe(stored);
    } while (stamp_may_pass(stored, CLOCK_BATCH_US));
    nodes[d->fallback].high = d->high = stored;
    return true;
}

bool redis_node_keep(struct redis *d, struct err *err)
{
    struct node *node = &nodes[d->fallback];
    int64_t now_ns = clock_now_ns();
    struct arena arena = {0};
    bool taken = false, ok = true;

    d->conn.replica = d->conn.only_reads = false;
    pthread_mutex_lock(&node->lock);
    if (!d->numbered && (!node->taken || now_ns - node->renewed_ns > RENEW_NS))
        ok = taken = take_number(d, &arena, err);
    if (ok && (taken || d->high == 0)) /* another process may have had the number */
        ok = read_clock(d, &arena, err);
    if (ok && (d->high == 0 || stamp_may_pass(d->high, CLOCK_BATCH_US)))
        ok = move_clock(d, &arena, err);
    pthread_mutex_unlock(&node->lock);
    if (d->conn.replica)
        forget_file(d);
    arena_done(&arena);
    return ok;
}

void redis_node_enter(bool fallback)
{
    struct node *node = &nodes[fallback];

    pthread_mutex_lock(&node->lock);
    node->lanes++;
    pthread_mutex_unlock(&node->lock);
}

void redis_node_leave(struct redis *d)
{
    struct node *node = &nodes[d->fallback];
    int64_t stored;
    struct arena arena = {0};
    struct err ignored;

    pthread_mutex_lock(&node->lock);
    if (--node->lanes == 0 && d->high && d->conn.redis)
        (void)!put_clock(d,
                         (stamp_us(stamp_next()) + 1) << STAMP_NODE_BITS | stamp_node(node->high),
                         node->high, &arena, &stored, &ignored); /* if it fails, it stays ahead */
    pthread_mutex_unlock(&node->lock);
    arena_done(&arena);
}
