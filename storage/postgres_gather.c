/* postgres_gather.c - see postgres_gather.h. */
#include "postgres_gather.h"

#include <assert.h>
#include <endian.h>

#include "postgres_pipe.h"
#include "postgres_statement.h"

enum {
    BYTES_MAX = 1 << 20,  /* of one message to the server */
    MEMBER_MAX = 1 << 16, /* of one use; copying more does not pay */
    HEAD = 5 * 4,
    LENGTH = 4
};

enum manner {
    ADDS,    /* rows, no two of them the same */
    CHANGES, /* a row, which another use of this kind may change too */
    ANSWERS, /* as CHANGES, and is waited for; locks a session */
    ASKS,    /* is waited for, or locks */
};

/*
 * Kinds of uses, in the order in which they are sent. Of one op, those that change something commute, or stand in
 * the order in which the op runs them. What locks threads stands before what locks sessions: two instances must
 * lock in one order, or they wait for each other.
 */
enum kind {
    VALUES,
    CHECKPOINTS,
    TASKS,
    NS_GROWTH,
    THREAD_TOUCHES,
    OUTBOX,
    THREAD_LOCKS,
    TARGET_CHECKPOINTS,
    TARGET_TASKS,
    OTHERS, /* those that are waited for, each alone */
    SESSION_LOCKS,
    MESSAGES,
    MESSAGES_TOLD,
    SESSIONS, /* as OTHERS, and each locks a session */
    BEHIND,   /* OTHERS of an op that locks its session before */
    SESSION_TOUCHES,
    KINDS,
};

static_assert(KINDS == (int)POSTGRES_GATHERED, "each kind has its list");

/* Single statements, and their variants with arrays instead of parameters. */
static const struct gathered {
    int one, many;
    enum manner manner;
    int n; /* parameters; 0: there is no variant */
    Oid types[POSTGRES_PARAMETERS];
} known[KINDS] = {
    [VALUES] = {SQL_VALUE_INSERT,
                POSTGRES_VALUES_INSERT,
                ADDS,
                10,
                {TYPE_INT8, TYPE_INT8, TYPE_INT8, TYPE_INT8, TYPE_INT8, TYPE_BYTES, TYPE_BYTES,
                 TYPE_BYTES, TYPE_BYTES, TYPE_BYTES}},
    [CHECKPOINTS] = {SQL_CHECKPOINT_INSERT,
                     POSTGRES_CHECKPOINTS_INSERT,
                     ADDS,
                     10,
                     {TYPE_INT8, TYPE_INT8, TYPE_INT8, TYPE_BYTES, TYPE_BYTES, TYPE_INT8,
                      TYPE_BYTES, TYPE_TEXT, TYPE_INT8, TYPE_BYTES}},
    [TASKS] = {SQL_TASK_INSERT,
               POSTGRES_TASKS_INSERT,
               ADDS,
               8,
               {TYPE_BYTES, TYPE_INT8, TYPE_INT8, TYPE_BYTES, TYPE_INT8, TYPE_BYTES, TYPE_INT8,
                TYPE_BYTES}},
    [NS_GROWTH] = {SQL_NS_GROW,
                   POSTGRES_NS_GROW_ALL,
                   CHANGES,
                   4,
                   {TYPE_INT8, TYPE_INT8, TYPE_INT8, TYPE_INT8}},
    [THREAD_TOUCHES] =
        {SQL_THREAD_TOUCH, POSTGRES_THREADS_TOUCH, CHANGES, 2, {TYPE_INT8, TYPE_INT8}},
    [OUTBOX] = {SQL_OUTBOX_PUT,
                POSTGRES_OUTBOX_PUT_ALL,
                ADDS,
                4,
                {TYPE_INT8, TYPE_BYTES, TYPE_BYTES, TYPE_BYTES}},
    [THREAD_LOCKS] =
        {POSTGRES_NS_FIND_LOCK, POSTGRES_NS_FIND_LOCKS, ASKS, 2, {TYPE_INT8, TYPE_BYTES}},
    [TARGET_CHECKPOINTS] = {SQL_TARGET_CHECKPOINT,
                            POSTGRES_TARGET_CHECKPOINTS,
                            ASKS,
                            5,
                            {TYPE_INT8, TYPE_BYTES, TYPE_BYTES, TYPE_BYTES, TYPE_BYTES}},
    [TARGET_TASKS] = {SQL_TARGET_TASK,
                      POSTGRES_TARGET_TASKS,
                      ASKS,
                      5,
                      {TYPE_INT8, TYPE_BYTES, TYPE_BYTES, TYPE_BYTES, TYPE_BYTES}},
    [OTHERS] = {.manner = ASKS},
    [SESSION_LOCKS] =
        {POSTGRES_SESSION_LOCK, POSTGRES_SESSION_LOCKS, ASKS, 2, {TYPE_INT8, TYPE_BYTES}},
    [MESSAGES] = {SQL_MESSAGE_NEXT,
                  POSTGRES_MESSAGES_NEXT,
                  ANSWERS,
                  12,
                  {TYPE_INT8, TYPE_BYTES, TYPE_INT8, TYPE_INT8, TYPE_INT8, TYPE_INT8, TYPE_INT8,
                   TYPE_BYTES, TYPE_BYTES, TYPE_TEXT, TYPE_TEXT, TYPE_INT8}},
    [MESSAGES_TOLD] = {SQL_MESSAGE_NEXT_TOLD,
                       POSTGRES_MESSAGES_NEXT_TOLD,
                       ANSWERS,
                       14,
                       {TYPE_INT8, TYPE_BYTES, TYPE_INT8, TYPE_INT8, TYPE_INT8, TYPE_INT8,
                        TYPE_INT8, TYPE_BYTES, TYPE_BYTES, TYPE_TEXT, TYPE_TEXT, TYPE_INT8,
                        TYPE_BYTES, TYPE_BYTES}},
    [SESSIONS] = {.manner = ASKS},
    [BEHIND] = {.manner = ASKS},
    [SESSION_TOUCHES] = {SQL_SESSION_TOUCH,
                         POSTGRES_SESSIONS_TOUCH,
                         CHANGES,
                         5,
                         {TYPE_INT8, TYPE_BYTES, TYPE_INT8, TYPE_INT8, TYPE_INT8}},
};

