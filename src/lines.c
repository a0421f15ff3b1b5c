/* lines.c - see lines.h. */
#include "lines.h"

enum { VERSION_LEN = 8, CRLF_LEN = 2 };

static const char not_plain[] =
    "a line of the head has no name, is folded, holds a NUL or does not end in CR LF";

static void wrong(struct lines *l, const char *what)
{
    if (!l->wrong)
        l->wrong = what;
}

/* Some servers do not count what follows a # as part of the target. */
static bool is_plain(struct slice target)
{
    for (size_t i = 0; i < target.len; i++)
        if ((unsigned char)target.at[i] <= ' ' || target.at[i] == 0x7F || target.at[i] == '#')
            return false;
    return true;
}

struct lines lines_begin(const struct lines_first *first, struct slice target)
{
    struct lines l = {.next = first->version + VERSION_LEN + CRLF_LEN};

    if (first->method + strlen(first->method) + 1 != first->target)
        wrong(&l, "the method must be one word, with one blank behind it");
    if (first->target + target.len + 1 != first->version || !is_plain(target))
        wrong(&l, "the target must not hold blanks, control characters or #");
    return l;
}

/* A character of a token: RFC 9110, section 5.6.2. */
static bool is_token_char(char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') ||
           (c && strchr("-_!#$%&'*+.^`|~", c));
}

static bool is_token(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!is_token_char(name.at[i]))
            return false;
    return name.len > 0;
}

void lines_header(struct lines *l, struct slice name, struct slice value)
{
    if (name.at != l->next)
        wrong(l, not_plain);
    if (!is_token(name))
        wrong(l, "the name of a header must be a word, with the colon right behind it");
    if (value.len && memchr(value.at, '\r', value.len))
        wrong(l, "a header holds a CR");
    l->next = value.at + value.len + CRLF_LEN;
}

bool lines_end(const struct lines *l, const char *end, struct err *err)
{
    const char *what = l->wrong;

    if (!what && l->next + CRLF_LEN != end)
        what = not_plain;
    return !what || err_set(err, ERR_INVALID, "%s", what);
}
