/*
 * names.h - decodes, sorts and compares the names of object members by their characters.
 *
 *     split.c -> names_unique();  filter.c -> names_sort()
 *
 * Threads    no state.
 * Ownership  results live in the arena or point into the text.
 * Units      none.
 * Errors     ERR_INVALID: a name occurs twice. ERR_NO_MEMORY.
 */
#ifndef NAMES_H
#define NAMES_H

#include "split.h"

enum {
    NAMES_SHOWN = 48, /* bytes of an unknown name that an error quotes */
    NAMES_POINTER_LEN = 3 * NAMES_SHOWN + 1,
};

struct name {
    struct slice text; /* escapes decoded */
    size_t index;      /* of its member */
};

/* Decodes a string, given without its quotes; uses the arena only if there are escapes. */
bool names_decode(struct slice raw, struct arena *arena, struct slice *out,
                  struct err *err) MUST_USE;

/* The part of a name that an error quotes; valid UTF-8. */
struct slice names_shown(struct slice name);

/*
 * Writes a name, given as sent, without its quotes, as a part of a JSON pointer for an error text. What
 * cannot stand in such a text is written in its escaped form, as it was sent.
 */
void names_pointer(struct slice raw, struct arena *arena, char out[NAMES_POINTER_LEN]);

/* Sorts the members by name; those of one name keep their order. */
bool names_sort(const struct split_member *members, size_t n, struct arena *arena,
                struct name **sorted, struct err *err) MUST_USE;

/* Whether each name occurs once; ERR_INVALID "/name: is given more than once" if not. */
bool names_unique(const struct split_member *members, size_t n, struct arena *arena,
                  struct err *err) MUST_USE;

#endif
