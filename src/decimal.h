/*
 * decimal.h - compares and converts JSON numbers by their exact value.
 *
 *     filter.c -> decimal_equal()
 *     json.c -> decimal_to_int()
 *
 * Works on the digits, so 1e99999999999999999999 costs no more than its text. The only arithmetic is the
 * sum of two exponents, which may have any number of digits too.
 *
 * Threads    no state.
 * Ownership  none.
 * Units      none.
 * Errors     none; the texts must be valid JSON numbers.
 */
#ifndef DECIMAL_H
#define DECIMAL_H

#include "bytes.h"
#include "compiler.h"

/* Whether two numbers have the same value: 1 = 1.0 = 10e-1, -0 = 0, 2^70 is not 2^70+1. */
bool decimal_equal(struct slice a, struct slice b) MUST_USE;

/* Converts a number that is a 64-bit integer in any notation: 27, 27.0, 2.7e1. False if it is not. */
bool decimal_to_int(struct slice number, int64_t *out) MUST_USE;

#endif
