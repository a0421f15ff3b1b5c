/*
 * names.h - names of object members by their characters, not by their spelling.
 *
 *     split.c -> names_unique();  filter.c -> names_sort()
 *
 * Threads    no state.
 * Ownership  results live in the arena or point into the text.
 * Units      none.
 * Errors     ERR_INVALID: a name that stands twice. ERR_NO_MEMORY.
 */
#ifndef NAMES_H
#define NAMES_H

#include "split.h"

enum {
    NAMES_SHOWN = 48, /* bytes of an unknown name that an error repeats */
    NAMES_POINTER_LEN = 3 * NAMES_SHOWN + 1,
};

struct name {
    struct slice text; /* escapes decoded */
    size_t index;      /* of its member */
};

/* The characters of a string, given what stands between its quotes; in the arena if it must. */
bool names_decode(struct slice raw, struct arena *arena, struct slice *out,
                  struct err *err) MUST_USE;

/* The part of a name that an error repeats; valid UTF-8. */
struct slice names_shown(struct slice name);

/*
 * Writes a name, given as it stands between its quotes, as a part of a JSON pointer for the text of
 * an error. What cannot stand in such a text is written as it was sent.
 */
void names_pointer(struct slice raw, struct arena *arena, char out[NAMES_POINTER_LEN]);

/* Sorts the members by name, those of one name in the order in which they stand. */
bool names_sort(const struct split_member *members, size_t n, struct arena *arena,
                struct name **sorted, struct err *err) MUST_USE;

/* Whether each name stands only once; ERR_INVALID "/name: stands twice" when not. */
bool names_unique(const struct split_member *members, size_t n, struct arena *arena,
                  struct err *err) MUST_USE;

#endif
