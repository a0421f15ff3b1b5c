/*
 * pack.h - packs lists into bytes, for the columns and fields in which drivers keep them.
 *
 *     refs and head of a checkpoint, writes of a task, names in the outbox -> pack_*() -> store
 *     -> unpack_*()
 *
 * The first byte is the number of the format. Stores keep it for ever, so a change takes a new number. Lengths
 * found in packed bytes are never trusted.
 *
 * Threads    no state.
 * Ownership  results live in the arena; texts of unpacked writes there or in the packed bytes.
 * Units      bytes.
 * Errors     ERR_DAMAGED: not what pack_*() made. ERR_NO_MEMORY.
 */
#ifndef PACK_H
#define PACK_H

#include "arena.h"
#include "err.h"
#include "record.h"

/* Packs value ids; no ids give an absent slice. */
bool pack_refs(const int64_t *refs, size_t n, struct arena *arena, struct slice *packed,
               struct err *err) MUST_USE;

/* Unpacks value ids; an absent slice gives none. */
bool unpack_refs(struct slice packed, struct arena *arena, int64_t **refs, size_t *n,
                 struct err *err) MUST_USE;

/* A version is JSON text of at most 512 bytes (routes/input.h). */
enum { PACKED_VERSION_MAX = 1024 };

/* Shortens a version by the zeros that LangGraph puts in front; the result is in `room`, or unchanged. */
struct slice pack_version(struct slice version, char room[PACKED_VERSION_MAX]) MUST_USE;

/* Restores the version; absent stays absent. */
bool unpack_version(struct slice packed, struct arena *arena, struct slice *version,
                    struct err *err) MUST_USE;

enum { TASK_WRITES_MAX = 262144 }; /* requests add up to 65536 at a time */

/* Packs idx, channel and blob type and bytes of the writes of one task, compressed where that helps. ERR_INVALID:
 * more than TASK_WRITES_MAX. */
bool pack_writes(const struct write *writes, size_t n, struct arena *arena, struct slice *packed,
                 struct err *err) MUST_USE;

/* Unpacks the writes of a task; task_id and task_path are left absent. */
bool unpack_writes(struct slice packed, struct arena *arena, struct write **writes, size_t *n,
                   struct err *err) MUST_USE;

/* Where the value of a channel is. The numbers are stored. */
enum value_place {
    /* It may have a row; when this was written it had none, or nobody knew. */
    IN_DOUBT_WHERE = 0,
    IN_HEAD = 1,
    IN_ROW = 2,
    NOWHERE = 3, /* the channel has no value at this version */
};

/* What the head of a checkpoint says of one of its channels. */
struct inlined {
    struct channel_version of;
    enum value_place place;
    struct slice type, bytes; /* of a value that is IN_HEAD */
};

/* A head: the JSON of a checkpoint, and what it says of channels, sorted by wanted_order(). */
struct packed_head {
    struct slice json;
    struct inlined *items;
    size_t n;
    bool listed; /* it has a list of channels; documents and heads of earlier versions have none */
};

/* Packs a head; without `listed` it is just the JSON. */
bool pack_head(const struct packed_head *head, struct arena *arena, struct slice *packed,
               struct err *err) MUST_USE;

/* Unpacks a head; its texts point into the packed bytes. */
bool unpack_head(struct slice packed, struct arena *arena, struct packed_head *head,
                 struct err *err) MUST_USE;

/* Finds what a head says of a channel at this version; NULL: nothing. */
const struct inlined *head_find(const struct packed_head *head,
                                const struct channel_version *of) MUST_USE;

/* Packs names of records. */
bool pack_names(const struct record_name *names, size_t n, struct arena *arena,
                struct slice *packed, struct err *err) MUST_USE;

/* Unpacks names; their texts point into the packed bytes. */
bool unpack_names(struct slice packed, struct arena *arena, struct record_name **names, size_t *n,
                  struct err *err) MUST_USE;

enum { PACKED_COUNT_MAX = 11 };

/* Reads how many writes are packed; the first PACKED_COUNT_MAX bytes are enough. */
bool unpack_count(struct slice packed, size_t *n, struct err *err) MUST_USE;

#endif
