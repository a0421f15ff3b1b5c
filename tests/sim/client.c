/* client.c - see client.h. */
#include "client.h"

#include <assert.h>

#include "acts.h"
#include "instance.h"
#include "ledger.h"

/* How many more of 200 acts are sweeps, where these collect something. */
enum { SWEEPS = 10 };

#define REPEATS_UNTIL (900 * MS)

struct client {
    struct world *world;
    int number;
    struct instance *home;
    bool roams; /* repeats with any instance */
    int asked;
    int64_t versions[ID_STAYS]; /* of the sessions that stay, as last read */
};

/* One try of an entry, or a read. */
struct attempt {
    struct call call;
    struct client *client;
    struct instance *instance;
    struct entry *entry; /* NULL: a read */
    int id;
    bool killed;
};

static void next(void *arg);

static void pause(struct client *c)
{
    struct schedule *s = &c->world->schedule;

    schedule_after(s, schedule_between(s, 5 * MS, 400 * MS), next, c);
}

static struct attempt *attempt_new(struct client *c, struct instance *i, struct entry *e)
{
    struct attempt *a = world_alloc(c->world, sizeof(*a));

    *a = (struct attempt){.client = c, .instance = i, .entry = e};
    a->call.life = i->life;
    return a;
}

static bool has_message(const struct op_message_list *list, const char *id)
{
    for (size_t i = 0; i < list->out.n; i++)
        if (slice_equal(list->out.items[i].id, slice_of(id)))
            return true;
    return false;
}

void client_check_read(struct world *w, int client, int id, const struct op *op, int64_t life)
{
    int64_t patches[2] = {0}, count = 0; /* of this life of the instance; of all */
    enum finding_kind kind;

    if (op->type == OP_SESSION_GET && op->status.kind == ERR_OK)
        count = op->session_get.out.session.request_count;
    for (const struct entry *e = w->journal->first; e; e = e->next) {
        if (e->client != client || e->id != id || e->told != TOLD_OK || !e->home ||
            ledger_lost(w, e))
            continue;
        kind = e->life == life ? OWN_WRITE_UNREAD : OWN_WRITE_MISSED;
        patches[0] += e->act == ACT_PATCH && e->life == life;
        patches[1] += e->act == ACT_PATCH;
        if (op->type == OP_MESSAGE_LIST && e->act == ACT_APPEND &&
            (op->status.kind != ERR_OK || !has_message(&op->message_list, e->token)))
            journal_find(w, kind, id, "client %d does not find message %s of %s", client, e->token,
                         world_ids[id]);
        if (op->type == OP_SESSION_GET && e->act == ACT_PUT && op->status.kind != ERR_OK)
            journal_find(w, kind, id, "client %d does not find %s, put as %s", client,
                         world_ids[id], e->token);
    }
    kind = count < patches[0] ? OWN_WRITE_UNREAD : OWN_WRITE_MISSED;
    if (op->type == OP_SESSION_GET && count < patches[1])
        journal_find(w, kind, id, "client %d reads a count of %lld of %s, made %lld", client,
                     (long long)count, world_ids[id], (long long)patches[1]);
}

static void take_read(void *arg)
{
    struct attempt *a = arg;
    const struct op *op = &a->call.op;
    enum err_kind kind = op->status.kind;
    struct world *w = a->client->world;
    struct failover_report report;

    if (!a->killed) {
        failover_report(a->instance->failover, &report);
        w->journal->unseen |= report.unseen;
    }
    if (!a->killed && kind == ERR_OK && op->type == OP_SESSION_GET)
        a->client->versions[a->id] = op->session_get.out.session.version;
    if (!a->killed && (kind == ERR_OK || kind == ERR_NO_SESSION || kind == ERR_NOT_FOUND))
        client_check_read(w, a->client->number, a->id, op, a->call.life);
    else if (!a->killed && kind != ERR_UNAVAILABLE)
        journal_find(w, ERROR_STRANGE, a->id, "%s: %s", op_name(op->type), op->status.text);
    pause(a->client);
}

static void read_done(struct call *call, bool killed)
{
    struct attempt *a = call->owner;

    a->killed = killed;
    schedule_after(&a->client->world->schedule, 0, take_read, a);
}

