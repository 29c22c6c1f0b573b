/**
 * What the Redis store does in one step, in Lua. All keys of a store carry the same hash tag, so that they live on one
 * node of a cluster. Versions and fencing tokens come from one counter that is never deleted.
 */

/** KEYS: entry, index, counter. ARGV: key, value, wanted version or '', channel. Gives the version, 0 on conflict. */
export const PUT = `
local version = tonumber(redis.call('HGET', KEYS[1], 'n') or '0')
if ARGV[3] ~= '' and tonumber(ARGV[3]) ~= version then return 0 end
local next = redis.call('INCR', KEYS[3])
redis.call('HSET', KEYS[1], 'v', ARGV[2], 'n', next)
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('PUBLISH', ARGV[4], ARGV[1])
return next`;

/** KEYS: entry, index. ARGV: key, wanted version or '', channel. Gives 1, or 0 on conflict. */
export const DELETE = `
local version = tonumber(redis.call('HGET', KEYS[1], 'n') or '0')
if ARGV[2] ~= '' and tonumber(ARGV[2]) ~= version then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('DEL', KEYS[1]) == 1 then redis.call('PUBLISH', ARGV[3], ARGV[1]) end
return 1`;

/** KEYS: lock, counter. ARGV: owner, ttl in ms. Gives the fencing token, 0 while another holds it. */
export const LOCK = `
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
return redis.call('INCR', KEYS[2])`;

/** KEYS: lock. ARGV: owner, ttl in ms. */
export const RENEW = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

/** KEYS: lock. ARGV: owner. */
export const RELEASE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;
