/* cli_transfer.c - the commands migrate and verify; see cli.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "progress.h"
#include "record_text.h"
#include "store_url.h"
#include "transfer.h"

enum {
    SHOWN_MAX = 100, /* differences shown of each kind */
    ROUNDS_MAX = 5,  /* rounds of a repair */
};

const char cli_migrate_help[] =
    "Copies every record of every tenant: sessions, messages, contexts, threads, values, checkpoints,\n"
    "writes, also what is past its time to live, and what says that something was deleted. Stop the\n"
    "services of both stores first. It may be killed and run again at any time: what is there already\n"
    "is passed over. What the target holds besides stays; of two states of one record the newer wins.\n"
    "Exit status 1 when a record could not be copied, each of which is named on standard error.\n";

const char cli_verify_help[] =
    "Compares every record of every tenant, and names what is only in one store or differs: the first\n"
    "100 of each kind, all are counted. Exit status 0 when the stores are equal, 1 when they are not.\n"
    "With --repair each store gets what the other has, until both are equal; of two states of one\n"
    "record the newer wins, and what one store has deleted goes in the other.\n";

struct show {
    struct transfer *transfer;
    struct progress progress;
    const char *names[2], *flags[2]; /* of the stores */
    int64_t shown[RECORD_KIND_COUNT];
};

static void print_key(FILE *out, struct slice tenant, enum record_kind kind,
                      const struct record_key *key)
{
    struct arena arena = {0};
    struct text t;

    text_init(&t, &arena);
    record_text_key(&t, tenant, kind, key);
    fprintf(out, "%s %.*s", record_kind_name(kind), SLICE_ARGS(text_slice(&t)));
    arena_done(&arena);
}

static void show_failure(void *ctx, const struct transfer_failure *f)
{
    struct show *s = ctx;

    progress_end(&s->progress);
    fprintf(stderr, "stateward: %s: ", s->names[f->side]);
    if (f->key)
        print_key(stderr, f->tenant, f->kind, f->key);
    else
        fprintf(stderr, "the %ss of tenant %.*s cannot be read on", record_kind_name(f->kind),
                SLICE_ARGS(f->tenant));
    fprintf(stderr, ": %s\n", f->why->text);
}

static bool show_difference(void *ctx, const struct transfer_difference *d, struct err *err UNUSED)
{
    struct show *s = ctx;
    const struct record *r = d->left ? d->left : d->right;

    if (s->shown[r->kind]++ >= SHOWN_MAX)
        return true;
    progress_end(&s->progress);
    if (d->member)
        printf("differs in %s: ", d->member);
    else
        printf("only in %s: ", s->names[d->left ? LEFT : RIGHT]);
    print_key(stdout, d->tenant, r->kind, &r->key);
    printf("\n");
    return true;
}

static void show_progress(void *ctx, enum record_kind kind)
{
    static const enum record_kind sized[] = {RECORD_SESSION, RECORD_MESSAGE, RECORD_CHECKPOINT};
    struct show *s = ctx;
    int64_t done = 0;

    for (size_t i = 0; i < COUNT_OF(sized); i++)
        done += s->transfer->counts[sized[i]].seen[LEFT];
    progress_show(&s->progress, done, record_kind_name(kind), s->transfer->counts[kind].seen[LEFT]);
}

static bool run(struct transfer *t, struct show *s, struct err *err)
{
    int64_t total;
    bool ok;

    t->failure = show_failure;
    t->advance = show_progress;
    t->ctx = s;
    s->transfer = t;
    if (!transfer_size(t->stores[LEFT], &total, err))
        return false;
    progress_start(&s->progress, total);
    ok = transfer_run(t, err);
    progress_end(&s->progress);
    return ok;
}

static bool open_both(const struct config *cfg, struct show *s, const char *const urls[2],
                      struct caller stores[2], struct err *err)
{
    bool verify = cfg->a != NULL;

    if (!urls[LEFT] || !urls[RIGHT])
        return err_set(err, ERR_CONFIG, "%s URL and %s URL are needed: the two stores",
                       s->flags[LEFT], s->flags[RIGHT]);
    if (strcmp(urls[LEFT], urls[RIGHT]) == 0 || store_url_same(urls[LEFT], urls[RIGHT]))
        return err_set(err, ERR_CONFIG, "%s and %s name the same store", s->flags[LEFT],
                       s->flags[RIGHT]);
    return cli_open(cfg, s->flags[LEFT], urls[LEFT], true, &stores[LEFT], err) &&
           cli_open(cfg, s->flags[RIGHT], urls[RIGHT], verify, &stores[RIGHT], err);
}

