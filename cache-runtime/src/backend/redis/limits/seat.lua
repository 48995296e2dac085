-- Takes a seat, looks how many are free, or gives one back. A sorted set of holders by the time at which their lease ends.
--
-- Key: the set. Arguments: what to do (take, look, leave), the holder, how many seats there are, the lease in microseconds.
--
-- Answers with the time, whether the holder has its seat (to look: whether it could have one; to leave: whether it had
-- one), how many are free, and in microseconds how long until all are, and until one is.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local step, holder, seats, lease = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local function text(number) return string.format('%.0f', number) end

-- A holder is 16 bytes. What has another member among those that are to go, or at its end, is none of ours, and is left alone.
local looked_at = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', text(now))
looked_at[#looked_at + 1] = redis.call('ZREVRANGE', KEYS[1], 0, 0)[1]
for _, member in ipairs(looked_at) do
  if #member ~= 16 then return redis.error_reply('WRONGTYPE what stands at a key of seats are none') end
end

if step ~= 'look' then redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now)) end

local done
if step == 'take' then
  done = redis.call('ZSCORE', KEYS[1], holder) or redis.call('ZCARD', KEYS[1]) < seats
  if done then redis.call('ZADD', KEYS[1], text(now + lease), holder) end
elseif step == 'leave' then
  done = redis.call('ZREM', KEYS[1], holder) == 1
end

local held = redis.call('ZCOUNT', KEYS[1], '(' .. text(now), '+inf')
local first = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. text(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
if step == 'take' and last then
  redis.call('PEXPIRE', KEYS[1], text(math.max(1, math.ceil((tonumber(last) - now) / 1000) + 1)))
end
local free = math.max(0, seats - held)
if step == 'look' then done = free > 0 end
local wait = 0
if free == 0 and first then wait = tonumber(first) - now end
local reset = 0
if held > 0 then reset = tonumber(last) - now end
return { text(now), done and 1 or 0, free, text(reset), text(wait) }
