/*
 * pair.h - runs an op in `here` and copies it to `there`, for the contract suite.
 *
 *     struct op op = store_op(&here, OP_SESSION_PUT, "s1"); ...
 *     ck_assert_str_eq(replicated(&op), "session:s1");
 *
 * Threads    one.
 * Ownership  results live in the arena of `here`.
 * Units      microseconds; numbers of entries are stamps.
 * Errors     a test fails.
 */
#ifndef PAIR_H
#define PAIR_H

#include "threads.h"

/* Opens `here` and `there`, both empty; closes them. */
void pair_open_stores(void);
void pair_close_stores(void);

/* What a store knows of its pair, with up to `limit` entries of its outbox. */
struct op_pair_read pair_read(struct store *s, int64_t limit);

/* Changes what a store knows of its pair. */
void pair_change(struct store *s, struct op_pair_change change);

/* Sets a note; with `once` only if there is none. text NULL removes it. */
void pair_note(struct store *s, const char *name, const char *text, bool once);

/* The text of a note, or NULL. */
const char *pair_noted(struct store *s, const char *name);

/* Notes in a store that it is missing changes of an id of its tenant; that it no longer is. */
void pair_missing(struct store *s, const char *id);
void pair_found(struct store *s, const char *id);

/* Names as text, sorted by kind and key: "session:s1 message:s1/m1 repeat:s1". */
const char *names_text(struct store *s, const struct record_name *names, size_t n);

/* The name of a record. */
struct record_name name_of(enum record_kind kind, const char *id, const char *sub);

/* Reads records by their names, all of one id. *found: how many there are. */
struct record *records_get(struct store *s, const char *id, const struct record_name *names,
                           size_t n, size_t *found);

/* Whether two records are equal in all that they hold. */
bool same_record(const struct record *a, const struct record *b);

/*
 * Runs an op in `here` to its end, replicated and fenced. It must leave one entry with its stamp that
 * names its copies, and these must be the records as they are stored then. Merged into `there`, whole
 * conversations and threads as failover does it, they must make both stores equal. Returns the names; "":
 * the op has changed nothing, and left nothing.
 */
const char *replicated(struct op *op);

/* The same for an op that may fail, and then must leave nothing. Returns the kind of its status. */
enum err_kind tried(struct op *op, const char **names);

/* The same without copying to `there`. */
const char *left_by(struct op *op);

/* Runs such an op, which must end in this kind and leave nothing. */
void replicates_nothing(struct op *op, enum err_kind kind);

/* Merges what ops have left into another store. */
void merge_copies(struct store *s, const struct record *copies, size_t n);

/* Copies to `there` what an op has left, as it is now. */
void copy_left(const struct op *op);

/* Fails unless both hold the same records, of every kind. */
void same_stores(struct store *a, struct store *b);

/* A request with an Idempotency-Key: its op id and its body are made of one letter each. */
struct op_repeat request_of(char key, char body);

/* Each adds the tests of the file that is named like it. */
void contract_replicate_add(TCase *tc);
void contract_replicate_threads_add(TCase *tc);
void contract_alone_add(TCase *tc);
void contract_records_get_add(TCase *tc);
void contract_copies_add(TCase *tc);

#endif
