/*
 * sorted.h - lists that are sorted once and then searched.
 *
 *     numbers, texts: gather -> sorted_numbers() | sorted_texts() -> sorted_number() | sorted_has()
 *     what is wanted by channel and version: wanted_sort() -> each row: wanted_find() -> wanted_next()
 *
 * Threads    no state.
 * Ownership  the caller's lists; texts are borrowed.
 * Units      none.
 * Errors     none.
 */
#ifndef SORTED_H
#define SORTED_H

#include "model.h"

/* Sorts numbers; each stays once, and 0 does not. How many are left, at the front. */
size_t sorted_numbers(int64_t *numbers, size_t n) MUST_USE;

/* A number in such a list, or NULL. */
const int64_t *sorted_number(const int64_t *numbers, size_t n, int64_t number) MUST_USE;

/* Sorts texts; each stays once. How many are left, at the front. An absent text is an empty one. */
size_t sorted_texts(struct slice *texts, size_t n) MUST_USE;

/* Whether a text is in such a list. */
bool sorted_has(const struct slice *texts, size_t n, struct slice text) MUST_USE;

/* One entry of a list of the caller, under its name. */
struct wanted {
    struct channel_version of;
    size_t index; /* in that list */
};

struct wanted_list {
    struct wanted *items;
    size_t n;
};

/* By channel and version as bytes: below, at or above 0. */
int wanted_order(const struct channel_version *x, const struct channel_version *y) MUST_USE;

/* Sorts by wanted_order(). */
void wanted_sort(struct wanted_list *list);

/* The first entry of a name in a sorted list, or NULL. */
const struct wanted *wanted_find(const struct wanted_list *list,
                                 const struct channel_version *of) MUST_USE;

/* The next entry of the same name, or NULL. */
const struct wanted *wanted_next(const struct wanted_list *list, const struct wanted *at) MUST_USE;

#endif
