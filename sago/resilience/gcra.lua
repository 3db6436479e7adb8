-- A bucket of BURST that fills by one every INTERVAL ms (GCRA). KEYS: when it is full again, in ms: all that is kept.
-- ARGV: now in ms, interval, burst, how many are wanted.
-- Returns how many are given, how many are left, ms until one more is there, ms until the bucket is full.
local now, interval, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local deepest = now + burst * interval
local full = math.min(math.max(tonumber(redis.call('GET', KEYS[1]) or now), now), deepest)
local left = math.floor((deepest - full) / interval + 1e-6)
local given = math.min(wanted, left)
if given > 0 then
  full = full + given * interval
  redis.call('SET', KEYS[1], string.format('%.3f', full), 'PX', math.ceil(full - now) + 60000)
end
left = left - given
local wait = left > 0 and 0 or math.max(1, math.ceil(full + interval - deepest))
return {given, left, wait, math.ceil(full - now)}
