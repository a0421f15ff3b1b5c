/*
 * support.h - stores and operations for the contract suite.
 *
 *     struct store s; store_open(&s, cfg, 0);
 *     struct op op = store_op(&s, OP_SESSION_GET, "s1");
 *     store_ok(&s, &op);
 *
 * Threads    one.
 * Ownership  results live in the store's arena until store_close().
 * Units      microseconds.
 * Errors     a test fails.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include "arena.h"
#include "contract.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

/* Fails the test unless the slice is this text. */
#define ck_assert_slice(slice, text)                                                  \
    ck_assert_msg(slice_equal((slice), slice_of(text)), "%s is %.*s, not %s", #slice, \
                  SLICE_ARGS(slice), (text))

struct store {
    struct backend *backend;
    struct arena arena;
    struct value_cache *cache;        /* of this store alone, or NULL */
    struct slice tenant;              /* "default"; tests may change it */
    void (*between)(struct store *s); /* called between the parts of an op; may be NULL */
    int64_t now_us; /* time of the ops, which tests move; stamps stay where they began */
};

/* The configuration of most tests: nothing expires, three versions of a context are kept. */
struct backend_config store_config(void);

/* Opens store `number` of the target. */
void store_open(struct store *s, struct backend_config cfg, int number);

/* Opens store 2, in which checkpoints live for an hour; the clock stands still. */
void store_open_ageing(struct store *s);

/* Closes the store, and frees its results. */
void store_close(struct store *s);

/* An op on this id (NULL: none) at the time of the store, with a new stamp. */
struct op store_op(struct store *s, enum op_type type, const char *id);

/* Runs an op to its end. Returns the kind of its status. */
enum err_kind store_run(struct store *s, struct op *op);

/* Runs an op, which must succeed. */
void store_ok(struct store *s, struct op *op);

/* Runs an op, which must end in this kind. */
void store_fails(struct store *s, struct op *op, enum err_kind kind);

/* Creates or replaces a session of user "u" without metadata. */
struct session store_session(struct store *s, const char *id);

/* Reads a session, which must be there. */
struct session store_get(struct store *s, const char *id);

/* Whether a session is there. */
bool store_has(struct store *s, const char *id);

/* Appends a message with this id and the content "<id>", whether or not there is a session. */
struct message store_message(struct store *s, const char *id, const char *message_id);

/* Stores a context. Returns its version. */
int64_t store_context(struct store *s, const char *id, const char *json);

/* Reads all records of a kind, in pages of `page`. *n: how many. */
struct record *store_records(struct store *s, enum record_kind kind, int64_t page, size_t *n);

/* Merges records. Returns how many changed something. */
size_t store_merge(struct store *s, const struct record *records, size_t n);

/* How many messages a conversation has, up to 1000. */
size_t store_count(struct store *s, const char *id);

/* A JSON string of `len` bytes. */
const char *store_big(struct store *s, size_t len);

/* Cleans up what has been idle since idle_us, or, if that is 0, what has expired. */
struct op_cleanup store_clean(struct store *s, int64_t idle_us, int64_t limit);

/* The totals of the tenant. */
struct op_stats store_stats(struct store *s);

#endif
