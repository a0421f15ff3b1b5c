/*
 * record_fields.h - a table of the members of records, and the functions that use it.
 *
 *     transfer.c -> record_key_compare(), record_difference();  record_text.c -> record_fields()
 *
 * Threads    no state.
 * Ownership  none.
 * Units      bytes.
 * Errors     none.
 */
#ifndef RECORD_FIELDS_H
#define RECORD_FIELDS_H

#include "compiler.h"
#include "record.h"

/* How a member is held in its struct. */
enum record_type {
    RECORD_INT,   /* int64_t */
    RECORD_STAMP, /* int64_t, a stamp or a value id: more than a double holds */
    RECORD_DOUBLE,
    RECORD_TEXT,  /* slice of UTF-8 */
    RECORD_JSON,  /* slice, a JSON text */
    RECORD_BYTES, /* slice of any bytes */
    RECORD_HASH,  /* BLOB_HASH_LEN bytes */
    RECORD_ENCODING,
    RECORD_FORM,
    RECORD_REFS,   /* refs and n_refs of a checkpoint */
    RECORD_WRITES, /* writes and n_writes of a task */
};

enum record_flags {
    RECORD_KEY = 1 << 0,
    RECORD_OPTIONAL = 1 << 1, /* a slice that may be absent */
    RECORD_IS_ID = 1 << 2,    /* must pass id_check() */
    RECORD_STORED = 1 << 3,   /* tells how the value is stored, not what it is */
};

struct record_field {
    const char *name;
    size_t offset; /* in struct record */
    enum record_type type;
    unsigned flags; /* enum record_flags */
};

/* The members of a kind, key first: comparing, writing and reading records go by this table. */
const struct record_field *record_fields(enum record_kind kind, size_t *n) MUST_USE;

/* "session", "message", ... */
const char *record_kind_name(enum record_kind kind) MUST_USE;

/* Finds a kind by its name. False: there is none. */
bool record_kind_find(struct slice name, enum record_kind *kind) MUST_USE;

/* Compares in the order in which OP_READ_RANGE gives the records of a kind: below, at or above 0. */
int record_key_compare(const struct record_key *a, const struct record_key *b) MUST_USE;

/*
 * The first member in which two records of one kind differ; NULL when they are equal. Values are equal if
 * their hashes are, however they are encoded.
 */
const char *record_difference(const struct record *a, const struct record *b) MUST_USE;

/* The record of a thread; updated_us is 0 unless above tomb: not every store remembers it of a deleted one. */
struct record_thread record_thread_of(int64_t tomb, int64_t updated_us) MUST_USE;

/* When a thread with this tomb was written to: above tomb, though the clock may be behind that of the deletion. */
int64_t record_thread_time(int64_t tomb, int64_t now_us) MUST_USE;

/* The request of a RECORD_REPEAT or RECORD_PENDING. */
const struct record_repeat *record_request(const struct record *r) MUST_USE;

/* Whether a request of the same id that came at that time is the one of the record: a key that is used again after
 * REPEAT_WINDOW_US is another request. */
bool record_is_request(const struct record *r, int64_t at_us) MUST_USE;

/* Bytes of all texts in a record. */
size_t record_bytes(const struct record *r) MUST_USE;

#endif
