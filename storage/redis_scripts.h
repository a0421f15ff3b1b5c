/*
 * redis_scripts.h - the Lua scripts that run inside the server.
 *
 *     redis_node.c loads them -> redis_call.c (call_script) runs them by hash; redis_load.c sends its text
 *
 * Threads    constants.
 * Ownership  none.
 * Units      as in redis_keys.h.
 * Errors     none.
 */
#ifndef REDIS_SCRIPTS_H
#define REDIS_SCRIPTS_H

enum { REDIS_SHA_LEN = 40 };

enum redis_script {
    REDIS_COMMIT,
    REDIS_APPEND,
    REDIS_CHAINS,
    REDIS_REHEARSE,
    REDIS_CLOCK,
    REDIS_SCRIPTS
};

/* The texts of the scripts, by enum redis_script. */
extern const char *const redis_scripts[REDIS_SCRIPTS];

/* The SHA-1 of a script in hexadecimal, with a NUL. */
void redis_script_sha(enum redis_script which, char out[REDIS_SHA_LEN + 1]);

#endif
