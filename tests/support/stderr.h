/*
 * stderr.h - what a test writes to standard error, which is where the log goes.
 *
 *     fd = stderr_capture() -> read(fd, ...)
 *
 * Threads    one.
 * Ownership  the descriptor is the test's, and ends with its process.
 * Units      none.
 * Errors     a test fails.
 */
#ifndef STDERR_H
#define STDERR_H

/* From now on standard error of the process of this test goes to a pipe, whose end to read from is returned. */
int stderr_capture(void);

#endif
