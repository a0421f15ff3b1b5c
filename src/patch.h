/*
 * patch.h - a value expressed as parts of an earlier one and new bytes between them.
 *
 *     frame: parts -> patch_apply(base) -> the whole bytes -> op, with the patch as a hint
 *
 * Threads    read-only once it is built.
 * Ownership  parts and their bytes live as long as the request.
 * Units      bytes.
 * Errors     named at the functions.
 */
#ifndef PATCH_H
#define PATCH_H

#include "bytes.h"
#include "compiler.h"

enum { PATCH_HASH_LEN = 16, PATCH_PARTS_MAX = 10000 };

/* New bytes, or a range of the base. */
struct patch_part {
    struct slice bytes; /* absent: copied from the base */
    uint64_t offset, len;
};

struct patch {
    const struct patch_part *parts;
    size_t n;
    uint64_t len;                                            /* of the whole value */
    struct slice version;                                    /* of the base: JSON text */
    uint8_t base_hash[PATCH_HASH_LEN], hash[PATCH_HASH_LEN]; /* blob_hash() of base and whole */
    /* Set once the base has been read: its bytes, its row, and its place in the chain (blob.h). */
    struct slice base;
    int64_t base_id, anchor_id;
    uint32_t place;
};

/* Appends a part. False: the whole would exceed SIZE_MAX / 2. */
bool patch_add(struct patch *p, struct patch_part *room, const struct patch_part *part) MUST_USE;

/* Index of the first part that reaches beyond a base of this length; p->n if none does. */
size_t patch_beyond(const struct patch *p, size_t base_len) MUST_USE;

/* Writes the p->len bytes of the whole; patch_beyond() must have found nothing. */
void patch_apply(const struct patch *p, struct slice base, char *out);

#endif
