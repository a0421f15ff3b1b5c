/* redis_scripts.c - see redis_scripts.h. */
#include "redis_scripts.h"

#include <openssl/evp.h>
#include <string.h>

/*
 * KEYS: hashes that were read. ARGV: the rev that was read of each ("" = there was none); then commands,
 * each behind the number of its words. Returns 1 when the commands have run; 0: one of the hashes has
 * changed, and nothing was done.
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
 * Appends messages to a session or anchor in its usual state: it is stored, and was never deleted. Returns
 * {seq, created, ...}, two for each message; 0: the state is another, nothing was done, and the op takes the
 * general way. Or merges one message: `now` is its seq, which stays as it is. Then the answer also tells, at
 * its end, whether the outbox holds anything; a message that is known gives 0.
 *
 * KEYS: session, order, messages, totals, active, loose, outbox. ARGV: 1 id; 2 now; 3 now with
 * 20 digits; 4 what was active at or before this time has expired ("" = nothing has); 5 whether there must
 * be a session; 6 stamp; 7 the next rev; 8 an entry for the outbox ("" = none; with one, a message that is known
 * gives 0 too); 9 "1": merges; then of each message its id, and its field without the seq in front.
 *
 * Times are compared as texts, so all must have 16 digits. A seq is below 2^53 and may be a Lua number;
 * a stamp is not. A merge raises the last activity only to the seq that it brings, so it leaves alone a
 * session whose last seq is above its last activity.
 */
static const char append[] =
    "local call = redis.call "
    "local f = call('HMGET', KEYS[1], 'last_activity_us', 'last_seq', 'gen', 'tomb', 'hollow', "
    "  'content_stamp') "
    "local active, last, gen, content, now = f[1], f[2], f[3], f[6], ARGV[2] "
    "local merges = ARGV[9] == '1' "
    "if not active or (last and #last ~= 16) or f[4] or f[5] or (ARGV[5] == '1' and not gen) or "
    "    #active ~= 16 or #now ~= 16 or (ARGV[4] ~= '' and active <= ARGV[4]) or "
    "    (merges and last and active < last) then return 0 end "
    "if ARGV[8] ~= '' then "
    "  for i = 10, #ARGV, 2 do "
    "    if call('HEXISTS', KEYS[3], ARGV[i]) == 1 then return 0 end "
    "  end "
    "  call('ZADD', KEYS[7], 0, ARGV[8]) "
    "end "
    "local out, created = {}, 0 "
    "for i = 10, #ARGV, 2 do "
    "  local id, seq, place = ARGV[i], now, ARGV[3] "
    "  if last and last >= now and not merges then "
    "    seq = string.format('%.0f', last + 1) "
    "    place = '0000' .. seq "
    "  end "
    "  if call('HSETNX', KEYS[3], id, seq .. ARGV[i + 1]) == 1 then "
    "    call('ZADD', KEYS[2], 0, place .. id) "
    "    if not last or last < seq then last = seq end "
    "    created = created + 1 "
    "    out[#out + 1] = seq "
    "    out[#out + 1] = '1' "
    "  elseif merges then "
    "    return 0 "
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
    "  call('HINCRBY', KEYS[4], 'messages', created) "
    "else "
    "  call('HSET', KEYS[1], 'rev', ARGV[7], 'last_activity_us', moved) "
    "end "
    "if moved ~= active then call('ZADD', gen and KEYS[5] or KEYS[6], moved, ARGV[1]) end "
    "if merges then out[#out + 1] = call('EXISTS', KEYS[7]) end "
    "return out";

/*
 * Reads values by id, with all that they are based on. Returns {id, field, ...} of those that are there.
 * A field begins with the id of its base; 0: it has none. Changes nothing. KEYS: the hash of values.
 * ARGV: ids.
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

/*
 * Finds out whether this user may run all commands, before a script is refused one of them on its way. Runs each
 * on a key that it removes, and returns the name of the first that is refused; "": none is. Other failures
 * (a full memory, a replica) do not count. KEYS: a key that nothing else uses.
 */
static const char rehearse[] =
    "local key, denied = KEYS[1], '' "
    "local function try(name, ...) "
    "  local said = redis.pcall(name, ...) "
    "  local err = type(said) == 'table' and said.err "
    "  if not err or denied ~= '' then return end "
    "  for i, part in ipairs({'NOPERM', 'The user executing the script', 'ACL failure'}) do "
    "    if string.find(err, part, 1, true) then denied = string.lower(name) end "
    "  end "
    "end "
    "for i, name in ipairs({'DEL', 'EXISTS', 'UNLINK'}) do try(name, key) end "
    "try('HSET', key, 'a', '1') "
    "try('HSETNX', key, 'a', '1') "
    "try('HINCRBY', key, 'a', '1') "
    "try('PEXPIRE', key, '60000') "
    "try('PERSIST', key) "
    "for i, name in ipairs({'HGET', 'HMGET', 'HEXISTS', 'HDEL'}) do try(name, key, 'a') end "
    "for i, name in ipairs({'HGETALL', 'HKEYS', 'HVALS', 'HLEN', 'DEL'}) do try(name, key) end "
    "try('ZADD', key, '0', 'a') "
    "try('ZSCORE', key, 'a') "
    "try('ZCARD', key) "
    "for i, name in ipairs({'ZRANGE', 'ZREVRANGE', 'ZRANGEBYSCORE', 'ZREVRANGEBYSCORE', 'ZCOUNT'}) do "
    "  try(name, key, '0', '0') "
    "end "
    "try('ZRANGEBYLEX', key, '-', '+') "
    "try('ZREVRANGEBYLEX', key, '+', '-') "
    "try('ZREM', key, 'a') "
    "try('SADD', key, 'a') "
    "try('SMEMBERS', key) "
    "try('SREM', key, 'a') "
    "try('SET', key, 'a') "
    "try('GET', key) "
    "try('SETBIT', key, '0', '0') "
    "redis.pcall('DEL', key) "
    "return denied";

/*
 * Keeps a bound of stamps, which may only rise: a server that hung may run late what a lane sent before others.
 * Returns what is stored. KEYS: clock. ARGV: 1 number of the instance; 2 the bound; 3 "" or, at the end of the
 * process, the bound that may be replaced by a lower one.
 */
static const char keep_bound[] =
    "local old = redis.call('HGET', KEYS[1], ARGV[1]) "
    "if ARGV[3] ~= '' then "
    "  if old ~= ARGV[3] then return old or '' end "
    "elseif old and tonumber(old) >= tonumber(ARGV[2]) then return old end "
    "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) "
    "return ARGV[2]";

const char *const redis_scripts[REDIS_SCRIPTS] = {
    [REDIS_COMMIT] = commit,     [REDIS_APPEND] = append,    [REDIS_CHAINS] = chains,
    [REDIS_REHEARSE] = rehearse, [REDIS_CLOCK] = keep_bound,
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