static void close_both(struct caller stores[2])
{
    caller_close(&stores[LEFT]);
    caller_close(&stores[RIGHT]);
}

static void print_migrated(const struct transfer *t)
{
    printf("%-12s %12s %12s %8s\n", "", "records", "merged", "failed");
    for (int kind = 0; kind < RECORD_KIND_COUNT; kind++)
        printf("%-12s %12" PRId64 " %12" PRId64 " %8" PRId64 "\n",
               record_kind_name((enum record_kind)kind), t->counts[kind].seen[LEFT],
               t->counts[kind].merged[RIGHT], t->counts[kind].failed);
}

int cli_migrate(const struct config *cfg)
{
    const char *const urls[2] = {cfg->from, cfg->to};
    struct show s = {.names = {"--from", "--to"}, .flags = {"--from", "--to"}};
    struct caller stores[2] = {0};
    struct transfer t = {
        .stores = {&stores[LEFT], &stores[RIGHT]}, .into = {false, true}, .pending = true};
    struct err err;
    bool ok;

    ok = open_both(cfg, &s, urls, stores, &err);
    if (ok) {
        ok = run(&t, &s, &err);
        print_migrated(&t);
    }
    close_both(stores);
    if (!ok)
        return cli_fail(&err);
    return transfer_total(&t).failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static bool differs(const struct transfer *t)
{
    struct transfer_counts all = transfer_total(t);

    return all.only[LEFT] || all.only[RIGHT] || all.differ || all.failed;
}

static void print_verified(const struct transfer *t)
{
    printf("%-12s %12s %12s %12s %12s %12s\n", "", "in a", "in b", "only in a", "only in b",
           "differ");
    for (int kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        const struct transfer_counts *c = &t->counts[kind];

        printf("%-12s %12" PRId64 " %12" PRId64 " %12" PRId64 " %12" PRId64 " %12" PRId64 "\n",
               record_kind_name((enum record_kind)kind), c->seen[LEFT], c->seen[RIGHT],
               c->only[LEFT], c->only[RIGHT], c->differ);
    }
}

/* Repairs in rounds until nothing differs or nothing is merged any more. What cannot be repaired must not keep
 * the rest from it, so it is looked for at the end; t holds what was found then. */
static bool repair(struct transfer *t, struct show *s, struct err *err)
{
    int64_t merged[2] = {0, 0};
    struct transfer_counts all;

    t->into[LEFT] = t->into[RIGHT] = true;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        if (!run(t, s, err))
            return false;
        all = transfer_total(t);
        merged[LEFT] += all.merged[LEFT];
        merged[RIGHT] += all.merged[RIGHT];
        if (!differs(t) || all.merged[LEFT] + all.merged[RIGHT] == 0)
            break;
        t->difference = NULL; /* differences are shown once; what remains is in the table */
    }
    printf("merged %" PRId64 " into a, %" PRId64 " into b\n", merged[LEFT], merged[RIGHT]);
    if (differs(t))
        return true;
    t->into[LEFT] = t->into[RIGHT] = false;
    t->strict = true;
    return run(t, s, err);
}

int cli_verify(const struct config *cfg)
{
    const char *const urls[2] = {cfg->a, cfg->b};
    struct show s = {.names = {"a", "b"}, .flags = {"--a", "--b"}};
    struct caller stores[2] = {0};
    struct transfer t = {.stores = {&stores[LEFT], &stores[RIGHT]},
                         .difference = show_difference,
                         .strict = !cfg->repair};
    struct err err;
    bool ok;

    ok = open_both(cfg, &s, urls, stores, &err) &&
         (cfg->repair ? repair(&t, &s, &err) : run(&t, &s, &err));
    if (ok)
        print_verified(&t);
    close_both(stores);
    if (!ok)
        return cli_fail(&err);
    if (!differs(&t))
        printf("equal\n");
    return differs(&t) ? EXIT_FAILURE : EXIT_SUCCESS;
}
