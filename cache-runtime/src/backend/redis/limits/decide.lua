-- Decides about one call under one or several limits: it is counted under all of them or under none.
--
-- Keys: one for each limit, no two alike. Arguments: 1 to count and 0 to look; then for each limit its algorithm, how many
-- calls, the period in microseconds, the burst, the cost of this call, and how many more would be taken with it.
--
-- Answers with the time, 0 or one more than what was taken beyond the cost, and for each limit: whether it admits the call, how many it would still
-- admit, and in microseconds how long until nothing is counted any more and until a call of this cost is admitted.
--
-- Everything is a whole number below 2^53, which a number of Lua holds exactly: a limit and a count up to 90,000,000, a
-- period below 2^49, so that products of two limits, and fifteen times a period, stay below.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local counts = ARGV[1] == '1'

local function text(number) return string.format('%.0f', number) end

local function millis(micros) return text(math.ceil(micros / 1000) + 1) end

-- The quotient and the rest, both exact: fmod is, and what it leaves is a multiple.
local function divide(number, by)
  local rest = math.fmod(number, by)
  return (number - rest) / by, rest
end

-- n * period / by, for n and by up to a limit.
local function share(n, period, by)
  local whole, rest = divide(period, by)
  local more, left = divide(n * rest, by)
  return n * whole + more, left
end

-- n * part / whole, for n up to a limit and part up to whole: long division, three bits of n at a time.
local function scale(n, part, whole)
  local quotient, rest, place = 0, 0, 134217728
  while place > 1 do
    place = place / 8
    local digit
    digit, n = divide(n, place)
    local more
    more, rest = divide(rest * 8 + digit * part, whole)
    quotient = quotient * 8 + more
  end
  return quotient, rest
end

