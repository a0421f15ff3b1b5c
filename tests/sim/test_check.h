/*
 * test_check.h - a case of tests: the checker finds what is planted.
 *
 * Threads    one.
 * Ownership  libcheck's.
 * Units      none.
 * Errors     none.
 */
#ifndef TEST_CHECK_H
#define TEST_CHECK_H

#include <check.h>

/* The case, for a suite. */
TCase *check_case(void);

#endif
