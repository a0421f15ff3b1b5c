/* text.c - see text.h. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_FIRST = 256, TEXT_LARGE = 1024 * 1024 };

void text_init(struct text *t, struct arena *arena)
{
    *t = (struct text){.arena = arena};
}

/* The next size: twice as much; of a large text, of which many may be in memory, a quarter more. */
static size_t grown(size_t cap, size_t need)
{
    if (need > TEXT_LARGE)
        return need > PTRDIFF_MAX ? need : need + need / 4;
    if (cap == 0)
        cap = TEXT_FIRST;
    while (cap < need)
        cap *= 2;
    return cap;
}

bool text_reserve(struct text *t, size_t n)
{
    size_t need, cap;
    char *at;

    if (t->failed)
        return false;
    if (n <= t->cap - t->len)
        return true;
    t->failed = true;
    if (__builtin_add_overflow(t->len, n, &need))
        return false;
    cap = grown(t->cap, need);
    at = arena_resize(t->arena, t->at, t->cap, cap);
    if (!at)
        return false;
    t->at = at;
    t->cap = cap;
    t->failed = false;
    return true;
}

void text_put(struct text *t, struct slice s)
{
    if (s.len == 0 || !text_reserve(t, s.len))
        return;
    memcpy(t->at + t->len, s.at, s.len);
    t->len += s.len;
}

void text_puts(struct text *t, const char *s)
{
    text_put(t, slice_of(s));
}

void text_printf(struct text *t, const char *fmt, ...)
{
    va_list args, again;
    int len;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    if (len < 0)
        t->failed = true;
    else if (text_reserve(t, (size_t)len + 1)) {
        vsnprintf(t->at + t->len, (size_t)len + 1, fmt, again);
        t->len += (size_t)len;
    }
    va_end(again);
    va_end(args);
}

struct slice text_slice(const struct text *t)
{
    return t->at ? (struct slice){t->at, t->len} : SLICE("");
}
