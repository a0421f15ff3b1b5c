/*
 * sorted.h - sorts lists once, to be searched then.
 *
 *     numbers, texts: gather -> sorted_numbers() | sorted_texts() -> sorted_number() | sorted_has()
 *     entries by channel and version: wanted_sort() -> for each row: wanted_find() -> wanted_next()
 *
 * Threads    no state.
 * Ownership  lists belong to the caller; texts are borrowed.
 * Units      none.
 * Errors     none.
 */
#ifndef SORTED_H
#define SORTED_H

#include "model.h"

/* Sorts numbers, and drops zeros and duplicates. Returns how many are left, at the front. */
size_t sorted_numbers(int64_t *numbers, size_t n) MUST_USE;

/* Finds a number in such a list, or NULL. */
const int64_t *sorted_number(const int64_t *numbers, size_t n, int64_t number) MUST_USE;

/* Sorts texts, and drops duplicates. Returns how many are left, at the front. An absent text counts as
 * empty. */
size_t sorted_texts(struct slice *texts, size_t n) MUST_USE;

/* Whether such a list has the text. */
bool sorted_has(const struct slice *texts, size_t n, struct slice text) MUST_USE;

/* The channel version under which an entry of another list is wanted. */
struct wanted {
    struct channel_version of;
    size_t index; /* in that list */
};

struct wanted_list {
    struct wanted *items;
    size_t n;
};

/* Compares by channel, then version, as bytes: below, at or above 0. */
int wanted_order(const struct channel_version *x, const struct channel_version *y) MUST_USE;

/* Sorts by wanted_order(). */
void wanted_sort(struct wanted_list *list);

/* The first entry for a channel version in a sorted list, or NULL. */
const struct wanted *wanted_find(const struct wanted_list *list,
                                 const struct channel_version *of) MUST_USE;

/* The next entry for the same channel version, or NULL. */
const struct wanted *wanted_next(const struct wanted_list *list, const struct wanted *at) MUST_USE;

#endif
