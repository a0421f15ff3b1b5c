/*
 * base64.h - base64 by RFC 4648, strict, on libcrypto.
 *
 * Threads    no state.
 * Ownership  results live in the arena.
 * Units      bytes.
 * Errors     decode: false on any character outside the alphabet, white space, wrong padding or
 *            non-zero spare bits (so each value has one spelling), or when memory runs out.
 */
#ifndef BASE64_H
#define BASE64_H

#include "arena.h"

enum base64_alphabet {
    BASE64_STANDARD, /* '+' '/', padded */
    BASE64_URL,      /* '-' '_', no padding */
};

/* Length of the standard, padded encoding of n bytes. */
size_t base64_length(size_t n);

/* Encodes into out, which has room for base64_length() + 1 bytes. Returns the length without the NUL. */
size_t base64_encode_to(char *out, struct slice bytes);

/* Encodes into the arena in the alphabet for URLs; {NULL, 0} when memory runs out. */
struct slice base64_encode_url(struct slice bytes, struct arena *arena) MUST_USE;

/* Decodes into the arena. */
bool base64_decode(struct slice text, enum base64_alphabet alphabet, struct arena *arena,
                   struct slice *bytes) MUST_USE;

#endif