static bool is_single(enum kind kind)
{
    return known[kind].n == 0;
}

static enum kind kind_of(int which)
{
    if (which == POSTGRES_SESSION_FIND_LOCK || which == POSTGRES_SESSION_READ_LOCK)
        return SESSIONS;
    for (enum kind kind = 0; kind < KINDS; kind++)
        if (!is_single(kind) && known[kind].one == which)
            return kind;
    return OTHERS;
}

static size_t bytes_of(const struct use *use)
{
    size_t bytes = 0;

    for (int i = 0; i < use->n; i++)
        bytes += LENGTH + (use->values[i] ? (size_t)use->lengths[i] : 0);
    return bytes;
}

/* Copies the parameters, to outlive their query. False: out of memory. */
static bool keep_values(struct postgres *d, struct use *use)
{
    size_t bytes = bytes_of(use) + 1;
    char *at;

    if (d->n_kept + bytes > BYTES_MAX)
        gather_finish(d);
    at = arena_alloc(&d->kept, bytes);
    d->n_kept += bytes;
    for (int i = 0; at && i < use->n; i++) {
        if (!use->values[i])
            continue;
        if (use->lengths[i])
            memcpy(at, use->values[i], (size_t)use->lengths[i]);
        use->values[i] = at;
        at += use->lengths[i];
    }
    return at != NULL;
}

static void add(struct postgres *d, struct use *use, enum kind kind)
{
    d->held |= 1U << kind;
    use->sent = true; /* so it is for its query */
    use->trip = d->trips;
    use->place = d->places++;
    use_append(&d->gathered[kind].first, &d->gathered[kind].last, use);
}

/* Gathers a use that its query gives up. False: out of memory. */
static bool add_kept(struct postgres *d, struct use *use, enum kind kind)
{
    if (!keep_values(d, use))
        return false;
    add(d, use, kind);
    pipe_free(d, use);
    return true;
}

static bool can_wait(const struct postgres *d, const struct use *use)
{
    return d->track && d->conn && bytes_of(use) <= MEMBER_MAX;
}

/* Sends what this op has gathered if a use of this kind would overtake it; touches of sessions wait for the end. */
static void keep_order(struct postgres *d, enum kind kind)
{
    enum manner manner = known[kind].manner;
    bool is_change = manner == CHANGES || manner == ANSWERS;

    for (enum kind i = 0; i < SESSION_TOUCHES; i++)
        if (d->held >> i & 1 &&
            ((known[i].manner == ASKS) != (manner == ASKS) || (i == kind && is_change))) {
            gather_send(d);
            return;
        }
}

