/*
 * journal.h - what clients asked for and were told, and what was found to be wrong.
 *
 *     client.c -> entries -> check.c -> findings -> main
 *
 * Threads    one.
 * Ownership  entries live as long as the world, findings in struct journal.
 * Units      as in world.h.
 * Errors     none.
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include "world.h"

/* What a client may ask for. */
enum act {
    ACT_PUT,
    ACT_PATCH,
    ACT_APPEND,
    ACT_DELETE, /* session and thread */
    ACT_CHECKPOINT,
    ACT_WRITES,
    ACT_THREAD_DELETE,
    ACT_CONTEXT,
    ACT_TRIM,        /* all messages but the last two */
    ACT_PRUNE,       /* all checkpoints but the last one */
    ACT_COPY,        /* the thread, to a new one */
    ACT_RUNS_DELETE, /* checkpoints of the thread that have a run id */
    ACT_CLEANUP,     /* what is idle, of a tenant */
    ACT_SWEEP,       /* what has expired: nothing does in half a minute */
    ACTS
};

enum told {
    TOLD_NOTHING, /* yet */
    TOLD_OK,
    TOLD_FAILED,  /* 503 or 404: nothing was done */
    TOLD_UNKNOWN, /* 504, or the instance was killed */
};

/* One thing that a client wants, and asks for until it gives up. */
struct entry {
    struct entry *next;
    enum act act;
    int client, id;     /* of world_ids */
    int cell;           /* which checkpoint or task */
    const char *token;  /* its value: nobody else has it */
    bool keyed;         /* with an Idempotency-Key, so that it may be repeated */
    bool sets;          /* a patch: status too; others: as acts.c has it */
    bool create_only;   /* a put */
    int64_t if_version; /* a patch */
    bool doubt;         /* an attempt ended in doubt */
    bool home;          /* told by the instance that the client reads from */
    int64_t life;       /* of that one */
    int tries;
    enum told told;
    int64_t begun_us, ended_us;
};

enum finding_kind {
    OUTBOX_LEFT,
    STORES_DIFFER,
    BROUGHT_BACK,
    VALUE_LEFT,
    APPEND_LOST,
    REFUSED_APPLIED,
    DELETE_UNDONE,
    INCREMENT_LOST,
    INCREMENT_DOUBLED,
    CONDITION_BROKEN,
    COUNTERS_APART,
    SESSION_LOST,
    VALUE_LOST,
    VALUE_RESET,
    VALUE_STRANGE,
    OLDER_WON,
    OWN_WRITE_UNREAD,
    OWN_WRITE_MISSED, /* its instance was killed since */
    ERROR_STRANGE,
    FINDING_KINDS
};

struct finding {
    enum finding_kind kind;
    bool allowed; /* docs/failover.md names it */
    char text[200];
};

enum { FINDINGS_MAX = 32 };

struct journal {
    struct entry *first, **end;
    int64_t told[TOLD_UNKNOWN + 1];
    bool diverged[IDS];    /* both stores held acknowledged changes that the other one lacked */
    bool passed_by[IDS];   /* the primary alone took one, when the fallback had been taken over */
    bool made_late[IDS];   /* a change was made after it had been given up */
    bool merged_late[IDS]; /* so was a copy: it may bring back what was removed */
    bool unseen;           /* an instance went on without one of the stores */
    struct finding findings[FINDINGS_MAX];
    size_t n_findings;
};

/* An empty one. */
struct journal *journal_new(struct world *w);

/* A new entry. */
struct entry *journal_add(struct world *w);

/* Something is wrong with what is called so; id -1: with none of them. */
void journal_find(struct world *w, enum finding_kind kind, int id, const char *fmt, ...)
    PRINTF(4, 5);

/* A client was told that the change of this number, to what is called so, holds: who has it? */
void journal_acknowledged(struct world *w, int id, int64_t number);

/* A store has done this, and nobody waited for it any more. */
void journal_late(struct world *w, const struct op *op);

/* "append lost". */
const char *finding_name(enum finding_kind kind);

/* Whether clocks differ so that the order of changes may. */
bool journal_has_skew(const struct world *w);

#endif
