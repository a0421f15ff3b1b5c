/* err.c - see err.h. */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int status;
    enum err_retry retry;
    enum err_whose whose;
} kinds[] = {
#define X(kind, name, http, retry, whose) [ERR_##kind] = {name, http, retry, whose},
    ERR_KINDS(X)
#undef X
};

/* Removes a UTF-8 character at the end that the buffer has cut in two. */
static void trim_character(char *text, size_t len)
{
    size_t start = len;

    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0xC0)
        text[start - 1] = '\0';
}

void err_fill(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    struct err filled = {.kind = kind};
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(filled.text, sizeof(filled.text), fmt, args);
    va_end(args);
    if (len >= (int)sizeof(filled.text))
        trim_character(filled.text, sizeof(filled.text) - 1);
    *err = filled;
}

const char *err_wire_name(enum err_kind kind)
{
    return kinds[kind].name;
}

int err_http_status(enum err_kind kind)
{
    return kinds[kind].status;
}

enum err_retry err_retry(enum err_kind kind)
{
    return kinds[kind].retry;
}

bool err_is_of_op(enum err_kind kind)
{
    return kinds[kind].whose == OF_OP;
}