static void read(struct client *c)
{
    struct schedule *s = &c->world->schedule;
    struct attempt *a = attempt_new(c, c->home, NULL);
    int64_t what = schedule_between(s, 0, 20);

    if (!c->home->up) {
        pause(c);
        return;
    }
    a->id = (int)schedule_between(s, 0, ID_STAYS);
    instance_clock_on(c->home);
    a->call.op = acts_op(c->world, what < 10 ? OP_SESSION_GET : OP_MESSAGE_LIST, a->id);
    if (what >= 10)
        a->call.op.message_list.limit = 1000;
    if (what == 19)
        a->call.op.type = OP_PROBE;
    instance_clock_off(c->home);
    a->call.owner = a;
    a->call.done = read_done;
    instance_submit(c->home, &a->call);
}

static void send(void *arg);

static enum told told_of(struct world *w, const struct attempt *a)
{
    const struct op *op = &a->call.op;

    if (a->killed)
        return TOLD_UNKNOWN;
    switch ((int)op->status.kind) {
    case ERR_OK:
        return TOLD_OK;
    case ERR_UNAVAILABLE:
    case ERR_NO_SESSION:
    case ERR_NOT_FOUND:
    case ERR_EXISTS:
    case ERR_PRECONDITION:
    case ERR_THREAD:
        return TOLD_FAILED;
    case ERR_IN_DOUBT:
        return TOLD_UNKNOWN;
    default:
        journal_find(w, ERROR_STRANGE, a->id, "%s %s: %s", acts_name(a->entry->act),
                     a->entry->token, op->status.text);
        return TOLD_UNKNOWN;
    }
}

/* A session that nobody deletes is not found, though this client was told that it is there. */
static void check_gone(const struct attempt *a)
{
    const struct entry *e = a->entry;

    if (a->instance == a->client->home && e->act == ACT_PATCH && e->id < ID_STAYS &&
        a->call.op.status.kind == ERR_NO_SESSION)
        for (const struct entry *p = a->client->world->journal->first; p; p = p->next)
            if (p->client == e->client && p->id == e->id && p->act == ACT_PUT && p->home &&
                p->told == TOLD_OK && !ledger_lost(a->client->world, p))
                journal_find(a->client->world,
                             p->life == e->life ? OWN_WRITE_UNREAD : OWN_WRITE_MISSED, e->id,
                             "client %d is told that %s is not there, put as %s", e->client,
                             world_ids[e->id], p->token);
}

/* Where ids of requests are collected, clients repeat only while these are known. */
static bool may_repeat(const struct world *w, const struct entry *e)
{
    bool late = w->cfg->collects && w->schedule.now_us - e->begun_us > REPEATS_UNTIL;
    bool once = e->act == ACT_PATCH || e->act == ACT_CONTEXT || e->act == ACT_COPY ||
                e->create_only;

    return !late && (e->keyed || !(e->doubt && once));
}

static void end(struct attempt *a, enum told told)
{
    struct entry *e = a->entry;
    struct world *w = a->client->world;

    e->ended_us = w->schedule.now_us;
    e->told = told == TOLD_OK ? TOLD_OK : e->doubt ? TOLD_UNKNOWN : TOLD_FAILED;
    e->home = a->instance == a->client->home;
    e->life = a->call.life;
    pause(a->client);
}

static void take_answer(void *arg)
{
    struct attempt *a = arg, *again;
    struct client *c = a->client;
    struct world *w = c->world;
    struct entry *e = a->entry;
    struct schedule *s = &w->schedule;
    enum err_kind kind = a->killed ? ERR_IN_DOUBT : a->call.op.status.kind;
    enum told told = told_of(w, a);

    e->doubt |= told == TOLD_UNKNOWN;
    world_say(w, "c%d I%d %s %s %s -> %s", c->number, a->instance->number, acts_name(e->act),
              world_ids[e->id], e->token,
              a->killed        ? "killed"
              : kind == ERR_OK ? "ok"
                               : err_wire_name(kind));
    if (told == TOLD_OK)
        journal_acknowledged(w, e->id, a->call.op.stamp);
    if (!a->killed)
        check_gone(a);
    if (told == TOLD_OK || (kind != ERR_UNAVAILABLE && kind != ERR_IN_DOUBT) || w->quiet ||
        e->tries == TRIES || !may_repeat(w, e) || schedule_chance(s, 500)) {
        end(a, told);
        return;
    }
    again = attempt_new(
        c, c->roams ? w->instances[schedule_between(s, 0, w->n_instances)] : a->instance, e);
    schedule_after(s, schedule_between(s, 50 * MS, 800 * MS), send, again);
}

