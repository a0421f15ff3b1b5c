/*
 * transfer.h - compares two stores side by side, and makes them equal.
 *
 *     migrate, verify, export -> transfer_run() -> tenant by tenant, kind by kind: reads both stores in
 *     key order (record_reader.h) -> reports and merges each difference (record_writer.h)
 *
 * It goes by what the stores hold, not by what was done before. A run that was broken off is simply started
 * again: it reads what is equal by now, and changes nothing there.
 *
 * Threads    one, the command's.
 * Ownership  the stores belong to the caller; records are borrowed for the time of a call.
 * Units      counts are records.
 * Errors     as record_writer.h. A record that a store cannot read is reported to `failure`, and its kind
 *            ends there; the other kinds go on.
 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include "caller.h"

enum transfer_side { LEFT, RIGHT };

struct transfer_counts {
    int64_t seen[2];   /* records that this side holds */
    int64_t only[2];   /* records that the other side lacks */
    int64_t differ;    /* records that both sides hold, but not the same */
    int64_t merged[2]; /* records that changed something on this side */
    int64_t failed;    /* records that could not be read or merged */
};

/* Left or right may be NULL; if neither is, `member` names what differs. */
struct transfer_difference {
    struct slice tenant;
    const struct record *left, *right;
    const char *member;
};

struct transfer_failure {
    enum transfer_side side;
    bool reading;
    struct slice tenant;
    enum record_kind kind;
    const struct record_key *key; /* NULL: the record that could not be read */
    const struct err *why;
};

struct transfer {
    struct caller *stores[2]; /* RIGHT may be NULL: then everything is only on the left */
    bool into[2];             /* whether differences are merged into this side */
    bool pending;             /* sessions of the left include what is pending there */
    bool strict;              /* what can be read, but not by every operation, counts as damaged */

    /* Each may be NULL. difference: false ends the run, with *err filled. */
    bool (*difference)(void *ctx, const struct transfer_difference *d, struct err *err);
    void (*failure)(void *ctx, const struct transfer_failure *f);
    void (*advance)(void *ctx, enum record_kind kind); /* after each page and each kind */
    void *ctx;

    struct transfer_counts counts[RECORD_KIND_COUNT]; /* results */
};

/* Goes through both stores. False: the run was broken off. */
bool transfer_run(struct transfer *t, struct err *err) MUST_USE;

/* How many sessions, messages and checkpoints a store holds, to show how far a run is. */
bool transfer_size(struct caller *store, int64_t *n, struct err *err) MUST_USE;

/* The sum of the counts of all kinds. */
struct transfer_counts transfer_total(const struct transfer *t) MUST_USE;

#endif