bool gather_ask(struct postgres *d, struct use *use, struct use *lock)
{
    enum kind kind = kind_of(use->which), lock_kind = lock ? kind_of(lock->which) : THREAD_LOCKS;

    if (!can_wait(d, use) || is_single(lock_kind) || known[kind].manner < ANSWERS)
        return false;
    keep_order(d, kind);
    if (lock && d->held & (1U << OTHERS | 1U << SESSIONS))
        gather_send(d); /* the op must lock that before this */
    if (kind == OTHERS && d->held >> SESSIONS & 1 && use->which != POSTGRES_THREAD_FIND_LOCK)
        kind = BEHIND;
    if (lock && !add_kept(d, lock, lock_kind))
        return false;
    add(d, use, kind);
    return true;
}

bool gather_run(struct postgres *d, struct use *use)
{
    enum kind kind = kind_of(use->which);

    if (!can_wait(d, use) || known[kind].manner >= ANSWERS)
        return false;
    keep_order(d, kind);
    return add_kept(d, use, kind);
}

/* Takes uses off a list: as many as fit into one message, at least one. */
static struct use *take_some(struct postgres *d, enum kind kind, int *n, size_t *bytes)
{
    struct use_list *list = &d->gathered[kind];
    struct use *first = list->first, *last = NULL;

    *n = 0;
    *bytes = 0;
    for (struct use *next = first; next; next = last->next) {
        size_t more = bytes_of(next);

        if (last && (is_single(kind) || *bytes + more > BYTES_MAX))
            break;
        *bytes += more;
        *n += 1;
        last = next;
    }
    list->first = last->next;
    last->next = NULL;
    return first;
}

static char *put_int(char *at, uint32_t n)
{
    n = htobe32(n);
    memcpy(at, &n, sizeof(n));
    return at + sizeof(n);
}

/* Writes an array in binary form: dimensions, has NULLs, type, length, first index; then elements. */
static char *put_array(char *at, const struct use *members, int n, int parameter, Oid type)
{
    bool nulls = false;

    for (const struct use *m = members; m; m = m->next)
        nulls |= !m->values[parameter];
    at = put_int(put_int(put_int(at, 1), nulls), type);
    at = put_int(put_int(at, (uint32_t)n), 1);
    for (const struct use *m = members; m; m = m->next) {
        const char *value = m->values[parameter];
        size_t len = value ? (size_t)m->lengths[parameter] : 0;

        at = put_int(at, value ? (uint32_t)len : UINT32_MAX);
        if (len)
            memcpy(at, value, len);
        at += len;
    }
    return at;
}

static bool bind_arrays(struct postgres *d, struct use *all, const struct gathered *as, int n,
                        size_t bytes, struct err *err)
{
    char *at = arena_alloc(&d->kept, bytes + (size_t)as->n * HEAD);

    if (!at)
        return err_no_memory(err);
    for (int i = 0; i < as->n; i++) {
        all->types[i] = 0; /* the type is in the SQL text */
        all->values[i] = at;
        at = put_array(at, all->members, n, i, as->types[i]);
        all->lengths[i] = (int)(at - all->values[i]);
    }
    all->n = as->n;
    return true;
}

/* Makes members separate again; frees those that nobody waits for. */
static void release(struct postgres *d, struct use *members)
{
    for (struct use *next, *m = members; m; m = next) {
        next = m->next;
        m->next = NULL;
        m->done = true;
        if (m->detached)
            pipe_free(d, m);
    }
}

/* The number of the element that a row belongs to: the last column. */
static int element_of(const struct use *all, int row)
{
    int64_t n;

    memcpy(&n, PQgetvalue(all->result, row, PQnfields(all->result) - 1), sizeof(n));
    return (int)be64toh((uint64_t)n);
}

static struct use *member(const struct use *all, int number)
{
    struct use *m = all->members;

    while (--number > 0)
        m = m->next;
    return m;
}

/* Gives each member its row of the answer; an answer without columns is not kept. */
static void share(struct postgres *d, struct use *all)
{
    bool kept = PQnfields(all->result) > 0;

    for (struct use *m = all->members; m; m = m->next) {
        m->borrowed = kept;
        m->result = kept ? all->result : NULL;
    }
    for (int row = 0; row < all->rows; row++) {
        struct use *m = member(all, element_of(all, row));

        m->first = row;
        m->rows = 1;
    }
    release(d, all->members);
    all->members = NULL;
    if (!kept) {
        pipe_free(d, all);
        return;
    }
    all->next = d->shared;
    d->shared = all;
}

