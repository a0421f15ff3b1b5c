/* base64.c - see base64.h. */
#include "base64.h"

#include <openssl/evp.h>

enum {
    CHUNK = 3 << 20, /* at most this at once: libcrypto counts in int */
    VALUE = 0x3F,
    ONLY_STANDARD = 0x40,
    ONLY_URL = 0x80,
    NOWHERE = ONLY_STANDARD | ONLY_URL,
};

/* The value of each character and the alphabets that lack it; inverted, so that 0 means NOWHERE. */
/* clang-format off */
#define V(value) ((value) ^ NOWHERE)
static const unsigned char codes[256] = {
    ['A'] = V(0),  ['B'] = V(1),  ['C'] = V(2),  ['D'] = V(3),  ['E'] = V(4),  ['F'] = V(5),
    ['G'] = V(6),  ['H'] = V(7),  ['I'] = V(8),  ['J'] = V(9),  ['K'] = V(10), ['L'] = V(11),
    ['M'] = V(12), ['N'] = V(13), ['O'] = V(14), ['P'] = V(15), ['Q'] = V(16), ['R'] = V(17),
    ['S'] = V(18), ['T'] = V(19), ['U'] = V(20), ['V'] = V(21), ['W'] = V(22), ['X'] = V(23),
    ['Y'] = V(24), ['Z'] = V(25), ['a'] = V(26), ['b'] = V(27), ['c'] = V(28), ['d'] = V(29),
    ['e'] = V(30), ['f'] = V(31), ['g'] = V(32), ['h'] = V(33), ['i'] = V(34), ['j'] = V(35),
    ['k'] = V(36), ['l'] = V(37), ['m'] = V(38), ['n'] = V(39), ['o'] = V(40), ['p'] = V(41),
    ['q'] = V(42), ['r'] = V(43), ['s'] = V(44), ['t'] = V(45), ['u'] = V(46), ['v'] = V(47),
    ['w'] = V(48), ['x'] = V(49), ['y'] = V(50), ['z'] = V(51), ['0'] = V(52), ['1'] = V(53),
    ['2'] = V(54), ['3'] = V(55), ['4'] = V(56), ['5'] = V(57), ['6'] = V(58), ['7'] = V(59),
    ['8'] = V(60), ['9'] = V(61), ['+'] = V(62 | ONLY_STANDARD), ['/'] = V(63 | ONLY_STANDARD),
    ['-'] = V(62 | ONLY_URL), ['_'] = V(63 | ONLY_URL),
};
/* clang-format on */

size_t base64_length(size_t n)
{
    return (n / 3 + (n % 3 > 0)) * 4;
}

size_t base64_encode_to(char *out, struct slice bytes)
{
    size_t len = 0;

    out[0] = '\0';
    while (bytes.len > 0) {
        size_t n = bytes.len < CHUNK ? bytes.len : CHUNK;

        len += (size_t)EVP_EncodeBlock((unsigned char *)out + len, (const unsigned char *)bytes.at,
                                       (int)n);
        bytes = (struct slice){bytes.at + n, bytes.len - n};
    }
    return len;
}

struct slice base64_encode_url(struct slice bytes, struct arena *arena)
{
    char *out = bytes.len > SIZE_MAX / 2 ? NULL : arena_alloc(arena, base64_length(bytes.len) + 1);
    size_t len;

    if (!out)
        return (struct slice){NULL, 0};
    len = base64_encode_to(out, bytes);
    while (len > 0 && out[len - 1] == '=')
        out[--len] = '\0';
    for (size_t i = 0; i < len; i++)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    return (struct slice){out, len};
}

/* Removes the padding of a standard text. False: its length is not that of a padded text. */
static bool unpad(struct slice *text)
{
    if (text->len % 4 != 0)
        return false;
    for (int i = 0; i < 2 && text->len > 0 && text->at[text->len - 1] == '='; i++)
        text->len--;
    return true;
}

bool base64_decode(struct slice text, enum base64_alphabet alphabet, struct arena *arena,
                   struct slice *bytes)
{
    unsigned refused = alphabet == BASE64_URL ? ONLY_STANDARD : ONLY_URL, seen = 0, bits = 0;
    size_t n = 0, i = 0, rest;
    unsigned char *out;

    if ((alphabet == BASE64_STANDARD && !unpad(&text)) || text.len % 4 == 1)
        return false;
    out = arena_alloc(arena, text.len / 4 * 3 + 3);
    if (!out)
        return false;
    for (rest = text.len % 4; i < text.len - rest; i += 4) {
        for (size_t j = i; j < i + 4; j++) {
            unsigned code = V(codes[(unsigned char)text.at[j]]);

            seen |= code;
            bits = bits << 6 | (code & VALUE);
        }
        out[n++] = (unsigned char)(bits >> 16);
        out[n++] = (unsigned char)(bits >> 8);
        out[n++] = (unsigned char)bits;
    }
    for (bits = 0; i < text.len; i++) {
        unsigned code = V(codes[(unsigned char)text.at[i]]);

        seen |= code;
        bits = bits << 6 | (code & VALUE);
    }
    if (rest == 2) {
        out[n++] = (unsigned char)(bits >> 4);
        bits &= 0x0F;
    } else if (rest == 3) {
        out[n++] = (unsigned char)(bits >> 10);
        out[n++] = (unsigned char)(bits >> 2);
        bits &= 0x03;
    }
    if (seen & refused || (rest && bits))
        return false;
    *bytes = (struct slice){(const char *)out, n};
    return true;
}
