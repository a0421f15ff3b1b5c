/*
 * text.h - a text that grows in an arena.
 *
 *     json.h writes JSON into it; response.h sends it
 *
 * Threads    as its arena.
 * Ownership  the bytes belong to the arena.
 * Units      bytes.
 * Errors     when memory runs out `failed` is set and stays set; later calls do nothing. Check it once.
 */
#ifndef TEXT_H
#define TEXT_H

#include "arena.h"

struct text {
    struct arena *arena;
    char *at;
    size_t len, cap;
    bool failed;
    bool comma; /* used by json.h: the next value needs a comma before it */
};

/* Makes an empty text; allocates nothing yet. */
void text_init(struct text *t, struct arena *arena);

/* Makes room for n more bytes. False: failed is set. */
bool text_reserve(struct text *t, size_t n);

/* Appends the bytes of s. */
void text_put(struct text *t, struct slice s);

/* Appends a NUL-terminated string. */
void text_puts(struct text *t, const char *s);

/* Appends formatted text. */
void text_printf(struct text *t, const char *fmt, ...) PRINTF(2, 3);

/* The text so far. */
struct slice text_slice(const struct text *t);

#endif