-- The numbers in a text such as '3:14:15', each up to its bound; nothing where they are not that.
local function numbers(state, bounds)
  local found = {}
  for number in string.gmatch(state, '[^:]+') do
    if #number > 16 or string.find(number, '%D') then return nil end
    found[#found + 1] = tonumber(number)
  end
  if #found ~= #bounds then return nil end
  for at, bound in ipairs(bounds) do
    if found[at] > bound then return nil end
  end
  return found
end

local MOST, LONGEST, LATEST = 90000000, 562949953421311, 9007199254740991

-- GCRA, and the token bucket, which is the same seen from the other side. What stands there is the limit that it was
-- counted under, and the time at which nothing is counted any more: microseconds, and parts of one, as many to a
-- microsecond as the limit says.
local bucket = {}

function bucket.read(ask)
  ask.full, ask.full_part = share(ask.burst, ask.period, ask.limit)
  ask.used, ask.used_part = 0, 0
  local state = redis.call('GET', ask.key)
  if not state then return true end
  local found = numbers(state, {MOST, LATEST, MOST})
  if not found then return false end
  local limit, at, part = found[1], found[2], found[3]
  if part >= limit then return false end
  if at < now then return true end
  if limit ~= ask.limit and part > 0 then at, part = at + 1, 0 end
  ask.used, ask.used_part = at - now, part
  -- More than full is what another quota has left there, or a clock that was set back.
  if ask.used > ask.full or (ask.used == ask.full and ask.used_part > ask.full_part) then
    ask.used, ask.used_part, ask.late = ask.full, ask.full_part, true
  end
  return true
end

function bucket.free(ask)
  local left, part = ask.full - ask.used, ask.full_part - ask.used_part
  if part < 0 then left, part = left - 1, part + ask.limit end
  local free, rest = scale(ask.limit, left, ask.period)
  return free + divide(rest + part, ask.period)
end

local function add(ask, n)
  local used, part = share(n, ask.period, ask.limit)
  used, part = ask.used + used, ask.used_part + part
  if part >= ask.limit then used, part = used + 1, part - ask.limit end
  return used, part
end

function bucket.take(ask, n)
  ask.used, ask.used_part = add(ask, n)
  local state = text(ask.limit) .. ':' .. text(now + ask.used) .. ':' .. text(ask.used_part)
  redis.call('SET', ask.key, state, 'PX', millis(ask.used))
end

function bucket.reset(ask)
  return ask.used_part > 0 and ask.used + 1 or ask.used
end

function bucket.retry(ask)
  local used, part = add(ask, ask.cost)
  local wait, rest = used - ask.full, part - ask.full_part
  if rest > 0 then wait = wait + 1 end
  return wait > 0 and wait or 0
end

-- What stands there is the period, the beginning of the window, and what was counted in it; of a sliding window also what
-- was counted in the one before.
local fixed, sliding = {}, {}

local function window(ask)
  local _, since = divide(now, ask.period)
  ask.start, ask.left = now - since, ask.period - since
  ask.before, ask.count = 0, 0
end

function fixed.read(ask)
  window(ask)
  local state = redis.call('GET', ask.key)
  if not state then return true end
  local found = numbers(state, {LONGEST, LATEST, MOST})
  if not found then return false end
  if found[2] + found[1] > now then ask.count = found[3] end
  ask.late = found[2] > ask.start or found[1] ~= ask.period
  return true
end

function fixed.free(ask) return math.max(0, ask.limit - ask.count) end

function fixed.take(ask, n)
  ask.count = ask.count + n
  local state = text(ask.period) .. ':' .. text(ask.start) .. ':' .. text(ask.count)
  redis.call('SET', ask.key, state, 'PX', millis(ask.left))
end

function fixed.reset(ask) return ask.count > 0 and ask.left or 0 end

function fixed.retry(ask) return ask.count + ask.cost > ask.limit and ask.left or 0 end

function sliding.read(ask)
  window(ask)
  local state = redis.call('GET', ask.key)
  if not state then return true end
  local found = numbers(state, {LONGEST, LATEST, MOST, MOST})
  if not found then return false end
  local period, start, before, count = found[1], found[2], found[3], found[4]
  ask.late = start > ask.start or period ~= ask.period
  if period == ask.period and start > ask.start then
    -- The clock was set back over the edge of a window: all that was counted may lie in this one.
    ask.count = math.min(MOST, before + count)
  elseif start + period > now then
    ask.count = count
    if period == ask.period then ask.before = before end
  elseif period == ask.period and start + 2 * period > now then
    ask.before = count
  end
  return true
end

function sliding.free(ask)
  local weight, rest = scale(ask.before, ask.left, ask.period)
  if rest > 0 then weight = weight + 1 end
  return math.max(0, ask.limit - ask.count - weight)
end

function sliding.take(ask, n)
  ask.count = ask.count + n
  local state = text(ask.period) .. ':' .. text(ask.start) .. ':' .. text(ask.before) .. ':' .. text(ask.count)
  redis.call('SET', ask.key, state, 'PX', millis(ask.left + ask.period))
end

function sliding.reset(ask)
  if ask.count > 0 then return ask.left + ask.period end
  return ask.before > 0 and ask.left or 0
end

function sliding.retry(ask)
  if sliding.free(ask) >= ask.cost then return 0 end
  local room = ask.limit - ask.count - ask.cost
  if room >= 0 then
    local left = share(room, ask.period, ask.before)
    return ask.left - left
  end
  local left = share(ask.limit - ask.cost, ask.period, ask.count)
  return ask.left + ask.period - left
end

-- A sorted set of times, each with what was counted at it as 'time:count', and '#' with the sum, which is below any time.
local log = {}

local function amount(member) return tonumber(string.match(member, ':(%d+)$')) end

function log.read(ask)
  local sum = redis.call('ZSCORE', ask.key, '#')
  ask.sum = tonumber(sum or 0)
  if not sum then
    -- A set that is none of ours.
    return redis.call('EXISTS', ask.key) == 0
  end
  local oldest = now - ask.period
  local gone = redis.call('ZRANGEBYSCORE', ask.key, 1000000000, text(oldest))
  for _, member in ipairs(gone) do
    local count = amount(member)
    if not count then return false end
    ask.sum = ask.sum - count
  end
  local last = redis.call('ZREVRANGE', ask.key, 0, 0, 'WITHSCORES')
  ask.last = tonumber(last[2])
  ask.late = ask.last > now
  if counts and #gone > 0 then
    redis.call('ZREMRANGEBYSCORE', ask.key, 1000000000, text(oldest))
    redis.call('ZADD', ask.key, text(ask.sum), '#')
  end
  return true
end

function log.free(ask) return math.max(0, ask.limit - ask.sum) end

function log.take(ask, n)
  ask.sum = ask.sum + n
  -- What was counted later than now, by a clock that was set back since, and at this very microsecond.
  local late = redis.call('ZRANGEBYSCORE', ask.key, text(now), '+inf')
  for _, member in ipairs(late) do
    n = n + (amount(member) or 0)
  end
  if #late > 0 then redis.call('ZREMRANGEBYSCORE', ask.key, text(now), '+inf') end
  redis.call('ZADD', ask.key, text(now), text(now) .. ':' .. text(n), text(ask.sum), '#')
  redis.call('PEXPIRE', ask.key, millis(ask.period))
  ask.last = now
end

-- What is counted under another period than before lives for as long as this one counts it.
function log.keep(ask)
  if ask.sum > 0 then redis.call('PEXPIRE', ask.key, millis(log.reset(ask)), 'GT') end
end

local function ages_out(ask, time) return math.min(tonumber(time), now) + ask.period - now end

function log.reset(ask) return ask.sum > 0 and ages_out(ask, ask.last) or 0 end

function log.retry(ask)
  local over = ask.sum + ask.cost - ask.limit
  if over <= 0 then return 0 end
  -- Each entry makes room for one at least.
  local first = text(now - ask.period)
  local found = redis.call('ZRANGEBYSCORE', ask.key, '(' .. first, '+inf', 'WITHSCORES', 'LIMIT', 0, text(over))
  for at = 1, #found, 2 do
    over = over - (amount(found[at]) or 0)
    if over <= 0 then return ages_out(ask, found[at + 1]) end
  end
  return ask.period
end

local algorithms = { gcra = bucket, token_bucket = bucket, fixed_window = fixed, sliding_counter = sliding, sliding_log = log }

local asks, admitted, extra = {}, true, MOST
for number, key in ipairs(KEYS) do
  local at = (number - 1) * 6 + 1
  local ask = {
    key = key, algorithm = algorithms[ARGV[at + 1]], limit = tonumber(ARGV[at + 2]), period = tonumber(ARGV[at + 3]),
    burst = tonumber(ARGV[at + 4]), cost = tonumber(ARGV[at + 5]), extra = tonumber(ARGV[at + 6])
  }
  if not ask.algorithm.read(ask) then
    return redis.error_reply('WRONGTYPE what stands at a key of a rate limit was not counted by one')
  end
  ask.free = ask.algorithm.free(ask)
  ask.admits = ask.free >= ask.cost
  if not ask.admits then admitted = false end
  extra = math.min(extra, ask.extra, ask.free - ask.cost)
  asks[number] = ask
end

-- Times go out as texts: a reply's integer has 64 bits, but a number on its way there is printed with 17 digits at most.
local answer = { text(now), counts and admitted and extra + 1 or 0 }
for _, ask in ipairs(asks) do
  if counts and admitted then
    ask.algorithm.take(ask, ask.cost + extra)
    ask.free = ask.free - ask.cost - extra
  elseif counts and ask.late then
    -- A clock was set back, or a quota is another one: from now on it stands as this quota would have counted it now. Left as
    -- it is, it would be later than now at each call, until the old time has come round again.
    ask.algorithm.take(ask, 0)
  elseif counts and ask.algorithm.keep then
    ask.algorithm.keep(ask)
  end
  answer[#answer + 1] = ask.admits and 1 or 0
  answer[#answer + 1] = ask.free
  answer[#answer + 1] = text(ask.algorithm.reset(ask))
  answer[#answer + 1] = text(ask.algorithm.retry(ask))
end
return answer
