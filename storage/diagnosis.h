/*
 * diagnosis.h - tells a listener the outcome of each check of a diagnosis.
 *
 *     diagnose.c, diagnose_contact.c -> diagnosis_tell() -> the command prints a line
 *
 * Threads    one.
 * Ownership  texts are borrowed for the time of a call.
 * Units      none.
 * Errors     none.
 */
#ifndef DIAGNOSIS_H
#define DIAGNOSIS_H

#include <stdbool.h>

#include "compiler.h"

struct diagnosis {
    void (*check)(void *ctx, const char *name, bool ok, const char *text, const char *advice);
    void *ctx;
};

/* Tells the listener of one check, and returns ok. `advice` is for a check that failed; NULL: none. */
bool PRINTF(5, 6) diagnosis_tell(const struct diagnosis *d, const char *name, bool ok,
                                 const char *advice, const char *fmt, ...);

#endif