static void change_done(struct call *call, bool killed)
{
    struct attempt *a = call->owner;

    a->killed = killed;
    schedule_after(&a->client->world->schedule, 0, take_answer, a);
}

static void send(void *arg)
{
    struct attempt *a = arg;
    struct client *c = a->client;

    a->id = a->entry->id;
    a->entry->tries++;
    a->call.life = a->instance->life;
    if (!a->instance->up) { /* nobody listens */
        a->call.op.status.kind = ERR_UNAVAILABLE;
        schedule_after(&c->world->schedule, 50 * MS, take_answer, a);
        return;
    }
    instance_clock_on(a->instance);
    a->call.op = acts_make(c->world, a->entry);
    instance_clock_off(a->instance);
    a->entry->asked_us[a->entry->tries - 1] = a->call.op.now_us;
    a->call.owner = a;
    a->call.done = change_done;
    instance_submit(a->instance, &a->call);
}

static enum act pick_act(struct world *w)
{
    static const int weights[ACTS] = {
        [ACT_PUT] = 20,        [ACT_PATCH] = 60,  [ACT_APPEND] = 60,       [ACT_DELETE] = 5,
        [ACT_CHECKPOINT] = 20, [ACT_WRITES] = 10, [ACT_THREAD_DELETE] = 2, [ACT_CONTEXT] = 5,
        [ACT_TRIM] = 3,        [ACT_PRUNE] = 3,   [ACT_COPY] = 2,          [ACT_RUNS_DELETE] = 2,
        [ACT_CLEANUP] = 2,     [ACT_SWEEP] = 1,
    };
    int64_t sum = 0, at, sweeps = w->cfg->collects ? SWEEPS : 0;
    int act = 0;

    for (int i = 0; i < ACTS; i++)
        sum += weights[i];
    at = schedule_between(&w->schedule, -sweeps, sum);
    if (at < 0)
        return ACT_SWEEP;
    for (; at >= weights[act]; act++)
        at -= weights[act];
    return (enum act)act;
}

static int pick_id(struct schedule *s, enum act act)
{
    if (act == ACT_CLEANUP || schedule_chance(s, 50))
        return ID_CLEANED;
    if (acts_removes(act) || schedule_chance(s, 350))
        return (int)schedule_between(s, ID_STAYS, ID_CLEANED);
    return (int)schedule_between(s, 0, ID_STAYS);
}

static void next(void *arg)
{
    struct client *c = arg;
    struct schedule *s = &c->world->schedule;
    struct entry *e;

    if (c->world->quiet)
        return;
    if (schedule_chance(s, 350)) {
        read(c);
        return;
    }
    e = journal_add(c->world);
    e->act = c->asked == 0 ? ACT_PUT : pick_act(c->world);
    e->client = c->number;
    e->id = pick_id(s, e->act);
    e->cell = (int)schedule_between(s, 0, CELLS);
    e->token = arena_printf(&c->world->arena, "c%d.%d", c->number, ++c->asked).at;
    assert(e->token);
    e->sets = schedule_chance(s, 400);
    e->keyed = (e->act == ACT_PATCH && schedule_chance(s, 800)) ||
               (e->act == ACT_PUT && schedule_chance(s, 300));
    e->create_only = e->act == ACT_PUT && schedule_chance(s, 100);
    if (e->act == ACT_PATCH && e->id < ID_STAYS && schedule_chance(s, 100))
        e->if_version = c->versions[e->id];
    e->begun_us = s->now_us;
    send(attempt_new(c, c->home, e));
}

void clients_start(struct world *w)
{
    w->clients = world_alloc(w, CLIENTS * sizeof(*w->clients));
    for (int i = 0; i < CLIENTS; i++) {
        struct client *c = &w->clients[i];

        *c = (struct client){.world = w,
                             .number = i,
                             .home = w->instances[i % w->n_instances],
                             .roams = schedule_chance(&w->schedule, 300)};
        schedule_after(&w->schedule, schedule_between(&w->schedule, 0, SEC), next, c);
    }
}
