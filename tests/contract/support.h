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
    struct value_cache *cache;        /* its own, or NULL */
    struct slice tenant;              /* "default"; tests may change it */
    void (*between)(struct store *s); /* called between the parts of an op; NULL: nothing */
    int64_t now_us; /* the clock of the ops; tests move it. Stamps stay at its start */
};

/* What most tests use: nothing expires, three versions of a context are kept. */
struct backend_config store_config(void);

/* Opens store `number` of the target. */
void store_open(struct store *s, struct backend_config cfg, int number);

/* Closes the store; its results are gone. */
void store_close(struct store *s);

/* An op on this id (NULL: none) at the store's time, with a new stamp. */
struct op store_op(struct store *s, enum op_type type, const char *id);

/* Runs one op; the kind that its status has then. */
enum err_kind store_run(struct store *s, struct op *op);

/* Runs one op that must succeed. */
void store_ok(struct store *s, struct op *op);

/* Runs one op that must end in this kind. */
void store_fails(struct store *s, struct op *op, enum err_kind kind);

/* Creates or replaces a session of user "u" without metadata. */
struct session store_session(struct store *s, const char *id);

/* Reads a session that must be there. */
struct session store_get(struct store *s, const char *id);

/* Whether a session is there. */
bool store_has(struct store *s, const char *id);

/* Appends one message with this id, its content "<id>", whether there is a session or not. */
struct message store_message(struct store *s, const char *id, const char *message_id);

/* Stores a context; its version. */
int64_t store_context(struct store *s, const char *id, const char *json);

/* All records of a kind, read in pages of `page`; *n is how many. */
struct record *store_records(struct store *s, enum record_kind kind, int64_t page, size_t *n);

/* Merges records; how many changed something. */
size_t store_merge(struct store *s, const struct record *records, size_t n);

/* How many messages a conversation has, up to 1000. */
size_t store_count(struct store *s, const char *id);

/* A JSON string of this many bytes. */
const char *store_big(struct store *s, size_t len);

/* Cleans up: what is idle since idle_us, or what has expired if that is 0. */
struct op_cleanup store_clean(struct store *s, int64_t idle_us, int64_t limit);

/* The totals of the tenant. */
struct op_stats store_stats(struct store *s);

#endif
