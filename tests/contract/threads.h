/*
 * threads.h - checkpoints and writes as short texts, for the contract suite.
 *
 *     "a=1:xx b=2:yy"         values: channel=version:bytes
 *     "0:ch=xx 1:ch=yy"       writes of a task: idx:channel=bytes
 *     "t1/path/0:ch=xx"       writes of a checkpoint: task/path/idx:channel=bytes
 *
 * Threads    one.
 * Ownership  results live in the store's arena.
 * Units      microseconds.
 * Errors     a test fails.
 */
#ifndef THREADS_H
#define THREADS_H

#include "support.h"

struct checkpoint_in {
    const char *thread, *ns, *id, *parent;
    enum form form;       /* FORM_NONE: channel form */
    const char *head;     /* NULL: {"id": its id} */
    const char *metadata; /* NULL: {} */
    const char *run;
    const char *values;  /* NULL: none */
    const char *carried; /* "a=1": channel=version */
};

struct writes_in {
    const char *thread, *ns, *checkpoint, *task, *path;
    enum form form; /* FORM_NONE: channel form */
    enum writes_mode mode;
    const char *writes;
};

/* Two stores, which are opened empty for each test. */
extern struct store here, there;

/* An op that puts a checkpoint; ns NULL stands for "". */
struct op put_op(struct store *s, struct checkpoint_in in);

/* Puts a checkpoint. Returns whether it was created. */
bool put(struct store *s, struct checkpoint_in in);

/* An op that puts the writes of a task. */
struct op writes_op(struct store *s, struct writes_in in);

/* Puts the writes of a task. Returns whether it had none before. */
bool put_writes(struct store *s, struct writes_in in);

/* Reads a checkpoint (id NULL: the latest). NULL: there is none. */
struct checkpoint *get(struct store *s, const char *thread, const char *ns, const char *id);

/* Puts two checkpoints into `here`: c1, and c2, which carries b of c1 on and has writes. */
void put_two(const char *thread);

/* The values of a checkpoint, in the order in which they came. */
const char *values_text(struct store *s, const struct checkpoint *checkpoint);

/* Writes, separated by spaces. */
const char *writes_text(struct store *s, const struct write *writes, size_t n);

/* Reads the writes of a checkpoint, which need not exist. */
const char *get_writes(struct store *s, const char *thread, const char *ns, const char *id);

/* The ids of a list of checkpoints, each as thread/ns/id, separated by spaces. */
const char *items_text(struct store *s, const struct op *op);

/* An op that lists checkpoints; thread or ns NULL: of all. */
struct op list_op(struct store *s, const char *thread, const char *ns);

/* Runs it. Returns its items as text. */
const char *list(struct store *s, struct op op);

/* "<namespace> <namespace>|checkpoints|latest|bytes" of a thread, or "none". */
const char *thread_text(struct store *s, const char *id);

/* Deletes a thread. */
void delete_thread(struct store *s, const char *id);

/* Reads all records of threads, kind by kind, in pages of `page`. */
struct record *thread_records(struct store *s, int64_t page, size_t *n);

/* How many records of a kind there are. */
size_t count_records(struct store *s, enum record_kind kind);

/* All records of threads as one text. Equal texts mean equal states. */
const char *dump(struct store *s);

/* Each adds the tests of the file that is named like it. */
void contract_checkpoints_add(TCase *tc);
void contract_lists_add(TCase *tc);
void contract_prune_add(TCase *tc);
void contract_thread_records_add(TCase *tc);
void contract_ages_add(TCase *tc);
void contract_deltas_add(TCase *tc);
void contract_gone_add(TCase *tc);
void contract_whole_add(TCase *tc);

#endif
