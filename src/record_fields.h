/*
 * record_fields.h - the members of records as a table, and what is done by it.
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

/* How a member of a record is held. */
enum record_type {
    RECORD_INT,   /* int64_t */
    RECORD_STAMP, /* int64_t, a stamp or a value id: beyond what a double holds */
    RECORD_DOUBLE,
    RECORD_TEXT,  /* slice of UTF-8 */
    RECORD_JSON,  /* slice, a JSON text */
    RECORD_BYTES, /* slice of anything */
    RECORD_HASH,  /* BLOB_HASH_LEN bytes */
    RECORD_ENCODING,
    RECORD_FORM,
    RECORD_REFS,   /* refs and n_refs of a checkpoint */
    RECORD_WRITES, /* writes and n_writes of a task */
};

enum record_flags {
    RECORD_KEY = 1 << 0,
    RECORD_OPTIONAL = 1 << 1, /* a slice that may be absent */
    RECORD_IS_ID = 1 << 2,    /* what id_check() admits */
    RECORD_STORED = 1 << 3,   /* how the value is stored, not what it is */
};

struct record_field {
    const char *name;
    size_t offset; /* in struct record */
    enum record_type type;
    unsigned flags; /* enum record_flags */
};

/* The members of a kind, the key first: what compares, writes or reads records goes by this table. */
const struct record_field *record_fields(enum record_kind kind, size_t *n) MUST_USE;

/* "session", "message", ... */
const char *record_kind_name(enum record_kind kind) MUST_USE;

/* Finds the kind of a name. False: there is none. */
bool record_kind_find(struct slice name, enum record_kind *kind) MUST_USE;

/* The order in which OP_READ_RANGE gives the records of a kind: below, equal to or above 0. */
int record_key_compare(const struct record_key *a, const struct record_key *b) MUST_USE;

/*
 * The first member in which two records of one kind differ, NULL when they are equal. Values are
 * equal when their hashes are, however they are encoded.
 */
const char *record_difference(const struct record *a, const struct record *b) MUST_USE;

/* What is told of a thread. When it was changed before its deletion is not: stores remember it or not. */
struct record_thread record_thread_of(int64_t tomb, int64_t updated_us) MUST_USE;

/* Bytes of the texts in it. */
size_t record_bytes(const struct record *r) MUST_USE;

#endif
