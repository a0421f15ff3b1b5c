/* json.c - see json.h. */
#include "json.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "base64.h"
#include "clock.h"
#include "decimal.h"
#include "scan.h"

enum {
    INT_TEXT = 20,  /* length of the longest 64-bit integer */
    TIME_TEXT = 29, /* length including the quotes */
};

/* The range of years with four digits; times beyond are written as its first or last one. */
#define TIME_FIRST (-62167219200 * S_US)
#define TIME_LAST (253402300800 * S_US - 1)

/* Makes room for a value of n bytes, and writes the comma before it; NULL when memory ran out. */
static char *begin(struct text *t, size_t n)
{
    if (!text_reserve(t, n + 1))
        return NULL;
    if (t->comma)
        t->at[t->len++] = ',';
    t->comma = true;
    return t->at + t->len;
}

void json_open(struct text *t, char bracket)
{
    if (!begin(t, 1))
        return;
    t->at[t->len++] = bracket;
    t->comma = false;
}

void json_close(struct text *t, char bracket)
{
    t->comma = false;
    if (begin(t, 1))
        t->at[t->len++] = bracket;
}

void json_key(struct text *t, const char *key)
{
    size_t len = strlen(key);
    char *out = begin(t, len + 3);

    if (!out)
        return;
    out[0] = '"';
    memcpy(out + 1, key, len);
    out[len + 1] = '"';
    out[len + 2] = ':';
    t->len += len + 3;
    t->comma = false;
}

void json_raw(struct text *t, struct slice json)
{
    if (!slice_present(json))
        json = SLICE("null");
    if (begin(t, json.len))
        text_put(t, json);
}

static void put_escape(struct text *t, char c)
{
    static const char shorts[] = "btn.fr"; /* U+0008..U+000D; U+000B has no short escape */

    if (c == '"' || c == '\\')
        text_printf(t, "\\%c", c);
    else if (c >= '\b' && c <= '\r' && c != '\v')
        text_printf(t, "\\%c", shorts[c - '\b']);
    else
        text_printf(t, "\\u%04x", (unsigned)c);
}

void json_utf8(struct text *t, struct slice utf8)
{
    const char *p = utf8.at, *end, *run;

    if (!slice_present(utf8)) {
        json_raw(t, utf8);
        return;
    }
    end = p + utf8.len;
    if (!begin(t, utf8.len + 2))
        return;
    text_put(t, SLICE("\""));
    while (p < end) {
        run = p;
        do
            p = scan_plain(p, end);
        while (p < end && (unsigned char)*p >= 0x80 && ++p);
        text_put(t, (struct slice){run, (size_t)(p - run)});
        if (p < end)
            put_escape(t, *p++);
    }
    text_put(t, SLICE("\""));
}

void json_int(struct text *t, int64_t n)
{
    char digits[INT_TEXT], *p = digits + sizeof(digits);
    uint64_t rest = n < 0 ? -(uint64_t)n : (uint64_t)n;

    do
        *--p = (char)('0' + rest % 10);
    while (rest /= 10);
    if (n < 0)
        *--p = '-';
    json_raw(t, (struct slice){p, (size_t)(digits + sizeof(digits) - p)});
}

void json_double(struct text *t, double n)
{
    char digits[40];
    int len = 0;

    assert(isfinite(n));
    for (int precision = 15; precision <= 17; precision++) {
        len = snprintf(digits, sizeof(digits) - 2, "%.*g", precision, n);
        if (strtod(digits, NULL) == n)
            break;
    }
    if (!strpbrk(digits, ".e")) {
        memcpy(digits + len, ".0", 2);
        len += 2;
    }
    json_raw(t, (struct slice){digits, (size_t)len});
}

void json_bool(struct text *t, bool b)
{
    json_raw(t, b ? SLICE("true") : SLICE("false"));
}

static char *put_digits(char *out, int64_t n, int width)
{
    for (int i = width; i-- > 0; n /= 10)
        out[i] = (char)('0' + n % 10);
    return out + width;
}

/* Days since 1970-01-01 of a Gregorian date; calculated with years that begin in March. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Writes days since 1970-01-01 as "YYYY-MM-DD"; the inverse of days_of(). */
static char *put_date(char *out, int64_t days)
{
    int64_t since = days + 719468, era = (since >= 0 ? since : since - 146096) / 146097;
    int64_t of_era = since - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
    int64_t month = m + (m < 10 ? 3 : -9);

    out = put_digits(out, y + era * 400 + (month <= 2), 4);
    *out++ = '-';
    out = put_digits(out, month, 2);
    *out++ = '-';
    return put_digits(out, of_year - (153 * m + 2) / 5 + 1, 2);
}

void json_time(struct text *t, int64_t us)
{
    char *out = begin(t, TIME_TEXT);
    int64_t days, of_day;

    if (!out)
        return;
    us = us < TIME_FIRST ? TIME_FIRST : us > TIME_LAST ? TIME_LAST : us;
    days = us / DAY_US - (us % DAY_US < 0);
    of_day = us - days * DAY_US;
    *out++ = '"';
    out = put_date(out, days);
    *out++ = 'T';
    out = put_digits(out, of_day / HOUR_US, 2);
    *out++ = ':';
    out = put_digits(out, of_day / MINUTE_US % 60, 2);
    *out++ = ':';
    out = put_digits(out, of_day / S_US % 60, 2);
    *out++ = '.';
    out = put_digits(out, of_day % S_US, 6);
    memcpy(out, "Z\"", 2);
    t->len += TIME_TEXT;
}

