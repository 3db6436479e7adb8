-- Counts one call where fewer than the limit were counted within the window. KEYS: a sorted set of calls by time.
-- ARGV: now and window in ms, the limit, a name of this call. Returns 0, or the ms until one may be counted.
local now, window, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local counted = redis.call('ZCARD', KEYS[1])
if counted < most then
  redis.call('ZADD', KEYS[1], now, ARGV[4])
  redis.call('PEXPIRE', KEYS[1], window)
  return 0
end
local leaves = redis.call('ZRANGE', KEYS[1], counted - most, counted - most, 'WITHSCORES')
return math.max(1, tonumber(leaves[2]) + window - now)
