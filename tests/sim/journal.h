/*
 * journal.h - records what clients asked for and were told, and what was found to be wrong.
 *
 *     client.c -> entries -> check.c -> findings -> main
 *
 * Threads    one.
 * Ownership  entries live as long as the world; findings are part of struct journal.
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
    ACT_SWEEP,       /* what has expired: in half a minute nothing does */
    ACTS
};

enum told {
    TOLD_NOTHING, /* no answer yet */
    TOLD_OK,
    TOLD_FAILED,  /* 503, 404 or 409: nothing was done */
    TOLD_UNKNOWN, /* 504, or the instance was killed */
};

enum { TRIES = 4 };

/* Something that a client wants, and asks for until it is told or gives up. */
struct entry {
    struct entry *next;
    enum act act;
    int client, id;     /* id: index in world_ids */
    int cell;           /* which checkpoint or task */
    const char *token;  /* its value, which no other entry has */
    bool keyed;         /* with an Idempotency-Key, so that it may be repeated */
    bool sets;          /* a patch: sets the status; other acts: see acts.c */
    bool create_only;   /* for a put */
    int64_t if_version; /* for a patch; 0: none */
    bool doubt;         /* an attempt has ended in doubt */
    bool home;          /* answered by the instance that the client reads from */
    int64_t life;       /* life of the instance that answered */
    int tries;
    int64_t asked_us[TRIES]; /* by try: wall time, by which its op is known */
    enum told told;
    int64_t begun_us, ended_us;
};

enum finding_kind {
    OUTBOX_LEFT,
    STORES_DIFFER,
    BROUGHT_BACK,
    VALUE_LEFT,
    TIME_APART, /* a thread was empty in one store alone, and is written to by a clock that is behind */
    TOMB_LEFT, /* a deletion that the other store has collected, of an id that is used again */
    APPEND_LOST,
    REFUSED_APPLIED,
    DELETE_UNDONE,
    INCREMENT_LOST,
    INCREMENT_DOUBLED,
    CONDITION_BROKEN,
    CREATED_LATE, /* the same by a repeat, after an attempt that ended in doubt */
    COUNTERS_APART,
    SESSION_LOST,
    VALUE_LOST,
    VALUE_RESET,
    VALUE_STRANGE,
    OLDER_WON,
    OWN_WRITE_UNREAD,
    OWN_WRITE_MISSED, /* the same, but the instance was killed since */
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
    bool diverged[IDS];    /* by id: both stores held acknowledged changes that the other lacked */
    bool crossed[IDS];     /* by id: the same, but for one of them nobody was told */
    bool passed_by[IDS];   /* by id: the primary took one alone when the fallback had been taken
                              over */
    bool made_late[IDS];   /* by id: a store made a change that was given up before */
    bool merged_late[IDS]; /* by id: the same of a copy, which may bring back what was removed */
    bool outlived[IDS]; /* by id: a copy came to a store when the other one had forgotten what was
                              copied */
    bool blind[IDS];    /* by id: an instance used a store for it that had forgotten what this
                              instance has not seen, so that only the other store could tell */
    bool unseen;        /* an instance went on without having seen one of the stores */
    struct finding findings[FINDINGS_MAX];
    size_t n_findings;
};

/* Makes an empty journal. */
struct journal *journal_new(struct world *w);

/* Adds an entry, filled with zeros. */
struct entry *journal_add(struct world *w);

/* Reports a finding about an id; -1: about none. Decides whether it is allowed. */
void journal_find(struct world *w, enum finding_kind kind, int id, const char *fmt, ...)
    PRINTF(4, 5);

/* A client was told that the change with this number to an id is done: notes whether both stores now hold
 * changes that the other lacks. */
void journal_acknowledged(struct world *w, int id, int64_t number);

/* A store has run an op for which nobody waited any more. */
void journal_late(struct world *w, const struct op *op);

/* A store has run a copy of what the other one has forgotten since. */
void journal_outlived(struct world *w, const struct op *op);

/* An instance runs this op in a store that has forgotten something, and cannot know that. */
void journal_blind(struct world *w, const struct op *op);

/* The name of a kind: "append lost". */
const char *finding_name(enum finding_kind kind);

/* Whether the clocks of the instances differ, so that the order of changes may be another. */
bool journal_has_skew(const struct world *w);

#endif