void json_base64(struct text *t, struct slice bytes)
{
    size_t len = base64_length(bytes.len);
    char *out = begin(t, len + 2);

    if (!out)
        return;
    base64_encode_to(out + 1, bytes);
    out[0] = out[len + 1] = '"';
    t->len += len + 2;
}

void json_member_string(struct text *t, const char *key, struct slice utf8)
{
    json_key(t, key);
    json_utf8(t, utf8);
}

void json_member_raw(struct text *t, const char *key, struct slice json)
{
    json_key(t, key);
    json_raw(t, json);
}

void json_member_int(struct text *t, const char *key, int64_t n)
{
    json_key(t, key);
    json_int(t, n);
}

void json_member_time(struct text *t, const char *key, int64_t us)
{
    json_key(t, key);
    json_time(t, us);
}

/* Lets jansson read one value. NULL: out of memory, or ERR_INVALID with the text `otherwise`. */
static json_t *load(struct slice json, size_t flags, const char *otherwise, struct err *err)
{
    json_error_t error;
    json_t *value = json_loadb(json.at, json.len, JSON_DECODE_ANY | flags, &error);

    if (!value && json_error_code(&error) == json_error_out_of_memory)
        (void)err_no_memory(err);
    else if (!value)
        err_fill(err, ERR_INVALID, "%s", otherwise);
    return value;
}

static void drop(json_t **value)
{
    json_decref(*value);
}

bool json_decode_string(struct slice json, struct arena *arena, struct slice *out, struct err *err)
{
    AUTO(drop) json_t *value = NULL;
    struct slice copy;

    if (json.len < 2 || *json.at != '"')
        return err_set(err, ERR_INVALID, "must be a string");
    if (!memchr(json.at, '\\', json.len)) {
        copy = arena_copy(arena, (struct slice){json.at + 1, json.len - 2});
    } else {
        value = load(json, JSON_ALLOW_NUL, "has a lone surrogate", err);
        if (!value)
            return false;
        copy = arena_copy(arena,
                          (struct slice){json_string_value(value), json_string_length(value)});
    }
    if (!copy.at)
        return err_no_memory(err);
    *out = copy;
    return true;
}

/* Keeps jansson from parsing a whole document where a number is expected. */
static bool is_number(struct slice json)
{
    return json.len > 0 && (*json.at == '-' || (*json.at >= '0' && *json.at <= '9'));
}

bool json_decode_int(struct slice json, int64_t *out, struct err *err)
{
    if (is_number(json) && decimal_to_int(json, out))
        return true;
    return err_set(err, ERR_INVALID, "must be an integer of 64 bits");
}

bool json_decode_double(struct slice json, double *out, struct err *err)
{
    AUTO(drop) json_t *value = NULL;

    if (!is_number(json))
        return err_set(err, ERR_INVALID, "must be a number");
    value = load(json, JSON_DECODE_INT_AS_REAL, "beyond the range of a double", err);
    if (!value)
        return false;
    *out = json_real_value(value);
    return true;
}

/* Takes n digits off the front; false if they are not digits, or not in min..max. */
static bool take_number(struct slice *text, size_t n, int64_t min, int64_t max, int64_t *out)
{
    *out = 0;
    if (text->len < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (text->at[i] < '0' || text->at[i] > '9')
            return false;
        *out = *out * 10 + (text->at[i] - '0');
    }
    *text = (struct slice){text->at + n, text->len - n};
    return *out >= min && *out <= max;
}

/* Takes a character off the front if it is one of two. */
static bool take_char(struct slice *text, char one, char other)
{
    if (text->len == 0 || (*text->at != one && *text->at != other))
        return false;
    *text = (struct slice){text->at + 1, text->len - 1};
    return true;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    int64_t next = month < 12 ? days_of(year, month + 1, 1) : days_of(year + 1, 1, 1);

    return next - days_of(year, month, 1);
}

static bool take_fraction(struct slice *text, int64_t *us)
{
    int64_t unit = 100000, digit;

    if (!take_char(text, '.', '.'))
        return true;
    if (!take_number(text, 1, 0, 9, &digit))
        return false;
    do {
        *us += digit * unit;
        unit /= 10;
    } while (take_number(text, 1, 0, 9, &digit));
    return true;
}

/* Takes the offset off the front: what must be subtracted to get UTC, in seconds. */
static bool take_offset(struct slice *text, int64_t *seconds)
{
    bool west = text->len > 0 && *text->at == '-';
    int64_t hours, minutes;

    *seconds = 0;
    if (take_char(text, 'Z', 'z'))
        return true;
    if (!take_char(text, '+', '-') || !take_number(text, 2, 0, 23, &hours) ||
        !take_char(text, ':', ':') || !take_number(text, 2, 0, 59, &minutes))
        return false;
    *seconds = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

bool json_parse_time(struct slice text, int64_t *us, struct err *err)
{
    int64_t year, month, day, hour, minute, second, offset, fraction = 0;

    if (!take_number(&text, 4, 0, 9999, &year) || !take_char(&text, '-', '-') ||
        !take_number(&text, 2, 1, 12, &month) || !take_char(&text, '-', '-') ||
        !take_number(&text, 2, 1, days_in_month(year, month), &day) ||
        !take_char(&text, 'T', 't') || !take_number(&text, 2, 0, 23, &hour) ||
        !take_char(&text, ':', ':') || !take_number(&text, 2, 0, 59, &minute) ||
        !take_char(&text, ':', ':') || !take_number(&text, 2, 0, 59, &second) ||
        !take_fraction(&text, &fraction) || !take_offset(&text, &offset) || text.len > 0)
        return err_set(err, ERR_INVALID,
                       "must be a time like 2026-01-31T12:00:00.123456Z (RFC 3339)");
    second += days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 - offset;
    *us = second * S_US + fraction;
    return true;
}
