/* diagnose.c - see diagnose.h. */
#include "diagnose.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "diagnose_contact.h"
#include "id.h"

enum { PROBES = 20, MIDDLE = PROBES / 2 };

/* What a person may do about an error, known by a part of its text. */
static const char *advice_for(const char *text)
{
    static const struct {
        const char *part, *advice;
    } known[] = {
        {"user or the password", "mend user and password in the URL; look at pg_hba.conf too"},
        {"user or password is wrong", "mend user and password in the URL"},
        {"wants a password", "put a password into the URL, or PGPASSFILE"},
        {"no password, but one", "take the password out of the URL"},
        {"this user may not ", "give the user what docs/operations.md lists for Redis"},
        {"pg_hba.conf", "admit this machine in pg_hba.conf of the server"},
        {"does not exist", "make the role and the database: docs/operations.md, PostgreSQL"},
        {"must have ENCODING", "make the database anew: docs/operations.md, PostgreSQL"},
        {"in use by another process", "stop the service that has the file, or diagnose a copy"},
        {"is damaged", "stateward seal, if another program wrote it; else restore a backup"},
        {"newer version of this program", "use the newer program"},
        {"older schema", "back up, then start `stateward serve` of this version once"},
        {"no tables of stateward", "start `stateward serve` once: it makes them"},
        {"another program", "name another file"},
        {"is read-only", "let the user of the service write to the file and to its folder"},
        {"too many", "raise max_connections of the server, or lower the lanes of instances"},
        {"standby", "name all hosts, with target_session_attrs=read-write"},
        {"pool in transaction mode", "name the server itself, or set pool_mode=session"},
        {"no answer within", "look if the server hangs; raise --store-timeout if it is only slow"},
        {"loading", "wait until it has loaded its data"},
    };

    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (strstr(text, known[i].part))
            return known[i].advice;
    return "look at the log of the server";
}

static bool check_server(const struct diagnosis *d, struct caller *store)
{
    struct arena arena = {0};
    struct op op = {.type = OP_DESCRIBE, .tenant = SLICE("default"), .arena = &arena};
    struct err err;
    bool ok = caller_run(store, &op, &err);

    if (!ok)
        diagnosis_tell(d, "server", false, advice_for(err.text), "%s", err.text);
    else
        diagnosis_tell(d, "server", true, NULL, "%.*s", SLICE_ARGS(op.describe.out.server));
    if (ok && op.describe.out.schema)
        diagnosis_tell(d, "schema", true, NULL, "number %lld", (long long)op.describe.out.schema);
    else if (ok)
        diagnosis_tell(d, "schema", true, NULL, "none: its keys have no versions");
    arena_done(&arena);
    return ok;
}

