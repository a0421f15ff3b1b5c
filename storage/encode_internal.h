/*
 * encode_internal.h - what the files of encode.h share.
 *
 *     encode.c -> struct encoded -> encode_guess.c
 *
 * Threads    the lane's.
 * Ownership  as encode.h.
 * Units      bytes.
 * Errors     as encode.h.
 */
#ifndef ENCODE_INTERNAL_H
#define ENCODE_INTERNAL_H

#include "encode.h"

/* What a value may be based on. */
struct source {
    int64_t id; /* 0 = nothing */
    int64_t anchor_id;
    uint32_t place;
    struct slice bytes;
};

struct encoded {
    struct blob *blob;                /* in the op */
    struct slice whole;               /* its bytes as they were sent */
    const struct channel_version *of; /* NULL: the head */
    struct value_key key;
    const struct cached_value *used[2]; /* of the cache, until it is done */
    struct source base;
    const struct patch *patch; /* from that base; NULL = not known */
    bool sought;               /* the store may know a base */
    bool is_newest;            /* a head that replaces the newest one */
    int64_t wanted;            /* an anchor that the cache has lost */
    uint32_t place;
};

/*
 * Sets put->carried_ids if this looks like the checkpoint behind those that were stored here, and what it
 * rests on is known.
 */
bool encode_guess(struct encoder *e, struct err *err) MUST_USE;

#endif
