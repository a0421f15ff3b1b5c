/*
 * scan.h - scans the characters of JSON strings: plain runs, UTF-8, escapes.
 *
 *     split.c, id.c, json.c -> scan_plain(), scan_utf8();  names.c -> scan_unescape()
 *     split.c, filter.c -> scan_string(), scan_scalar() in valid text
 *
 * Inline, as the speed of every request body depends on it: long runs are checked in blocks of 64 bytes,
 * the rest in words of eight.
 *
 * Threads    no state.
 * Ownership  none; scan_unescape() writes into the caller's buffer.
 * Units      bytes.
 * Errors     scan_utf8() is 0 for what is not UTF-8.
 */
#ifndef SCAN_H
#define SCAN_H

#include <endian.h>

#include "bytes.h"
#include "compiler.h"

/* Has the high bit set in each byte of word that is '"', '\\', a control character or not ASCII. */
static inline uint64_t scan_special(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    uint64_t quote = word ^ ones * '"', escape = word ^ ones * '\\';
    uint64_t low = (word - ones * 0x20) | (quote - ones) | (escape - ones);

    /* A borrow may mark an innocent byte, but only above one that is marked rightly. */
    return (low | word) & highs;
}

/* 0xFF for each of the sixteen bytes at p that scan_special() would mark. */
static inline bytes16 scan_special16(const char *p)
{
    bytes16 c;

    memcpy(&c, p, sizeof(c));
    return (bytes16)(c - 0x20 >= 0x60) | (bytes16)(c == '"') | (bytes16)(c == '\\');
}

/* Whether scan_special() would mark none of the 64 bytes at p. */
static inline bool scan_plain64(const char *p)
{
    bytes16 special = scan_special16(p) | scan_special16(p + 16) | scan_special16(p + 32) |
                      scan_special16(p + 48);
    uint64_t halves[2];

    memcpy(halves, &special, sizeof(halves));
    return (halves[0] | halves[1]) == 0;
}

/* The end of the run of plain ASCII (no '"', '\\' or control character) that begins at p. */
static inline const char *scan_plain(const char *p, const char *end)
{
    while (end - p >= 64 && scan_plain64(p))
        p += 64;
    while (end - p >= 8) {
        uint64_t word, special;

        memcpy(&word, p, sizeof(word));
        special = scan_special(le64toh(word));
        if (special)
            return p + (__builtin_ctzll(special) >> 3);
        p += 8;
    }
    while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' &&
           *p != '\\')
        p++;
    return p;
}

/*
 * Length of the UTF-8 character that begins with the byte >= 0x80 at p; 0 if it is invalid: overlong, a
 * surrogate, beyond U+10FFFF, or cut off.
 */
static inline size_t scan_utf8(const char *p, const char *end)
{
    const unsigned char *s = (const unsigned char *)p;
    size_t left = (size_t)(end - p);

#define MORE(i) ((s[i] & 0xC0) == 0x80)
    if (s[0] >= 0xC2 && s[0] <= 0xDF)
        return left >= 2 && MORE(1) ? 2 : 0;
    if (s[0] >= 0xE0 && s[0] <= 0xEF) {
        if (left < 3 || !MORE(1) || !MORE(2))
            return 0;
        return (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) ? 0 : 3;
    }
    if (s[0] >= 0xF0 && s[0] <= 0xF4) {
        if (left < 4 || !MORE(1) || !MORE(2) || !MORE(3))
            return 0;
        return (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F) ? 0 : 4;
    }
#undef MORE
    return 0;
}

/* The end of a valid string, behind the closing quote, from behind the opening one. */
static inline const char *scan_string(const char *p, const char *end)
{
    while (p < end) {
        const char *quote = memchr(p, '"', (size_t)(end - p)), *before;

        if (!quote)
            return end;
        before = quote;
        while (before > p && before[-1] == '\\')
            before--;
        p = quote + 1;
        if ((quote - before) % 2 == 0)
            return p;
    }
    return end;
}

/* The end of a valid number, true, false or null, from anywhere in it. */
static inline const char *scan_scalar(const char *p, const char *end)
{
    while (p<end && * p> ' ' && *p != ',' && *p != '}' && *p != ']')
        p++;
    return p;
}

/* The value of a hexadecimal digit, -1 for anything else. */
int scan_hex(char c) MUST_USE;

/*
 * Decodes the escapes of a valid JSON string (raw: between the quotes) into out, which has room for
 * raw.len bytes; the result is never longer. A lone surrogate becomes the three bytes that UTF-8 forbids,
 * so that it equals only itself. Returns the length.
 */
size_t scan_unescape(struct slice raw, char *out);

#endif
