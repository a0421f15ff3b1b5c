/*
 * keep.h - decides which checkpoints stay when others are removed.
 *
 *     driver: the checkpoints of a thread -> keep_prune() | keep_needed() -> item.kept -> driver
 *
 * A checkpoint that stays may need ancestors. A delta channel has a value at few checkpoints only; LangGraph
 * rebuilds it at a checkpoint from the nearest ancestor with a value, and the writes from there on. Such
 * channels are the keys of metadata.counters_since_delta_snapshot. And a checkpoint of the old format (v < 4)
 * reads its sends from the writes of its parent.
 *
 * Threads    no state.
 * Ownership  items belong to the driver; names live in the arena.
 * Units      *_us wall microseconds.
 * Errors     those of load(); ERR_NO_MEMORY.
 */
#ifndef KEEP_H
#define KEEP_H

#include "arena.h"
#include "err.h"
#include "model.h"
#include "pack.h"

/* What load() is asked for, at most once per item. */
enum keep_part {
    KEEP_VALUES, /* sets values: channels of the rows that it refers to */
    KEEP_WRITES, /* sets writes: channels of its writes */
    KEEP_HEAD,   /* sets head, packed; absent if the driver cannot read it */
    KEEP_PARTS
};

struct keep_item {
    int64_t row; /* the driver's */
    struct slice id, parent_id, metadata;
    int64_t created_us;
    int64_t stamp; /* its write sequence */
    /* By load(); then sorted and distinct, `values` also from the head. */
    struct slice *values, *writes;
    size_t n_values, n_writes;
    struct slice head;       /* by load(); then its JSON */
    struct packed_head said; /* the unpacked head */
    bool holds;              /* it stays for its own sake */
    bool kept;               /* it stays */
    bool loaded[KEEP_PARTS];
    bool fetched[KEEP_PARTS]; /* for the driver: parts that it has set before they were asked for */
    size_t walk;              /* number of the last channel whose walk came through here */
    bool walk_open;           /* that walk is not finished */
    bool walk_needed;         /* that walk needs this one */
};

struct keep_ns {
    int64_t row; /* the driver's */
    struct slice ns;
    enum form form;
    struct keep_item *items; /* newest first: by id, or by write sequence */
    size_t n;
    bool dropped; /* the whole namespace goes, with writes that came before their checkpoint */
};

struct keep {
    struct arena *arena;
    bool (*load)(void *driver, struct keep_item *item, enum keep_part part, struct err *err);
    void *driver;
    int64_t keep_last, older_than_us; /* as in struct op_thread_prune */
};

/* Sorts the items of a namespace as its form wants them. */
void keep_newest_first(struct keep_ns *space);

/* Decides for all namespaces of a thread. */
bool keep_prune(struct keep *k, struct keep_ns *spaces, size_t n, struct err *err) MUST_USE;

/* Decides for a namespace in which `holds` is set: sets `kept` of these items, and of what they need. */
bool keep_needed(struct keep *k, struct keep_ns *space, struct err *err) MUST_USE;

#endif
