/*
 * redis_scripts.h - what runs inside the server.
 *
 * Threads    constants.
 * Ownership  none.
 * Units      none.
 * Errors     none.
 */
#ifndef REDIS_SCRIPTS_H
#define REDIS_SCRIPTS_H

/*
 * KEYS: hashes that were read. ARGV: for each the rev that was read ("" = none); then commands, each
 * behind the number of its arguments. 1: they were run. 0: one of the hashes has changed, nothing
 * was done.
 */
#define REDIS_COMMIT_SCRIPT                                                     \
    "for i, key in ipairs(KEYS) do "                                            \
    "  if (redis.call('HGET', key, 'rev') or '') ~= ARGV[i] then return 0 end " \
    "end "                                                                      \
    "local i, last = #KEYS + 1, #ARGV "                                         \
    "while i <= last do "                                                       \
    "  local n = tonumber(ARGV[i]) "                                            \
    "  redis.call(unpack(ARGV, i + 1, i + n)) "                                 \
    "  i = i + n + 1 "                                                          \
    "end "                                                                      \
    "return 1"

#endif
