/*
 * pair.h - one op made in `here` and copied to `there`, for the contract suite.
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

/* What waits in a store, up to `limit` entries, and what it knows of its peer. */
struct op_pair_read pair_read(struct store *s, int64_t limit);

/* Changes that. */
void pair_change(struct store *s, struct op_pair_change change);

/* Sets a note; text NULL removes it. */
void pair_note(struct store *s, const char *name, const char *text, bool once);

/* The text of a note, or NULL. */
const char *pair_noted(struct store *s, const char *name);

/* Tells a store that it lacks changes of an id of its tenant; and that it does not any more. */
void pair_missing(struct store *s, const char *id);
void pair_found(struct store *s, const char *id);

/* Names as text, ordered by kind and key: "session:s1 message:s1/m1 repeat:s1". */
const char *names_text(struct store *s, const struct record_name *names, size_t n);

/* The name of a record. */
struct record_name name_of(enum record_kind kind, const char *id, const char *sub);

/* The records of these names, all of one id. */
struct record *records_get(struct store *s, const char *id, const struct record_name *names,
                           size_t n, size_t *found);

/* Whether the two are the same in all that they hold. */
bool same_record(const struct record *a, const struct record *b);

/*
 * Runs an op in `here` to its end, replicated and fenced. What it leaves must be one entry of its
 * stamp that names its copies, and these the records as they are then; merged into `there`, whole
 * conversations and threads as failover does, they make both stores equal. The names; "": it has changed
 * nothing, and left nothing.
 */
const char *replicated(struct op *op);

/* The same of an op that may end in an error: its kind, and then nothing is left. */
enum err_kind tried(struct op *op, const char **names);

/* Without copying it. */
const char *left_by(struct op *op);

/* Runs such an op, which must end in this kind and leave nothing. */
void replicates_nothing(struct op *op, enum err_kind kind);

/* Merges what ops have left into another store. */
void merge_copies(struct store *s, const struct record *copies, size_t n);

/* Fails unless both hold the same records, of every kind. */
void same_stores(struct store *a, struct store *b);

/* A request with a key: the same for the same letter, with a body that is another for each letter. */
struct op_repeat request_of(char key, char body);

/* Each adds the tests of the file of its name. */
void contract_replicate_add(TCase *tc);
void contract_replicate_threads_add(TCase *tc);
void contract_alone_add(TCase *tc);
void contract_records_get_add(TCase *tc);
void contract_copies_add(TCase *tc);

#endif
