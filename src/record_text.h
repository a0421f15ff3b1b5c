/*
 * record_text.h - writes a record as one line of JSON, and reads it back.
 *
 *     export: record -> record_text_write() -> line;  import: line -> record_parse() -> record
 *
 *     {"kind":"message","tenant":"default","session_id":"s-1","id":"m-1","stamp":"...","seq":...}
 *
 * All members stand side by side; record_fields() says which a kind has. Stamps and value ids are strings,
 * as they exceed what a double holds. JSON stands as it was sent; if it has a line break it becomes a
 * string, and "_text" is appended to its name. Bytes are base64; a text that is not UTF-8 becomes
 * {"base64": "..."}. Values stand as they are stored, perhaps based on another one, which comes first.
 *
 * Threads    no state.
 * Ownership  a record that was read points into the arena and the line.
 * Units      *_us microseconds since 1970.
 * Errors     read: ERR_INVALID names the member; ERR_NO_MEMORY. A failed text is marked (text.h).
 */
#ifndef RECORD_TEXT_H
#define RECORD_TEXT_H

#include <inttypes.h>

#include "err.h"
#include "record_fields.h"
#include "text.h"

/* For printf() with an int64_t: the last line, which has the number of records before it. */
#define RECORD_END_FORMAT "{\"kind\":\"end\",\"records\":%" PRId64 "}"

/* Writes a record as a line, without the line break. */
void record_text_write(struct text *t, struct slice tenant, const struct record *r);

/* Writes the key alone, as an object: {"tenant":"default","session_id":"s-1"}. */
void record_text_key(struct text *t, struct slice tenant, enum record_kind kind,
                     const struct record_key *key);

/* Whether a line is the last one; *records is the number in it. */
bool record_parse_end(struct slice line, int64_t *records) MUST_USE;

/*
 * Reads a line. Stamps more than a day ahead of the clock are refused: a store that has seen one gives
 * only later ones from then on. A value that stands there whole must match its hash.
 */
bool record_parse(struct slice line, struct arena *arena, struct slice *tenant, struct record *out,
                  struct err *err) MUST_USE;

#endif
