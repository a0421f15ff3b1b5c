/*
 * test_check.h - the test case of the checker: it finds what is planted.
 *
 * Threads    one.
 * Ownership  libcheck's.
 * Units      none.
 * Errors     none.
 */
#ifndef TEST_CHECK_H
#define TEST_CHECK_H

#include <check.h>

/* Makes the case, for a suite. */
TCase *check_case(void);

#endif
