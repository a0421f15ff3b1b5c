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

/* A possible base of a value. */
struct source {
    int64_t id; /* 0 = none */
    int64_t anchor_id;
    uint32_t place;
    struct slice bytes;
};

/* A value that is being encoded. */
struct encoded {
    struct blob *blob;                /* in the op */
    struct slice whole;               /* its bytes as they were sent */
    const struct channel_version *of; /* NULL: the head */
    struct value_key key;
    const struct cached_value *used[2]; /* entries of the cache, held until encode_done() */
    struct source base;
    const struct patch *patch; /* from that base; NULL = not known */
    bool sought;               /* the store may know a base */
    bool is_newest;            /* it is a head that replaces the newest one */
    int64_t wanted;            /* id of an anchor to be read; 0 = none */
    uint32_t place;
};

/*
 * Sets put->carried_ids if this seems to be the successor of a checkpoint that was stored by this process, and
 * all that it rests on is known.
 */
bool encode_guess(struct encoder *e, struct err *err) MUST_USE;

#endif
