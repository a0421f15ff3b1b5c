/* accept.c - see accept.h. */
#include "accept.h"

#include <strings.h>

enum match { MATCH_NONE, MATCH_ANY, MATCH_GROUP, MATCH_TYPE, MATCHES };

static struct slice trim(struct slice s)
{
    while (s.len && (*s.at == ' ' || *s.at == '\t')) {
        s.at++;
        s.len--;
    }
    while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Takes what precedes the next separator off *rest; separators within quotes do not count. */
static struct slice take(struct slice *rest, char separator)
{
    bool quoted = false;
    size_t n = 0;
    struct slice part;

    for (; n < rest->len && (quoted || rest->at[n] != separator); n++) {
        if (rest->at[n] == '"')
            quoted = !quoted;
        else if (quoted && rest->at[n] == '\\' && n + 1 < rest->len)
            n++;
    }
    part = (struct slice){rest->at, n};
    n += n < rest->len;
    *rest = (struct slice){rest->at + n, rest->len - n};
    return trim(part);
}

/* Parses a quality: "0.25" gives 250, anything invalid 0. */
static int thousandths(struct slice q)
{
    int n = 0, digit = 100;

    if (q.len == 0 || q.len > 5 || (q.at[0] != '0' && q.at[0] != '1') ||
        (q.len > 1 && q.at[1] != '.'))
        return 0;
    n = (q.at[0] - '0') * 1000;
    for (size_t i = 2; i < q.len; i++, digit /= 10) {
        if (q.at[i] < '0' || q.at[i] > '9')
            return 0;
        n += (q.at[i] - '0') * digit;
    }
    return n <= 1000 ? n : 0;
}

static enum match match(struct slice range, struct slice type)
{
    const char *slash = memchr(type.at, '/', type.len);
    size_t group = slash ? (size_t)(slash - type.at) + 1 : type.len;

    if (range.len == type.len && strncasecmp(range.at, type.at, type.len) == 0)
        return MATCH_TYPE;
    if (range.len == group + 1 && range.at[group] == '*' &&
        strncasecmp(range.at, type.at, group) == 0)
        return MATCH_GROUP;
    return slice_equal(range, SLICE("*/*")) ? MATCH_ANY : MATCH_NONE;
}

/* The q of an entry; 1000 if it has none. */
static int quality(struct slice parameters)
{
    while (parameters.len) {
        struct slice p = take(&parameters, ';');

        if (p.len >= 2 && (p.at[0] == 'q' || p.at[0] == 'Q') && p.at[1] == '=')
            return thousandths((struct slice){p.at + 2, p.len - 2});
    }
    return 1000;
}

int accept_quality(struct slice accept, struct slice type, bool named)
{
    int found[MATCHES] = {0, -1, -1, -1};

    while (accept.len) {
        struct slice entry = take(&accept, ',');
        enum match m = match(take(&entry, ';'), type);
        int q = quality(entry);

        if (m != MATCH_NONE && q > found[m])
            found[m] = q;
    }
    for (int m = MATCH_TYPE; m > (named ? MATCH_GROUP : MATCH_NONE); m--)
        if (found[m] >= 0)
            return found[m];
    return 0;
}
