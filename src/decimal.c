/* decimal.c - see decimal.h. */
#include "decimal.h"

/* The number 0.(digits) * 10^(exponent + shift); its digits are in two pieces, around the point. */
struct decimal {
    bool negative, exponent_negative;
    struct slice whole, fraction; /* no zeros at the outer ends; both empty: the number is 0 */
    struct slice exponent;        /* digits */
    int64_t shift;
};

static struct slice take_digits(struct slice *text)
{
    struct slice digits = {text->at, 0};

    while (digits.len < text->len && digits.at[digits.len] >= '0' && digits.at[digits.len] <= '9')
        digits.len++;
    *text = (struct slice){text->at + digits.len, text->len - digits.len};
    return digits;
}

static bool take_one(struct slice *text, const char *set)
{
    if (text->len == 0 || !strchr(set, *text->at))
        return false;
    *text = (struct slice){text->at + 1, text->len - 1};
    return true;
}

static size_t trim_front(struct slice *digits)
{
    size_t n = 0;

    while (n < digits->len && digits->at[n] == '0')
        n++;
    *digits = (struct slice){digits->at + n, digits->len - n};
    return n;
}

static void trim_back(struct slice *digits)
{
    while (digits->len > 0 && digits->at[digits->len - 1] == '0')
        digits->len--;
}

static struct decimal parse(struct slice text)
{
    struct decimal d = {.fraction = SLICE(""), .exponent = SLICE("")};

    d.negative = take_one(&text, "-");
    d.whole = take_digits(&text);
    if (take_one(&text, "."))
        d.fraction = take_digits(&text);
    if (take_one(&text, "eE")) {
        d.exponent_negative = text.len > 0 && *text.at == '-';
        (void)take_one(&text, "+-");
        d.exponent = take_digits(&text);
    }
    trim_front(&d.whole);
    d.shift = (int64_t)d.whole.len;
    if (d.whole.len == 0)
        d.shift = -(int64_t)trim_front(&d.fraction);
    trim_back(&d.fraction);
    if (d.fraction.len == 0)
        trim_back(&d.whole);
    return d;
}

static char digit_at(const struct decimal *d, size_t i)
{
    return i < d->whole.len ? d->whole.at[i] : d->fraction.at[i - d->whole.len];
}

/* The i-th digit, with the sign of the exponent, of an exponent padded to `width` digits. */
static int exponent_digit(const struct decimal *d, size_t i, size_t width)
{
    size_t pad = width - d->exponent.len;
    int digit = i < pad ? 0 : d->exponent.at[i - pad] - '0';

    return d->exponent_negative ? -digit : digit;
}

/* Whether the difference of the exponents is that of the shifts, reversed. */
static bool same_scale(const struct decimal *a, const struct decimal *b)
{
    /* No shift is that large, and later digits cannot bring it back. */
    const int64_t far = INT64_C(1) << 56;
    size_t width = a->exponent.len > b->exponent.len ? a->exponent.len : b->exponent.len;
    int64_t difference = 0;

    for (size_t i = 0; i < width; i++) {
        difference = difference * 10 + exponent_digit(a, i, width) - exponent_digit(b, i, width);
        if (difference > far || difference < -far)
            return false;
    }
    return difference == b->shift - a->shift;
}

bool decimal_equal(struct slice a, struct slice b)
{
    struct decimal x = parse(a), y = parse(b);
    size_t n = x.whole.len + x.fraction.len;

    if (n != y.whole.len + y.fraction.len)
        return false;
    if (n == 0)
        return true;
    if (x.negative != y.negative || !same_scale(&x, &y))
        return false;
    for (size_t i = 0; i < n; i++)
        if (digit_at(&x, i) != digit_at(&y, i))
            return false;
    return true;
}

/* Counts the digits before the point; false if there are far too many or too few. */
static bool whole_digits(const struct decimal *d, int64_t *out)
{
    const int64_t far = INT64_C(1) << 40; /* no shift brings it back from there */
    int64_t exponent = 0;

    for (size_t i = 0; i < d->exponent.len; i++) {
        exponent = exponent * 10 + exponent_digit(d, i, d->exponent.len);
        if (exponent > far || exponent < -far)
            return false;
    }
    *out = d->shift + exponent;
    return true;
}

bool decimal_to_int(struct slice number, int64_t *out)
{
    enum { DIGITS_MAX = 19 };
    struct decimal d = parse(number);
    int64_t n = (int64_t)(d.whole.len + d.fraction.len), digits, value = 0;

    if (n == 0) {
        *out = 0;
        return true;
    }
    if (!whole_digits(&d, &digits) || digits < n || digits > DIGITS_MAX)
        return false;
    for (int64_t i = 0; i < digits; i++) {
        int digit = i < n ? digit_at(&d, (size_t)i) - '0' : 0;

        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, d.negative ? -digit : digit, &value))
            return false;
    }
    *out = value;
    return true;
}
