/*
 * progress.h - how far a command is: a bar on a terminal, else a line now and then.
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
    int64_t shown_ns; /* when the bar was drawn last */
    int64_t lines;    /* the step of the line that was shown last */
};

/* Starts at nothing of `total`. */
void progress_start(struct progress *p, int64_t total);

/* `done` of the total is done; `what` is at hand and has come to n. */
void progress_show(struct progress *p, int64_t done, const char *what, int64_t n);

/* Takes the bar away. */
void progress_end(struct progress *p);

#endif