static int order_times(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Times some probes. Each also tells how durable the store is. */
static bool check_latency(const struct diagnosis *d, struct caller *store, unsigned *caps)
{
    int64_t times[PROBES];
    struct err err;

    for (int i = 0; i < PROBES; i++) {
        struct op op = {.type = OP_PROBE, .tenant = SLICE("default")};
        int64_t begun_ns = clock_now_ns();

        if (!caller_run(store, &op, &err))
            return diagnosis_tell(d, "latency", false, advice_for(err.text), "probe %d: %s", i + 1,
                                  err.text);
        times[i] = clock_now_ns() - begun_ns;
        *caps = op.probe.out.caps;
    }
    qsort(times, PROBES, sizeof(*times), order_times);
    return diagnosis_tell(
        d, "latency", true, NULL, "%d probes: %.2f, %.2f, %.2f ms (least, middle, most)", PROBES,
        (double)times[0] * 1e-6, (double)times[MIDDLE] * 1e-6, (double)times[PROBES - 1] * 1e-6);
}

bool diagnose_connection(const struct diagnosis *d, const struct backend_config *cfg,
                         struct caller *out)
{
    unsigned caps = 0;
    struct err err;

    if (!diagnose_contact(d, cfg->url))
        return false;
    if (!caller_open(cfg, out, &err))
        return diagnosis_tell(d, "login", false, advice_for(err.text), "%s", err.text);
    diagnosis_tell(d, "login", true, NULL, "the store is open");
    if (!check_server(d, out) || !check_latency(d, out, &caps))
        return false;
    if (caps & BACKEND_EVICTS)
        return diagnosis_tell(
            d, "durable", true, NULL,
            "no: when its memory is full it throws data away (maxmemory-policy is "
            "not noeviction)");
    if (caps & BACKEND_DURABLE)
        return diagnosis_tell(d, "durable", true, NULL, "what is confirmed survives a restart");
    return diagnosis_tell(d, "durable", true, NULL,
                          "no: a restart of the store loses data (on Redis: appendonly yes, "
                          "appendfsync always; on PostgreSQL: fsync, synchronous_commit)");
}

struct scratch {
    const struct diagnosis *d;
    struct caller *store;
    struct arena arena;
    struct slice tenant;
};

static const struct slice session_id = {"probe", 5}, thread_id = {"probe", 5};
static const char sent[] = "{\"text\": \"\\u0000 \\ud83d \xC3\xA9\", \"n\": [1e400, -0.10]}";

static struct op scratch_op(struct scratch *s, enum op_type type, struct slice id)
{
    return (struct op){
        .type = type,
        .tenant = s->tenant,
        .id = id,
        .now_us = clock_now_us(),
        .stamp = stamp_next(),
        .arena = &s->arena,
    };
}

static bool run(struct scratch *s, const char *name, struct op *op)
{
    struct err err;

    return caller_run(s->store, op, &err) || diagnosis_tell(s->d, name, false, advice_for(err.text),
                                                            "%s: %s", op_name(op->type), err.text);
}

static bool create(struct scratch *s)
{
    struct message message = {.id = SLICE("m-1"),
                              .role = SLICE("user"),
                              .content = slice_of(sent),
                              .metadata = SLICE("{}")};
    struct op session = scratch_op(s, OP_SESSION_PUT, session_id);
    struct op append = scratch_op(s, OP_MESSAGE_APPEND, session_id);
    struct op checkpoint = scratch_op(s, OP_CHECKPOINT_PUT, thread_id);
    struct op_checkpoint_put *put = &checkpoint.checkpoint_put;

    session.session_put.user_id = SLICE("diagnose");
    session.session_put.metadata = slice_of(sent);
    append.message_append.messages = &message;
    append.message_append.n = 1;
    append.message_append.require_session = true;
    put->ns = SLICE("");
    put->checkpoint_id = SLICE("c-1");
    put->form = FORM_DOCUMENT;
    put->metadata = SLICE("{}");
    put->head = (struct blob){.type = SLICE(""), .bytes = slice_of(sent)};
    return run(s, "create", &session) && run(s, "create", &append) &&
           run(s, "create", &checkpoint) &&
           diagnosis_tell(s->d, "create", true, NULL, "a session, a message, a checkpoint");
}

static bool compare(struct scratch *s)
{
    struct op session = scratch_op(s, OP_SESSION_GET, session_id);
    struct op messages = scratch_op(s, OP_MESSAGE_LIST, session_id);
    struct op checkpoint = scratch_op(s, OP_CHECKPOINT_GET, thread_id);
    const char *differs = NULL;

    messages.message_list.limit = 10;
    checkpoint.checkpoint_get.ns = SLICE("");
    if (!run(s, "read", &session) || !run(s, "read", &messages) || !run(s, "read", &checkpoint))
        return false;
    diagnosis_tell(s->d, "read", true, NULL, "the same three");
    if (!slice_equal(session.session_get.out.session.metadata, slice_of(sent)))
        differs = "the metadata of the session";
    else if (messages.message_list.out.n != 1 ||
             !slice_equal(messages.message_list.out.items[0].content, slice_of(sent)))
        differs = "the message";
    else if (!slice_equal(checkpoint.checkpoint_get.out.checkpoint->head.bytes, slice_of(sent)))
        differs = "the checkpoint";
    if (differs)
        return diagnosis_tell(s->d, "compare", false,
                              "does anything between here and the store change data?",
                              "%s is not what was sent", differs);
    return diagnosis_tell(s->d, "compare", true, NULL, "each is what was sent, byte for byte");
}

static bool end(struct scratch *s)
{
    struct op op = scratch_op(s, OP_SESSION_PATCH, session_id);

    op.session_patch.status = SLICE("completed");
    if (!run(s, "end", &op))
        return false;
    if (!slice_equal(op.session_patch.out.session.status, SLICE("completed")))
        return diagnosis_tell(s->d, "end", false, "look at the log of the server",
                              "the session has another status");
    return diagnosis_tell(s->d, "end", true, NULL, "the session is completed");
}

/* Removes the scratch tenant, also what a failed check has left of it. */
static bool clear(struct scratch *s)
{
    struct op session = scratch_op(s, OP_SESSION_DELETE, session_id);
    struct op thread = scratch_op(s, OP_THREAD_DELETE, thread_id);
    struct op tenant = scratch_op(s, OP_TENANT_FORGET, (struct slice){NULL, 0});

    if (!run(s, "remove", &session) || !run(s, "remove", &thread) || !run(s, "remove", &tenant))
        return false;
    return diagnosis_tell(
        s->d, "remove", tenant.tenant_forget.out.removed, "run cleanup in some hours", "%s",
        tenant.tenant_forget.out.removed ? "nothing is left of it" : "something is left");
}

bool diagnose_consistency(const struct diagnosis *d, struct caller *store)
{
    struct scratch s = {.d = d, .store = store};
    char name[ID_UUID_LEN + 1];
    bool ok;

    id_uuid7(name);
    s.tenant = slice_of(name);
    ok = create(&s) && compare(&s) && end(&s);
    ok = clear(&s) && ok;
    arena_done(&s.arena);
    return ok;
}