/* Gives the answer to the only member. */
static void hand_over(struct postgres *d, struct use *all)
{
    struct use *m = all->members;

    m->result = all->result;
    m->rows = all->rows;
    all->result = NULL;
    all->members = NULL;
    release(d, m);
    pipe_free(d, all);
}

/* Fails some uses; their queries see it by d->failed. */
static void fail(struct postgres *d, struct use *members, const struct err *why)
{
    if (!d->failed)
        d->failure = *why;
    d->failed = true;
    release(d, members);
}

/* Takes the locks again. A statement that waits for its first lock does not see, and so does not lock, threads
 * that were made meanwhile. */
static void lock_again(struct postgres *d, const struct use *all)
{
    struct err err;
    struct use *again = pipe_use(d, USE_QUERY, all->which, &err);

    if (again) {
        again->detached = true;
        use_bind_as(again, all, all->n);
    }
    if (!again || !statement_send(d, again, &err))
        fail(d, NULL, &err);
}

static bool send(struct postgres *d, enum kind kind, struct use *members, int n, size_t bytes,
                 struct err *err)
{
    struct use *all = pipe_use(d, USE_QUERY, n > 1 ? known[kind].many : members->which, err);

    if (!all)
        return false;
    all->members = members;
    all->answered = n > 1 ? share : hand_over;
    if (n == 1)
        use_bind_as(all, members, members->n);
    else if (!bind_arrays(d, all, &known[kind], n, bytes, err)) {
        pipe_free(d, all);
        return false;
    }
    if (!statement_send(d, all, err))
        return false;
    if (all->which == POSTGRES_NS_FIND_LOCKS)
        lock_again(d, all);
    return true;
}

/* Which of some lists goes on with the use that was gathered first; -1: all have ended. */
static int earliest(struct use *const next[], int n)
{
    int first = -1;

    for (int i = 0; i < n; i++)
        if (next[i] && (first < 0 || next[i]->place < next[first]->place))
            first = i;
    return first;
}

/* If sessions are locked by several statements, locks all before them in the order of their ops. One session is
 * not enough: a message whose usual way fails has not locked its session, and would do so last. */
static void lock_sessions(struct postgres *d)
{
    enum { LISTS = SESSIONS - MESSAGES + 1 };
    struct use *next[LISTS];
    struct err err;

    if (!d->gathered[SESSIONS].first ||
        (!d->gathered[MESSAGES].first && !d->gathered[MESSAGES_TOLD].first))
        return;
    for (int i = 0; i < LISTS; i++)
        next[i] = d->gathered[MESSAGES + i].first;
    for (int i; (i = earliest(next, LISTS)) >= 0; next[i] = next[i]->next) {
        struct use *lock = pipe_use(d, USE_QUERY, POSTGRES_SESSION_LOCK, &err);

        if (!lock) {
            fail(d, NULL, &err);
            return;
        }
        lock->detached = true;
        use_bind_as(lock, next[i], known[SESSION_LOCKS].n);
        add(d, lock, SESSION_LOCKS);
    }
}

static void send_all(struct postgres *d, enum kind kind)
{
    struct err err;
    size_t bytes;
    int n;

    while (d->gathered[kind].first) {
        struct use *members = take_some(d, kind, &n, &bytes);

        if (!send(d, kind, members, n, bytes, &err))
            fail(d, members, &err);
    }
}

/* Frees the parameters of what was sent; touches, which may wait for longer, still need theirs. */
static void free_kept(struct postgres *d)
{
    if (d->gathered[SESSION_TOUCHES].first)
        return;
    arena_reset(&d->kept);
    d->n_kept = 0;
}

void gather_send(struct postgres *d)
{
    lock_sessions(d);
    for (enum kind kind = 0; kind < SESSION_TOUCHES; kind++)
        send_all(d, kind);
    d->held = 0;
    free_kept(d);
}

void gather_finish(struct postgres *d)
{
    gather_send(d);
    send_all(d, SESSION_TOUCHES);
    free_kept(d);
}

void gather_done(struct postgres *d)
{
    while (d->shared) {
        struct use *all = d->shared;

        d->shared = all->next;
        pipe_free(d, all);
    }
}
