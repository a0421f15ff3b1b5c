/* journal.c - see journal.h. */
#include "journal.h"

#include <stdarg.h>
#include <stdio.h>

#include "instance.h"
#include "ledger.h"
#include "store.h"

/* When a finding is allowed, as docs/failover.md says; see excuses() as well. */
enum allowed {
    NEVER,
    ALWAYS,
    BY_CLOCK, /* clocks that differ order the changes; and the id was changed on both sides while they
                 were apart, or a change in doubt came late */
    APART,    /* the id was changed on both sides while they were apart; or as BY_CLOCK */
    RESTARTED, /* the same without BY_CLOCK, or the instance was restarted and may have gone on with the
                  other store, which may have forgotten something */
    FOUND_LATELY, /* another instance has found in the last second that a store has forgotten something */
    SHARED        /* there are several instances */
};

static const struct {
    const char *name;
    enum allowed allowed;
} kinds[FINDING_KINDS] = {
    [OUTBOX_LEFT] = {"outbox not empty", NEVER},
    [STORES_DIFFER] = {"stores differ", NEVER},
    [BROUGHT_BACK] = {"brought back", ALWAYS},
    [VALUE_LEFT] = {"value left over", ALWAYS},
    [TIME_APART] = {"time of a thread differs", ALWAYS},
    [TOMB_LEFT] = {"tombstone left over", ALWAYS},
    [APPEND_LOST] = {"append lost", BY_CLOCK},
    [REFUSED_APPLIED] = {"503 but applied", NEVER},
    [DELETE_UNDONE] = {"delete undone", BY_CLOCK},
    [INCREMENT_LOST] = {"increment lost", BY_CLOCK},
    [INCREMENT_DOUBLED] = {"increment doubled", BY_CLOCK}, /* a deletion lost */
    [CONDITION_BROKEN] = {"condition broken", NEVER},
    [CREATED_LATE] = {"created by a repeat", SHARED},
    [COUNTERS_APART] = {"counters apart", NEVER},
    [SESSION_LOST] = {"session lost", BY_CLOCK},
    [VALUE_LOST] = {"value lost", BY_CLOCK},
    [VALUE_RESET] = {"value reset by a put", APART},
    [VALUE_STRANGE] = {"strange value", NEVER},
    [OLDER_WON] = {"older value won", BY_CLOCK},
    [OWN_WRITE_UNREAD] = {"own write unread", FOUND_LATELY},
    [OWN_WRITE_MISSED] = {"own write missed after a restart", RESTARTED},
    [ERROR_STRANGE] = {"strange error", NEVER},
};

struct journal *journal_new(struct world *w)
{
    struct journal *j = world_alloc(w, sizeof(*j));

    j->end = &j->first;
    return j;
}

struct entry *journal_add(struct world *w)
{
    struct entry *e = world_alloc(w, sizeof(*e));

    *w->journal->end = e;
    w->journal->end = &e->next;
    return e;
}

bool journal_has_skew(const struct world *w)
{
    return w->n_instances == 2 && (w->instances[0]->skew_us || w->instances[1]->skew_us);
}

/*
 * An instance that starts and reaches only a fallback which was taken over serves from it (11). Perhaps
 * nobody knew that it was taken over, since the reply was lost or the change was made late, and so the
 * primary went on alone.
 */
void journal_acknowledged(struct world *w, int id, int64_t number)
{
    struct slice name = slice_of(world_ids[id]);

    if (!store_acknowledged(w, number))
        return;
    w->journal->crossed[id] |= store_has_alone(w->stores[0], name) &&
                               store_has_alone(w->stores[1], name);
    if (!store_alone(w->stores[0], name))
        return;
    w->journal->passed_by[id] |= store_is_ahead(w->stores[1]);
    if (store_alone(w->stores[1], name)) {
        w->journal->diverged[id] = true;
        world_say(w, "%s is changed on both sides", world_ids[id]);
    }
}

/* Whether an op is about an id; a clean-up says so by its copies alone. */
static bool is_about(const struct op *op, struct slice id)
{
    bool about = slice_equal(op->id, id);

    for (size_t i = 0; i < op->n_copies; i++)
        about |= slice_equal(op->copies[i].key.id, id);
    return about;
}

void journal_late(struct world *w, const struct op *op)
{
    bool *late = op->type == OP_MERGE ? w->journal->merged_late : w->journal->made_late;

    for (int i = 0; i < IDS; i++) {
        struct slice name = slice_of(world_ids[i]);

        late[i] |= op_writes(op) && is_about(op, name);
        w->journal->passed_by[i] |= store_alone(w->stores[0], name) && store_is_ahead(w->stores[1]);
    }
}

void journal_outlived(struct world *w, const struct op *op)
{
    for (int i = 0; i < IDS; i++)
        w->journal->outlived[i] |= slice_equal(op->id, slice_of(world_ids[i]));
}

void journal_blind(struct world *w, const struct op *op)
{
    for (int i = 0; i < IDS; i++)
        w->journal->blind[i] |= slice_equal(op->id, slice_of(world_ids[i]));
}

/* Whether a finding is allowed about an id that was read or changed in a store of which only the other one could tell
 * that it is older: it is read as it was, of two counts the higher one stays, and a session that it does not know
 * begins as active. */
static bool excuses(const struct world *w, enum finding_kind kind)
{
    return kind == INCREMENT_LOST || kind == VALUE_RESET ||
           (kind == OWN_WRITE_UNREAD && ledger_hides_loss(w));
}

static bool is_allowed(const struct world *w, enum finding_kind kind, int id)
{
    const struct journal *j = w->journal;
    bool apart = id >= 0 && j->diverged[id];
    bool by_clock = id >= 0 && (apart || j->crossed[id] || j->made_late[id]) && journal_has_skew(w);

    if (id >= 0 && j->blind[id] && excuses(w, kind))
        return true;
    switch (kinds[kind].allowed) {
    case ALWAYS:
        return true;
    case RESTARTED:
        return apart || j->unseen || (id >= 0 && j->passed_by[id]) || ledger_hides_loss(w);
    case SHARED:
        return w->n_instances > 1;
    case FOUND_LATELY:
        return ledger_found_lately(w);
    case BY_CLOCK:
        return by_clock;
    case APART:
        return apart || by_clock;
    case NEVER:
        break;
    }
    return false;
}

void journal_find(struct world *w, enum finding_kind kind, int id, const char *fmt, ...)
{
    struct journal *j = w->journal;
    struct finding *f = &j->findings[j->n_findings];
    va_list args;

    if (j->n_findings == FINDINGS_MAX)
        return;
    j->n_findings++;
    f->kind = kind;
    f->allowed = is_allowed(w, kind, id);
    va_start(args, fmt);
    vsnprintf(f->text, sizeof(f->text), fmt, args);
    va_end(args);
    world_say(w, "WRONG: %s: %s%s", kinds[kind].name, f->text, f->allowed ? " (allowed)" : "");
}

const char *finding_name(enum finding_kind kind)
{
    return kinds[kind].name;
}
