/*
 * err.h - the one error type, and the kinds of errors with their HTTP status.
 *
 * The caller owns a struct err, usually on its stack, and passes it last. It holds its text inline, so
 * reporting "out of memory" needs no memory. err_set() evaluates to false, hence
 * `return err_set(err, ERR_INVALID, "...")`.
 *
 * Threads    no state; a struct err belongs to one thread at a time.
 * Ownership  the caller's; names are static.
 * Units      none.
 * Errors     cannot fail.
 */
#ifndef ERR_H
#define ERR_H
#include <stdbool.h>

#include "compiler.h"

enum err_retry { RETRY_NEVER, RETRY_IF_IDEMPOTENT, RETRY_ALWAYS };
enum err_whose { OF_OP, OF_BATCH };

/* clang-format off */
/*    kind          name on the wire       HTTP  may failover repeat the op? whose failure is it?
 * UNAUTHORIZED, RATE and UNSUPPORTED are reserved: the API document has their codes, nothing sets them. */
#define ERR_KINDS(X)                                                          \
    X(OK,           "ok",                  200, RETRY_NEVER, OF_OP)           \
    X(INVALID,      "invalid_request",     400, RETRY_NEVER, OF_OP)           \
    X(UNAUTHORIZED, "unauthorized",        401, RETRY_NEVER, OF_OP)           \
    X(FORBIDDEN,    "forbidden",           403, RETRY_NEVER, OF_OP)           \
    X(NOT_FOUND,    "not_found",           404, RETRY_NEVER, OF_OP)           \
    X(NO_SESSION,   "session_not_found",   404, RETRY_NEVER, OF_OP)           \
    X(METHOD,       "method_not_allowed",  405, RETRY_NEVER, OF_OP)           \
    X(EXISTS,       "session_exists",      409, RETRY_NEVER, OF_OP)           \
    X(NO_BASE,      "base_missing",        409, RETRY_NEVER, OF_OP)           \
    X(FORM,         "form_mismatch",       409, RETRY_NEVER, OF_OP)           \
    X(THREAD,       "thread_exists",       409, RETRY_NEVER, OF_OP)           \
    X(FENCED,       "fenced",              409, RETRY_NEVER, OF_OP) /* stamp again; never leaves failover */ \
    X(PRECONDITION, "precondition_failed", 412, RETRY_NEVER, OF_OP)           \
    X(TOO_LARGE,    "too_large",           413, RETRY_NEVER, OF_OP)           \
    X(HEAD,         "too_large",           431, RETRY_NEVER, OF_OP)           \
    X(MEDIA_TYPE,   "unsupported_media_type", 415, RETRY_NEVER, OF_OP)        \
    X(KEY_REUSED,   "key_reused",          422, RETRY_NEVER, OF_OP)           \
    X(RATE,         "rate_limited",        429, RETRY_NEVER, OF_OP)           \
    X(INTERNAL,     "internal",            500, RETRY_NEVER, OF_BATCH)        \
    X(STORAGE,      "storage_error",       500, RETRY_NEVER, OF_BATCH) /* the whole store is at fault */ \
    X(DAMAGED,      "storage_error",       500, RETRY_NEVER, OF_BATCH) /* what it holds of this record is bad */ \
    X(CONFIG,       "configuration",       500, RETRY_NEVER, OF_BATCH)        \
    X(UNSUPPORTED,  "unsupported",         501, RETRY_NEVER, OF_OP)           \
    X(NO_MEMORY,    "overloaded",          503, RETRY_NEVER, OF_BATCH)        \
    X(OVERLOADED,   "overloaded",          503, RETRY_NEVER, OF_OP) /* a queue or a limit is full */ \
    X(UNAVAILABLE,  "storage_unavailable", 503, RETRY_ALWAYS, OF_BATCH)       \
    X(IN_DOUBT,     "outcome_unknown",     504, RETRY_IF_IDEMPOTENT, OF_BATCH)
/* clang-format on */

enum err_kind {
#define X(kind, name, http, retry, whose) ERR_##kind,
    ERR_KINDS(X)
#undef X
};

struct err {
    enum err_kind kind;
    char text[240]; /* for people; NUL-terminated, no secrets, no user content */
};

/*
 * Fills *err and is false. A macro, so that the compiler sees the constant: with a function, gcc 12
 * takes `return err_set(...)` for a possible success and warns about outputs left unset. Text beyond
 * the buffer is cut.
 */
#define err_set(err, ...) (err_fill((err), __VA_ARGS__), false)

/* The most frequent error. */
#define err_no_memory(err) err_set((err), ERR_NO_MEMORY, "out of memory")

/*
 * The function behind err_set(). Arguments may point into err->text, so a caller can put something
 * before the text it got.
 */
void err_fill(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF(3, 4) COLD;

/* The name in member `code` of an error answer. */
const char *err_wire_name(enum err_kind kind) MUST_USE;

/* The HTTP status of an error answer. */
int err_http_status(enum err_kind kind) MUST_USE;

/* Whether an operation that ended with this kind may be sent to another store. */
enum err_retry err_retry(enum err_kind kind) MUST_USE;

/* Whether the failure concerns only the op, and has left the store as it was. */
bool err_is_of_op(enum err_kind kind) MUST_USE;
#endif
