/*
 * redis_scripts.h - what runs inside the server.
 *
 *     redis_node.c loads them -> redis_call.c (call_script), redis_load.c run them by their hash
 *
 * Threads    constants.
 * Ownership  none.
 * Units      as in redis_keys.h.
 * Errors     none.
 */
#ifndef REDIS_SCRIPTS_H
#define REDIS_SCRIPTS_H

enum { REDIS_SHA_LEN = 40 };

enum redis_script { REDIS_COMMIT, REDIS_APPEND, REDIS_CHAINS, REDIS_SCRIPTS };

/* The texts, by enum redis_script. */
extern const char *const redis_scripts[REDIS_SCRIPTS];

/* SHA-1 of a script, as text with its NUL. */
void redis_script_sha(enum redis_script which, char out[REDIS_SHA_LEN + 1]);

#endif
