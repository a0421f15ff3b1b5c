/* diagnosis.c - see diagnosis.h. */
#include "diagnosis.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_MAX = 400 };

bool diagnosis_tell(const struct diagnosis *d, const char *name, bool ok, const char *advice,
                    const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    d->check(d->ctx, name, ok, text, advice);
    return ok;
}
