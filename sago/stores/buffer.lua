-- Add, count and claim for one company, in one atomic step. All keys of a company share its slot.
-- KEYS: 1 epoch, 2 counted (marks), 3 counter, 4 sources, 5 urgent
-- ARGV: 1 key prefix of the company, 2 now (ms), 3 threshold, 4 claim limit, 5 batch id, 6 further batch id,
--       7 add | claim, 8 pause between urgent claims (ms), 9 lifetime of a mark (ms), 10 ttl of metadata (s),
--       then for each message: mark, source, JSON, 1 where it is urgent
-- Returns {counted, duplicates, 1 when the batch was claimed, 1 when the further one was, 1 when the epoch is there,
--          oldest queued (ms) or -1}.

local FIRST = 11
local prefix, now, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])

local function key(source, name)
  return prefix .. '{' .. source .. '}:' .. name
end

local function sources()
  local known = redis.call('SMEMBERS', KEYS[4])
  table.sort(known)
  return known
end

-- At its memory ceiling Redis refuses a script only at its first write, and only where that write may grow memory.
-- So an add begins with one that may, and is refused whole; a bare claim with one that may not, and goes on draining.
local function trim_marks()
  if #ARGV >= FIRST then redis.call('INCRBY', KEYS[3], 0) end
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. string.format('%.0f', now - tonumber(ARGV[9])))
end

-- Of each source the new messages at once, in pieces that Lua can unpack.
local function queue(source, new)
  for first = 1, #new, 1000 do
    redis.call('RPUSH', key(source, 'queue'), unpack(new, first, math.min(first + 999, #new)))
  end
  redis.call('SADD', KEYS[4], source)
  redis.call('HSET', key(source, 'metadata'), 'last_added_at', ARGV[2])
  redis.call('HINCRBY', key(source, 'metadata'), 'added', #new)
  redis.call('EXPIRE', key(source, 'metadata'), ARGV[10])
end

-- The last value is, of each source with an urgent message that is new, how long the queue is from the last of them on.
local function add()
  local counted, duplicates, urgent, order, fresh = 0, 0, {}, {}, {}
  for i = FIRST, #ARGV, 4 do
    local source = ARGV[i + 1]
    if redis.call('ZADD', KEYS[2], 'NX', now, ARGV[i]) == 1 then
      if not fresh[source] then
        fresh[source] = {}
        table.insert(order, source)
      end
      table.insert(fresh[source], ARGV[i + 2])
      counted = counted + 1
      if urgent[source] then urgent[source] = urgent[source] + 1 end
      if ARGV[i + 3] == '1' then urgent[source] = 1 end
    else
      duplicates = duplicates + 1
    end
  end
  for _, source in ipairs(order) do queue(source, fresh[source]) end
  redis.call('INCRBY', KEYS[3], counted)
  return counted, duplicates, urgent
end

-- How many to take from the head of each queue so that the longest waiting leave first, `limit` in all.
local function shares(known)
  local taken, left = {}, limit
  local queues, heads = {}, {}
  for i, source in ipairs(known) do
    queues[i] = redis.call('LRANGE', key(source, 'queue'), 0, limit - 1)
    taken[i] = 0
  end
  local function head(i)
    local raw = queues[i][taken[i] + 1]
    if not raw then return nil end
    local message = cjson.decode(raw)
    return string.format('%020.0f|%s', message.queued_at, message.sent_at)
  end
  for i = 1, #known do heads[i] = head(i) end
  while left > 0 do
    local first = nil
    for i = 1, #known do
      if heads[i] and (not first or heads[i] < heads[first]) then first = i end
    end
    if not first then break end
    taken[first] = taken[first] + 1
    left = left - 1
    heads[first] = head(first)
  end
  return taken, queues
end

local function claim(batch)
  local known, total = sources(), 0
  local taken, queues = shares(known)
  for i, source in ipairs(known) do
    if taken[i] > 0 then
      redis.call('HSET', key(source, 'processing'), batch, '[' .. table.concat(queues[i], ',', 1, taken[i]) .. ']')
      redis.call('LTRIM', key(source, 'queue'), taken[i], -1)
      total = total + taken[i]
    end
  end
  redis.call('DECRBY', KEYS[3], total)
  return total > 0
end

local function oldest()
  local least = -1
  for _, source in ipairs(sources()) do
    local raw = redis.call('LINDEX', key(source, 'queue'), 0)
    if raw then
      local queued_at = cjson.decode(raw).queued_at
      if least < 0 or queued_at < least then least = queued_at end
    end
  end
  return string.format('%.0f', least)
end

-- The same call again after a lost answer: its claim is there already, or was taken over meanwhile.
local function claimed_before(batch)
  for _, source in ipairs(sources()) do
    local processing = key(source, 'processing')
    if redis.call('HEXISTS', processing, batch) == 1 then return true end
    if redis.call('EXISTS', processing .. ':' .. batch) == 1 then return true end
  end
  return false
end

-- Whether the last urgent claim was long enough ago.
local function may_be_urgent()
  local last = redis.call('GET', KEYS[5])
  return not last or now - tonumber(last) >= tonumber(ARGV[8])
end

local function is_left(urgent)
  for source, length in pairs(urgent) do
    if redis.call('LLEN', key(source, 'queue')) >= length then return true end
  end
  return false
end

trim_marks()
local counted, duplicates, urgent = add()
local queued = tonumber(redis.call('GET', KEYS[3]))
local claimed, further = claimed_before(ARGV[5]), claimed_before(ARGV[6])
if not claimed and queued > 0 then
  local hurry = next(urgent) and may_be_urgent()
  if ARGV[7] == 'claim' or queued >= tonumber(ARGV[3]) or hurry then
    claimed = claim(ARGV[5])
    if hurry and is_left(urgent) then further = claim(ARGV[6]) end
    if hurry and not is_left(urgent) then redis.call('SET', KEYS[5], ARGV[2], 'PX', ARGV[8]) end
  end
end
return {counted, duplicates, claimed and 1 or 0, further and 1 or 0, redis.call('EXISTS', KEYS[1]), oldest()}
