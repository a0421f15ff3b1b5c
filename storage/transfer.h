/*
 * transfer.h - two stores side by side: what differs between them, and making it equal.
 *
 *     migrate, verify, export -> transfer_run() -> tenant by tenant, kind by kind: both stores in key
 *     order (record_reader.h) -> each difference told, and merged (record_writer.h)
 *
 * It goes by what the stores hold, not by what was done before: broken off at any point it is simply
 * run again, and passes over what is equal by reading alone.
 *
 * Threads    one, the command's.
 * Ownership  the stores are the caller's; records are borrowed for the time of a call.
 * Units      counts are records.
 * Errors     as record_writer.h. A store that cannot read a record of its own tells `failed`, and its
 *            kind ends there; the other kinds go on.
 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include "caller.h"

enum transfer_side { LEFT, RIGHT };

struct transfer_counts {
    int64_t seen[2];   /* records of each side */
    int64_t only[2];   /* only there */
    int64_t differ;    /* there on both, and different */
    int64_t merged[2]; /* merged into that side, where they changed something */
    int64_t failed;    /* could not be read or merged */
};

/* One of left and right may be NULL; `member` is what differs if none is. */
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
    const struct record_key *key; /* NULL: that which could not be read */
    const struct err *why;
};

struct transfer {
    struct caller *stores[2]; /* RIGHT may be NULL: then everything is only on the left */
    bool into[2];             /* merge what differs into this side */
    bool pending;             /* sessions of the left with what is pending there counted */

    /* Each may be NULL. difference: false ends it all, and fills err. */
    bool (*difference)(void *ctx, const struct transfer_difference *d, struct err *err);
    void (*failure)(void *ctx, const struct transfer_failure *f);
    void (*advance)(void *ctx, enum record_kind kind); /* often; at the end of a kind too */
    void *ctx;

    struct transfer_counts counts[RECORD_KIND_COUNT]; /* results */
};

/* Walks through both. False: it was broken off. */
bool transfer_run(struct transfer *t, struct err *err) MUST_USE;

/* How many sessions, messages and checkpoints a store holds, for those who show how far it is. */
bool transfer_size(struct caller *store, int64_t *n, struct err *err) MUST_USE;

/* The counts of all kinds added up. */
struct transfer_counts transfer_total(const struct transfer *t) MUST_USE;

#endif
