/* redis_scripts.c - see redis_scripts.h. */
#include "redis_scripts.h"

#include <openssl/evp.h>

/*
 * KEYS: hashes that were read. ARGV: for each the rev that was read ("" = none); then commands, each
 * behind the number of its arguments. 1: they were run. 0: one of the hashes has changed, nothing
 * was done.
 */
static const char commit[] =
    "for i, key in ipairs(KEYS) do "
    "  if (redis.call('HGET', key, 'rev') or '') ~= ARGV[i] then return 0 end "
    "end "
    "local i, last = #KEYS + 1, #ARGV "
    "while i <= last do "
    "  local n = tonumber(ARGV[i]) "
    "  redis.call(unpack(ARGV, i + 1, i + n)) "
    "  i = i + n + 1 "
    "end "
    "return 1";

/*
 * Messages to a session or anchor in its usual state; 0: it is not, nothing was done, and the
 * general way is to be taken. Else {seq, created} of each message.
 *
 * KEYS: session, order, messages, contexts, totals, active, loose. ARGV: id, now, what was active at
 * or before this is expired ("" = nothing), whether there must be a session, stamp, next rev,
 * milliseconds of Redis' own expiry ("" = none); then of each message: id, and its field without the
 * seq in front. A seq is below 2^53, stamps are not: they stay texts.
 */
static const char append[] =
    "local f = redis.call('HMGET', KEYS[1], 'rev', 'gen', 'tomb', 'hollow', 'last_activity_us', "
    "  'last_seq', 'content_stamp') "
    "if not f[1] or f[3] or f[4] or (ARGV[4] == '1' and not f[2]) then return 0 end "
    "local now, active = tonumber(ARGV[2]), tonumber(f[5] or 0) "
    "if ARGV[3] ~= '' and active <= tonumber(ARGV[3]) then return 0 end "
    "local last, out, created = tonumber(f[6] or 0), {}, 0 "
    "for i = 8, #ARGV, 2 do "
    "  local seq = now "
    "  if last >= now then seq = last + 1 end "
    "  local text = string.format('%.0f', seq) "
    "  if redis.call('HSETNX', KEYS[3], ARGV[i], text .. ARGV[i + 1]) == 1 then "
    "    redis.call('ZADD', KEYS[2], 0, string.format('%020.0f', seq) .. ARGV[i]) "
    "    last = seq "
    "    created = created + 1 "
    "    out[#out + 1] = seq "
    "    out[#out + 1] = 1 "
    "  else "
    "    local known = redis.call('HGET', KEYS[3], ARGV[i]) "
    "    out[#out + 1] = tonumber(string.match(known, '^%d+')) "
    "    out[#out + 1] = 0 "
    "  end "
    "end "
    "local moved = math.max(active, now, last) "
    "local content = f[7] or '' "
    "if created > 0 and (#content < #ARGV[5] or (#content == #ARGV[5] and content < ARGV[5])) then "
    "  content = ARGV[5] "
    "end "
    "redis.call('HSET', KEYS[1], 'rev', ARGV[6], 'last_activity_us', string.format('%.0f', moved), "
    "  'last_seq', string.format('%.0f', last), 'content_stamp', content) "
    "if created > 0 then redis.call('HINCRBY', KEYS[5], 'messages', created) end "
    "if moved ~= active then "
    "  redis.call('ZADD', f[2] and KEYS[6] or KEYS[7], string.format('%.0f', moved), ARGV[1]) "
    "end "
    "if ARGV[7] ~= '' and (not f[7] or "
    "    math.floor(active / 60000000) ~= math.floor(moved / 60000000)) then "
    "  for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], ARGV[7]) end "
    "end "
    "return out";

const char *const redis_scripts[REDIS_SCRIPTS] = {
    [REDIS_COMMIT] = commit,
    [REDIS_APPEND] = append,
};

void redis_script_sha(enum redis_script which, char out[REDIS_SHA_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[REDIS_SHA_LEN / 2];

    memset(sum, 0, sizeof(sum));
    EVP_Digest(redis_scripts[which], strlen(redis_scripts[which]), sum, NULL, EVP_sha1(), NULL);
    for (size_t i = 0; i < sizeof(sum); i++) {
        out[2 * i] = digits[sum[i] >> 4];
        out[2 * i + 1] = digits[sum[i] & 15];
    }
    out[REDIS_SHA_LEN] = '\0';
}
