/*
 * decimal.h - JSON numbers by their exact value.
 *
 *     filter.c -> decimal_equal()
 *     json.c -> decimal_to_int()
 *
 * Works on the digits: 1e99999999999999999999 costs no more than its text. No arithmetic beyond the
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

/* Whether two numbers are the same: 1 = 1.0 = 10e-1, -0 = 0, 2^70 is not 2^70+1. */
bool decimal_equal(struct slice a, struct slice b) MUST_USE;

/* A number that is an integer of 64 bits, however it is written: 27, 27.0 and 2.7e1. */
bool decimal_to_int(struct slice number, int64_t *out) MUST_USE;

#endif
