/* sorted.c - see sorted.h. */
#include "sorted.h"

#include <stdlib.h>

static int order_numbers(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

size_t sorted_numbers(int64_t *numbers, size_t n)
{
    size_t kept = 0;

    if (n > 1)
        qsort(numbers, n, sizeof(*numbers), order_numbers);
    for (size_t i = 0; i < n; i++)
        if (numbers[i] != 0 && (kept == 0 || numbers[i] != numbers[kept - 1]))
            numbers[kept++] = numbers[i];
    return kept;
}

const int64_t *sorted_number(const int64_t *numbers, size_t n, int64_t number)
{
    return n ? bsearch(&number, numbers, n, sizeof(number), order_numbers) : NULL;
}

static int order_texts(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

size_t sorted_texts(struct slice *texts, size_t n)
{
    size_t kept = 0;

    if (n > 1)
        qsort(texts, n, sizeof(*texts), order_texts);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !slice_equal(texts[i], texts[kept - 1]))
            texts[kept++] = texts[i];
    return kept;
}

bool sorted_has(const struct slice *texts, size_t n, struct slice text)
{
    return n > 0 && bsearch(&text, texts, n, sizeof(text), order_texts);
}

int wanted_order(const struct channel_version *x, const struct channel_version *y)
{
    int order = slice_compare(x->channel, y->channel);

    return order ? order : slice_compare(x->version, y->version);
}

static int order_wanted(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;

    return wanted_order(&x->of, &y->of);
}

void wanted_sort(struct wanted_list *list)
{
    if (list->n > 1)
        qsort(list->items, list->n, sizeof(*list->items), order_wanted);
}

const struct wanted *wanted_find(const struct wanted_list *list, const struct channel_version *of)
{
    size_t low = 0;

    for (size_t high = list->n; low < high;) {
        size_t mid = low + (high - low) / 2;

        if (wanted_order(&list->items[mid].of, of) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < list->n && wanted_order(&list->items[low].of, of) == 0 ? &list->items[low] : NULL;
}

const struct wanted *wanted_next(const struct wanted_list *list, const struct wanted *at)
{
    const struct wanted *next = at + 1;

    return next < list->items + list->n && wanted_order(&next->of, &at->of) == 0 ? next : NULL;
}
