//! The steps that take more than one command, as scripts. Those over several keys take each by itself, so that a server which
//! refuses several, as a cluster does, may be given one at a time.

use std::sync::LazyLock;

use redis::Script;

/// What the server's clock says, in milliseconds.
const NOW: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
";

/// Reads the writers of a hold that are still alive: those but one, the last of their deadlines, and that one's. A hold is `H`, then 16 bytes of token and 8 of deadline each. A deadline that the server could not be given again is no writer's.
/// It copies no more than it has to: many writers may hold the tag of a table at a time.
const ALIVE: &str = r"
local function live(entry, token, now)
  local own = token and string.find(entry, token, 2, true)
  local kept, from, last, mine, at = '', 2, 0, nil, 2
  while at <= #entry - 23 do
    local deadline = struct.unpack('<I8', entry, at + 16)
    local alive = deadline > now and deadline < 2 ^ 53
    if alive and at ~= own then
      if deadline > last then last = deadline end
    else
      if alive then mine = deadline end
      kept, from = kept .. string.sub(entry, from, at - 1), at + 24
    end
    at = at + 24
  end
  return kept .. string.sub(entry, from, at - 1), last, mine
end
";

/// Sets a writer's token at each key, beside other writers'. Arguments: token, milliseconds. Where a key cannot be set the
/// answer is the error, and those behind it are left alone.
pub(super) static HOLD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&format!(
        "{NOW}{ALIVE}
local deadline = now + ARGV[2]
local mine = ARGV[1] .. struct.pack('<I8', deadline)
for _, key in ipairs(KEYS) do
  local entry, kept, last = redis.pcall('GET', key), '', 0
  if type(entry) == 'table' then return entry end
  if entry and string.byte(entry) == 72 then kept, last = live(entry, ARGV[1], now) end
  local set
  if deadline >= last then set = redis.pcall('SET', key, 'H' .. kept .. mine, 'PX', ARGV[2])
  else set = redis.pcall('SET', key, 'H' .. kept .. mine, 'PXAT', string.format('%.0f', last)) end
  if set.err then return set end
end
return 1"
    ))
});

/// Takes a writer's token out of each key. Arguments: token, channel. Answers for each whether it was there; where it was not,
/// announces the key, whatever stood there. A hold of one writer alone lives as long as its key does.
pub(super) static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&format!(
        "{ALIVE}
local there, now, failed = {{}}, nil, nil
for at, key in ipairs(KEYS) do
  local entry, done, mine = redis.pcall('GET', key), nil, false
  if type(entry) == 'string' then
    if string.byte(entry) ~= 72 then done = redis.pcall('DEL', key)
    elseif #entry == 25 and string.sub(entry, 2, 17) == ARGV[1] then
      done, mine = redis.pcall('DEL', key), true
    else
      if not now then
        local time = redis.call('TIME')
        now = time[1] * 1000 + math.floor(time[2] / 1000)
      end
      local kept, last
      kept, last, mine = live(entry, ARGV[1], now)
      if mine and mine <= last then done = redis.pcall('SET', key, 'H' .. kept, 'KEEPTTL')
      elseif #kept > 0 then
        done = redis.pcall('SET', key, 'H' .. kept, 'PXAT', string.format('%.0f', last))
      else done = redis.pcall('DEL', key) end
    end
  end
  if type(done) == 'table' and done.err then failed = failed or done
  elseif not mine then
    redis.call('PUBLISH', ARGV[2], '\\1K' .. struct.pack('<I4', #key) .. key)
  end
  there[at] = mine and 1 or 0
end
return failed or there"
    ))
});

/// Removes whatever stands at a key but for a hold that is alive. Argument: `all`, or nothing to leave values of other
/// data types alone. Answers whether something was removed. A value is not read for that, however large it is.
pub(super) static SWEEP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&format!(
        "local first = redis.pcall('GETRANGE', KEYS[1], 0, 0)
if type(first) == 'table' then
  if not string.find(first.err, 'WRONGTYPE', 1, true) then return first end
  if ARGV[1] ~= 'all' then return 0 end
elseif first == 'H' then
{NOW}{ALIVE}
  local entry = redis.pcall('GET', KEYS[1])
  if type(entry) == 'string' and #live(entry, nil, now) > 0 then return 0 end
end
return redis.call('UNLINK', KEYS[1])"
    ))
});

/// Takes a value away, and announces the key whatever stands there. Argument: channel. Answers the entry and the
/// milliseconds that were left of its life, or nothing where no value stands there.
pub(super) static PULL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "redis.call('PUBLISH', ARGV[1], '\\1K' .. struct.pack('<I4', #KEYS[1]) .. KEYS[1])
local entry = redis.pcall('GET', KEYS[1])
if type(entry) ~= 'string' or string.byte(entry) ~= 86 then return {} end
local left = redis.call('PTTL', KEYS[1])
redis.call('DEL', KEYS[1])
return {entry, left}",
    )
});

/// Replaces a reader's own lease by the value. Arguments: lease, entry, milliseconds (empty: forever).
pub(super) static FILL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1",
    )
});

/// The same for several keys, each by itself. Arguments: those of the first key, those of the second, …. Answers for each
/// whether it was replaced, 1 or 0, or 2 where that has failed. Each key is looked at right before it is set: one may come
/// twice, and the first has used its lease up.
pub(super) static FILL_MANY: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local stand = {}
for at, key in ipairs(KEYS) do
  local found, ttl = redis.pcall('GET', key), ARGV[3 * at]
  if type(found) == 'table' then stand[at] = string.find(found.err, 'WRONGTYPE', 1, true) and 0 or 2
  elseif found ~= ARGV[3 * at - 2] then stand[at] = 0
  else
    local set
    if ttl == '' then set = redis.pcall('SET', key, ARGV[3 * at - 1])
    else set = redis.pcall('SET', key, ARGV[3 * at - 1], 'PX', ttl) end
    stand[at] = set.err and 2 or 1
  end
end
return stand",
    )
});

/// Replaces the value that begins with these bytes by another. Arguments: the bytes, entry, milliseconds (empty: forever).
pub(super) static REPLACE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1",
    )
});

/// Removes a reader's own lease. Argument: lease.
pub(super) static ABANDON: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0",
    )
});

/// Puts a lease where exactly these bytes stand, and announces the key. Arguments: bytes, lease, milliseconds, channel.
/// Answers 1 and nothing, 0 and what stands there instead, or 2 and nothing where the key is absent.
pub(super) static LEASE_OVER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local entry = redis.call('GET', KEYS[1])
if not entry then return {2, ''} end
if entry ~= ARGV[1] then return {0, entry} end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('PUBLISH', ARGV[4], '\\1K' .. struct.pack('<I4', #KEYS[1]) .. KEYS[1])
return {1, ''}",
    )
});

/// All of them, for a server that has forgotten them.
pub(super) fn all() -> [&'static Script; 9] {
    [&HOLD, &RELEASE, &SWEEP, &PULL, &FILL, &FILL_MANY, &REPLACE, &ABANDON, &LEASE_OVER]
}
