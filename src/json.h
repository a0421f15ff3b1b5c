/*
 * json.h - writes JSON into a text, and reads single values with jansson.
 *
 *     finish half of a route -> json_*() -> struct text -> response
 *     body.c -> json_decode_*() on slices found by split.c
 *
 * Commas are placed by the writer: json_open, json_key, values, json_close in any valid order.
 *
 * Threads    none of its own.
 * Ownership  decoded strings live in the arena that is passed.
 * Units      *_us is microseconds since 1970, written as RFC 3339 UTC with six decimals and Z.
 * Errors     the writer marks its text failed (text.h). Decoders return false, ERR_INVALID or
 *            ERR_NO_MEMORY; their text has no pointer prefix, the caller adds it.
 */
#ifndef JSON_H
#define JSON_H

#include "err.h"
#include "text.h"

/* Opens an object ('{') or array ('['). */
void json_open(struct text *t, char bracket);

/* Closes it ('}' or ']'). */
void json_close(struct text *t, char bracket);

/* A member's name; plain ASCII that needs no escapes. */
void json_key(struct text *t, const char *key);

/* A value that is JSON text already (opaque members); absent becomes null. */
void json_raw(struct text *t, struct slice json);

/* A string from UTF-8; absent becomes null. */
void json_utf8(struct text *t, struct slice utf8);

/* An integer. */
void json_int(struct text *t, int64_t n);

/* A finite number in the shortest form that reads back the same; always with '.' or an exponent. */
void json_double(struct text *t, double n);

/* true or false. */
void json_bool(struct text *t, bool b);

/* A time string from microseconds since 1970. */
void json_time(struct text *t, int64_t us);

/* The bytes as a base64 string (RFC 4648 section 4). */
void json_base64(struct text *t, struct slice bytes);

/* Name and string. */
void json_member_string(struct text *t, const char *key, struct slice utf8);

/* Name and raw JSON. */
void json_member_raw(struct text *t, const char *key, struct slice json);

/* Name and integer. */
void json_member_int(struct text *t, const char *key, int64_t n);

/* Name and time. */
void json_member_time(struct text *t, const char *key, int64_t us);

/* Decodes a valid JSON string (with its quotes) to UTF-8, NUL included. ERR_INVALID: a lone surrogate. */
bool json_decode_string(struct slice json, struct arena *arena, struct slice *out,
                        struct err *err) MUST_USE;

/* Reads a valid JSON number as an integer; 1.0 is one too. ERR_INVALID: it does not fit 64 bits. */
bool json_decode_int(struct slice json, int64_t *out, struct err *err) MUST_USE;

/* Reads a valid JSON number as a finite double. ERR_INVALID: it exceeds the range of a double. */
bool json_decode_double(struct slice json, double *out, struct err *err) MUST_USE;

/* Parses RFC 3339 ("2026-01-31T12:00:00.123456Z", any offset) to microseconds. ERR_INVALID. */
bool json_parse_time(struct slice text, int64_t *us, struct err *err) MUST_USE;

#endif
