/*
 * record_text.h - a record as one line of JSON, and back.
 *
 *     export: record -> record_text_write() -> line;  import: line -> record_parse() -> record
 *
 *     {"kind":"message","tenant":"default","session_id":"s-1","id":"m-1","stamp":"...","seq":...}
 *
 * All members stand side by side; which a kind has says record_fields(). Stamps and value ids are
 * strings, for they exceed what a double holds. What is JSON stands as it was sent; where that has a
 * line break it is a string, under its name with "_text" behind. Bytes are base64; a text that is no
 * UTF-8 is {"base64": "..."}. Values are as they are stored, perhaps based on another one, which comes
 * before them.
 *
 * Threads    no state.
 * Ownership  a record that was read lives in the arena and the line.
 * Units      *_us microseconds since 1970.
 * Errors     read: ERR_INVALID names the member; ERR_NO_MEMORY. A text that fails is marked (text.h).
 */
#ifndef RECORD_TEXT_H
#define RECORD_TEXT_H

#include <inttypes.h>

#include "err.h"
#include "record_fields.h"
#include "text.h"

/* For printf() with an int64_t: the last line, which has the number of the records before it. */
#define RECORD_END_FORMAT "{\"kind\":\"end\",\"records\":%" PRId64 "}"

/* The line, without its end. */
void record_text_write(struct text *t, struct slice tenant, const struct record *r);

/* The key alone, as an object: {"tenant":"default","session_id":"s-1"}. */
void record_text_key(struct text *t, struct slice tenant, enum record_kind kind,
                     const struct record_key *key);

/* Whether a line is the last one, and what number it has. */
bool record_parse_end(struct slice line, int64_t *records) MUST_USE;

/*
 * Reads a line. Stamps that lie more than a day ahead of the clock are refused: a store that had seen
 * them would give only later ones ever after. A value that stands there whole must match its hash.
 */
bool record_parse(struct slice line, struct arena *arena, struct slice *tenant, struct record *out,
                  struct err *err) MUST_USE;

#endif
