/* scan.c - see scan.h. */
#include "scan.h"

int scan_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static unsigned hex4(const char *p)
{
    unsigned code = 0;

    for (int i = 0; i < 4; i++)
        code = code << 4 | (unsigned)scan_hex(p[i]);
    return code;
}

static size_t put_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* Decodes \uXXXX, or a surrogate pair of them; *p is at the first digit and moves behind it. */
static unsigned unicode_escape(const char **p, const char *end)
{
    unsigned code = hex4(*p), second;

    *p += 4;
    if ((code & 0xFC00) != 0xD800 || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
        return code;
    second = hex4(*p + 2);
    if ((second & 0xFC00) != 0xDC00)
        return code;
    *p += 6;
    return 0x10000 + ((code & 0x3FF) << 10) + (second & 0x3FF);
}

static char short_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c; /* '"' '\\' '/' stand for themselves */
    }
}

size_t scan_unescape(struct slice raw, char *out)
{
    const char *p = raw.at, *end = p + raw.len;
    size_t n = 0;

    while (p < end) {
        if (*p != '\\') {
            out[n++] = *p++;
            continue;
        }
        p += 2;
        if (p[-1] == 'u')
            n += put_utf8(out + n, unicode_escape(&p, end));
        else
            out[n++] = short_escape(p[-1]);
    }
    return n;
}
