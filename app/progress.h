/*
 * progress.h - shows the progress of a command: a bar on a terminal, else a line now and then.
 *
 *     progress_show() often -> progress_end()
 *
 * Threads    one.
 * Ownership  nothing.
 * Units      counts.
 * Errors     none; goes to standard error.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool terminal;
    int64_t total;    /* 0 = not known */
    int64_t shown_ns; /* when the bar was last drawn */
    int64_t lines;    /* step of the line that was last printed */
};

/* Starts with nothing of `total` done. */
void progress_start(struct progress *p, int64_t total);

/* Shows that `done` of the total is done, and n of the current kind `what`. */
void progress_show(struct progress *p, int64_t done, const char *what, int64_t n);

/* Removes the bar. */
void progress_end(struct progress *p);

#endif
