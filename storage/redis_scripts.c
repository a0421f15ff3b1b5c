/* redis_scripts.c - see redis_scripts.h. */
#include "redis_scripts.h"

#include <openssl/evp.h>
#include <string.h>

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
 * KEYS: session, order, messages, contexts, totals, active, loose, outbox. ARGV: id, now, now with 20 digits,
 * what was active at or before this is expired ("" = nothing), whether there must be a session, stamp,
 * next rev, milliseconds of Redis' own expiry ("" = none), entry of the outbox ("" = none; else 0 too if
 * a message is known); then of each message: id, and its field without the seq in front. Times have 16 digits and are compared as texts; those that do not are
 * left to the general way. A seq is below 2^53, stamps are not.
 */
static const char append[] =
    "local call = redis.call "
    "local f = call('HMGET', KEYS[1], 'last_activity_us', 'last_seq', 'gen', 'tomb', 'hollow', "
    "  'content_stamp') "
    "local active, last, gen, content, now = f[1], f[2], f[3], f[6], ARGV[2] "
    "if not active or (last and #last ~= 16) or f[4] or f[5] or (ARGV[5] == '1' and not gen) or #active ~= 16 or "
    "    #now ~= 16 or (ARGV[4] ~= '' and active <= ARGV[4]) then return 0 end "
    "if ARGV[9] ~= '' then "
    "  for i = 10, #ARGV, 2 do "
    "    if call('HEXISTS', KEYS[3], ARGV[i]) == 1 then return 0 end "
    "  end "
    "  call('ZADD', KEYS[8], 0, ARGV[9]) "
    "end "
    "local out, created = {}, 0 "
    "for i = 10, #ARGV, 2 do "
    "  local id, seq, place = ARGV[i], now, ARGV[3] "
    "  if last and last >= now then "
    "    seq = string.format('%.0f', last + 1) "
    "    place = '0000' .. seq "
    "  end "
    "  if call('HSETNX', KEYS[3], id, seq .. ARGV[i + 1]) == 1 then "
    "    call('ZADD', KEYS[2], 0, place .. id) "
    "    last = seq "
    "    created = created + 1 "
    "    out[#out + 1] = seq "
    "    out[#out + 1] = '1' "
    "  else "
    "    out[#out + 1] = string.match(call('HGET', KEYS[3], id), '^%d+') "
    "    out[#out + 1] = '0' "
    "  end "
    "end "
    "local moved = active "
    "if moved < now then moved = now end "
    "if last and moved < last then moved = last end "
    "if created > 0 then "
    "  if not content or #content < #ARGV[6] or (#content == #ARGV[6] and content < ARGV[6]) then "
    "    content = ARGV[6] "
    "  end "
    "  call('HSET', KEYS[1], 'rev', ARGV[7], 'last_activity_us', moved, 'last_seq', last, "
    "    'content_stamp', content) "
    "  call('HINCRBY', KEYS[5], 'messages', created) "
    "else "
    "  call('HSET', KEYS[1], 'rev', ARGV[7], 'last_activity_us', moved) "
    "end "
    "if moved ~= active then call('ZADD', gen and KEYS[6] or KEYS[7], moved, ARGV[1]) end "
    "if ARGV[8] ~= '' and (not f[6] or "
    "    math.floor(active / 60000000) ~= math.floor(moved / 60000000)) then "
    "  for i = 1, 4 do call('PEXPIRE', KEYS[i], ARGV[8]) end "
    "end "
    "return out";

/*
 * Values by their ids, and what they are based on: {id, field, ...} of those that are there. A field
 * begins with the id of its base, 0 when it has none. Changes nothing. KEYS: values. ARGV: ids.
 */
static const char chains[] = "local ids, seen, out = {}, {}, {} "
                             "for i, id in ipairs(ARGV) do "
                             "  ids[i] = id "
                             "  seen[id] = true "
                             "end "
                             "local i = 1 "
                             "while ids[i] do "
                             "  local field = redis.call('HGET', KEYS[1], ids[i]) "
                             "  if field then "
                             "    out[#out + 1] = ids[i] "
                             "    out[#out + 1] = field "
                             "    local base = string.match(field, '^%d+') "
                             "    if base and base ~= '0' and not seen[base] then "
                             "      ids[#ids + 1] = base "
                             "      seen[base] = true "
                             "    end "
                             "  end "
                             "  i = i + 1 "
                             "end "
                             "return out";

const char *const redis_scripts[REDIS_SCRIPTS] = {
    [REDIS_COMMIT] = commit,
    [REDIS_APPEND] = append,
    [REDIS_CHAINS] = chains,
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
