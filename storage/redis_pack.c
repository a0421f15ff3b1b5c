/* redis_pack.c - see redis_pack.h. */
#include "redis_pack.h"

#include <stdlib.h>

enum { DIGITS = 24 }; /* at most, of a number and the blank behind it */

static char *put_number(char *p, int64_t n)
{
    char digits[DIGITS];
    uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;
    size_t at = sizeof(digits);

    do
        digits[--at] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (n < 0)
        digits[--at] = '-';
    memcpy(p, digits + at, sizeof(digits) - at);
    return p + sizeof(digits) - at;
}

bool redis_pack(const struct packed *in, struct arena *arena, struct slice *out, struct err *err)
{
    size_t most = (in->n_numbers + in->n_texts) * DIGITS + 1;
    char *start, *p;

    for (size_t i = 0; i < in->n_texts; i++)
        most += in->texts[i].len;
    p = start = arena_alloc(arena, most);
    if (!p)
        return err_no_memory(err);
    for (size_t i = 0; i < in->n_numbers; i++) {
        p = put_number(p, in->numbers[i]);
        *p++ = ' ';
    }
    for (size_t i = 0; i < in->n_texts; i++) {
        if (slice_present(in->texts[i]))
            p = put_number(p, (int64_t)in->texts[i].len);
        else
            *p++ = '-';
        *p++ = ' ';
    }
    if (p > start)
        p--;
    *p++ = '\n';
    for (size_t i = 0; i < in->n_texts; i++) {
        if (in->texts[i].len > 0)
            memcpy(p, in->texts[i].at, in->texts[i].len);
        p += in->texts[i].len;
    }
    *out = (struct slice){start, (size_t)(p - start)};
    return true;
}

/* Takes the next number of the first line; *none: it is "-". */
static bool take(const char **at, const char *end, int64_t *n, bool *none)
{
    const char *p = *at;
    bool minus = p < end && *p == '-';
    uint64_t value = 0;

    p += minus;
    *none = minus && (p == end || *p == ' ');
    if (p == end || (!*none && (*p < '0' || *p > '9')))
        if (!*none)
            return false;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        value = value * 10 + (uint64_t)(*p - '0');
    if (p < end && *p++ != ' ')
        return false;
    *at = p;
    *n = (int64_t)(minus ? -value : value);
    return true;
}

bool redis_unpack(struct slice in, const struct packed *out, struct err *err)
{
    const char *end = in.len ? memchr(in.at, '\n', in.len) : NULL, *p = in.at, *text;
    size_t left = end ? in.len - (size_t)(end + 1 - in.at) : 0;
    bool ok = end != NULL, none;
    int64_t n;

    for (size_t i = 0; ok && i < out->n_numbers; i++)
        ok = take(&p, end, &out->numbers[i], &none) && !none;
    text = end ? end + 1 : NULL;
    for (size_t i = 0; ok && i < out->n_texts; i++) {
        ok = take(&p, end, &n, &none) && n >= 0 && (size_t)n <= left;
        if (!ok)
            break;
        out->texts[i] = none ? (struct slice){NULL, 0} : (struct slice){text, (size_t)n};
        text += n;
        left -= (size_t)n;
    }
    return ok || err_set(err, ERR_DAMAGED, "redis: a stored record is damaged");
}

int64_t redis_number(struct slice text)
{
    const char *p = text.at;
    bool none;
    int64_t n;

    return slice_present(text) && take(&p, text.at + text.len, &n, &none) ? n : 0;
}

struct slice redis_decimal(int64_t n, struct arena *arena)
{
    char *p = arena_alloc(arena, DIGITS);

    return p ? (struct slice){p, (size_t)(put_number(p, n) - p)} : (struct slice){NULL, 0};
}

struct slice redis_digits(int64_t n, struct arena *arena)
{
    return arena_printf(arena, "%020lld", (long long)(n < 0 ? 0 : n));
}
