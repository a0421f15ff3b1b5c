/* journal.c - see journal.h. */
#include "journal.h"

#include <stdarg.h>
#include <stdio.h>

#include "instance.h"

static const char *const names[FINDING_KINDS] = {
    [OUTBOX_LEFT] = "outbox not empty",
    [STORES_DIFFER] = "stores differ",
    [BROUGHT_BACK] = "brought back",
    [VALUE_LEFT] = "value left over",
    [APPEND_LOST] = "append lost",
    [REFUSED_APPLIED] = "503 but applied",
    [DELETE_UNDONE] = "delete undone",
    [INCREMENT_LOST] = "increment lost",
    [INCREMENT_DOUBLED] = "increment doubled",
    [CONDITION_BROKEN] = "condition broken",
    [COUNTERS_APART] = "counters apart",
    [SESSION_LOST] = "session lost",
    [VALUE_LOST] = "value lost",
    [VALUE_STRANGE] = "strange value",
    [OLDER_WON] = "older value won",
    [OWN_WRITE_UNREAD] = "own write unread",
    [ERROR_STRANGE] = "strange error",
};

/* What follows from changes that are ordered by clocks which differ. */
static const bool by_order[FINDING_KINDS] = {
    [APPEND_LOST] = true,  [DELETE_UNDONE] = true, [INCREMENT_LOST] = true,
    [SESSION_LOST] = true, [VALUE_LOST] = true,    [OLDER_WON] = true,
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

void journal_late(struct world *w, struct slice id)
{
    for (int i = 0; i < IDS; i++)
        w->journal->late[i] |= slice_equal(id, slice_of(world_ids[i]));
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
    f->allowed = kind == VALUE_LEFT || kind == BROUGHT_BACK ||
                 (by_order[kind] && id >= 0 && j->diverged[id] && journal_has_skew(w));
    va_start(args, fmt);
    vsnprintf(f->text, sizeof(f->text), fmt, args);
    va_end(args);
    world_say(w, "WRONG: %s: %s%s", names[kind], f->text, f->allowed ? " (allowed)" : "");
}

const char *finding_name(enum finding_kind kind)
{
    return names[kind];
}
