/*
 * stderr.h - lets a test read its standard error, to which the log goes.
 *
 *     fd = stderr_capture() -> read(fd, ...)
 *
 * Threads    one.
 * Ownership  the descriptor belongs to the test, and ends with its process.
 * Units      none.
 * Errors     a test fails.
 */
#ifndef STDERR_H
#define STDERR_H

/* Sends standard error of this process to a pipe, and returns the end to read from. */
int stderr_capture(void);

#endif
