//! The steps of the queue, each one script over keys of one slot.
//!
//! An entry of the stream is called by its place, `1700000000000000-0`: microseconds of the server's clock, or one more
//! than the last where the clock has not moved or was set back. That is exact in a script's numbers until the year 2255.

use std::sync::LazyLock;

use redis::Script;

/// The place of the next entry. `KEYS[2]` is the hash of what is pending.
const NEXT: &str = r"
local time = redis.call('TIME')
local place = time[1] * 1000000 + time[2]
local last = tonumber(redis.call('HGET', KEYS[2], '!last') or '0')
if place <= last then place = last + 1 end
place = string.format('%.0f', place)
";

/// Keys: writes, pending, dead. Arguments: bound, key, id, whether it deletes, value. Answers the place, or 0 and how many
/// writes and dead letters there are. The entry comes first: where the server has no memory it is refused as a whole.
pub(super) static ENQUEUE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&format!(
        "local waiting, dead = redis.call('XLEN', KEYS[1]), redis.call('XLEN', KEYS[3])
if waiting + dead >= tonumber(ARGV[1]) then return {{0, waiting, dead}} end
{NEXT}
redis.call('XADD', KEYS[1], place .. '-0', 'k', ARGV[2], 'i', ARGV[3], 'd', ARGV[4], 'v', ARGV[5], 'n', place)
redis.call('HSET', KEYS[2], ARGV[2], place, '!last', place)
return {{place, waiting + 1, dead}}"
    ))
});

/// Keys: writes, pending. Arguments: keys. Answers for each nothing, or the fields of the entry, or an empty list where
/// there should be an entry and is none.
pub(super) static PENDING: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local found = {}
for number, key in ipairs(ARGV) do
  local place = redis.call('HGET', KEYS[2], key)
  if place then
    local entry = redis.call('XRANGE', KEYS[1], place .. '-0', place .. '-0')[1]
    if not entry then redis.call('HDEL', KEYS[2], key) end
    found[number] = entry and entry[2] or {}
  else
    found[number] = 0
  end
end
return found",
    )
});

/// Key: writes. Arguments: consumer, how many, milliseconds. Answers entries: id, number of deliveries, fields.
///
/// What is idle is listed and then claimed, where XAUTOCLAIM would do both but not say how often an entry was delivered.
/// The group is made where there is none, at the beginning of the stream: nothing that is there is passed over.
pub(super) static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local most, taken = tonumber(ARGV[2]), {}
local idle = redis.pcall('XPENDING', KEYS[1], 'workers', 'IDLE', ARGV[3], '-', '+', most)
if idle.err then
  redis.call('XGROUP', 'CREATE', KEYS[1], 'workers', '0', 'MKSTREAM')
  idle = {}
end
for _, one in ipairs(idle) do
  local entry = redis.call('XCLAIM', KEYS[1], 'workers', ARGV[1], ARGV[3], one[1])[1]
  if entry then taken[#taken + 1] = {entry[1], one[4] + 1, entry[2]} end
end
if #idle > 0 then
  for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], 'workers')) do
    local is = {}
    for at = 1, #consumer, 2 do is[consumer[at]] = consumer[at + 1] end
    if is.name ~= ARGV[1] and is.pending == 0 and is.idle > 3600000 then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'workers', is.name)
    end
  end
end
if #taken < most then
  local read = redis.call('XREADGROUP', 'GROUP', 'workers', ARGV[1], 'COUNT', most - #taken, 'STREAMS', KEYS[1], '>')
  if read then
    for _, entry in ipairs(read[1][2]) do taken[#taken + 1] = {entry[1], 1, entry[2]} end
  end
end
return taken",
    )
});

/// Key: writes. Arguments: consumer, ids. Answers for each 1 where it is the consumer's, whose time begins anew, else 0.
pub(super) static TOUCH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local own = {}
for at = 2, #ARGV do
  local one = redis.pcall('XPENDING', KEYS[1], 'workers', ARGV[at], ARGV[at], 1)[1]
  if type(one) == 'table' and one[2] == ARGV[1] then
    own[at - 1] = #redis.call('XCLAIM', KEYS[1], 'workers', ARGV[1], 0, ARGV[at], 'JUSTID')
  else
    own[at - 1] = 0
  end
end
return own",
    )
});

/// Takes an entry out, and the pending value of its key where it is this entry's. `KEYS[3]` is the hash of tries.
const REMOVE: &str = r"
local function remove(id, key)
  redis.call('XACK', KEYS[1], 'workers', id)
  redis.call('XDEL', KEYS[1], id)
  if redis.call('HGET', KEYS[2], key) == string.sub(id, 1, -3) then redis.call('HDEL', KEYS[2], key) end
  redis.call('HDEL', KEYS[3], id)
end
";

/// Keys: writes, pending, tries. Arguments: pairs of id and key.
pub(super) static ACKNOWLEDGE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&format!(
        "{REMOVE}
for at = 1, #ARGV, 2 do remove(ARGV[at], ARGV[at + 1]) end
return 1"
    ))
});

/// Keys: writes, pending, tries, dead. Arguments: id, key, how many tries there are, reason. Answers 0 where the entry is
/// gone, how often it has failed, or -1 where it is a dead letter now.
pub(super) static FAIL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&format!(
        "{REMOVE}
local entry = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not entry then return 0 end
local tries = redis.call('HINCRBY', KEYS[3], ARGV[1], 1)
if tries < tonumber(ARGV[3]) then return tries end
local fields = entry[2]
for _, more in ipairs({{'t', tries, 'r', ARGV[4], 'w', redis.call('TIME')[1]}}) do fields[#fields + 1] = more end
redis.call('XADD', KEYS[4], '*', unpack(fields))
remove(ARGV[1], ARGV[2])
return -1"
    ))
});

/// Key: writes. Argument: consumer. What it has taken goes to nobody, and counts as idle for as long as can be. Only then
/// may the consumer go: the group forgets with a consumer what was still its own, and would never deliver it again.
pub(super) static LEAVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "while true do
  local own = redis.pcall('XPENDING', KEYS[1], 'workers', '-', '+', 500, ARGV[1])
  if own.err then return 0 end
  if #own == 0 then return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'workers', ARGV[1]) end
  for _, one in ipairs(own) do
    redis.call('XCLAIM', KEYS[1], 'workers', '!nobody', 0, one[1], 'IDLE', 1000000000000, 'JUSTID')
  end
end",
    )
});

/// Keys: writes, dead. Answers how many writes and dead letters there are, the place of the oldest write, and the time.
pub(super) static BACKLOG: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local now = string.format('%.0f', time[1] * 1000000 + time[2])
return {redis.call('XLEN', KEYS[1]), redis.call('XLEN', KEYS[2]), oldest and string.sub(oldest[1], 1, -3) or 0, now}",
    )
});

/// Key: pending.
pub(super) static HEAD: LazyLock<Script> =
    LazyLock::new(|| Script::new("return redis.call('HGET', KEYS[1], '!last') or 0"));

/// Key: writes. Argument: id.
pub(super) static WAITS: LazyLock<Script> = LazyLock::new(|| {
    Script::new("return #redis.call('XRANGE', KEYS[1], '-', ARGV[1], 'COUNT', 1)")
});

/// Key: dead. Argument: how many.
pub(super) static DEAD: LazyLock<Script> = LazyLock::new(|| {
    Script::new("return redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])")
});

/// Keys: writes, pending, dead. Argument: the id of a dead letter. It gets a new place, and keeps its version.
pub(super) static RETRY: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&format!(
        "local letter = redis.call('XRANGE', KEYS[3], ARGV[1], ARGV[1])[1]
if not letter then return 0 end
{NEXT}
local kept, fields = {{}}, letter[2]
for at = 1, #fields, 2 do
  if string.find('kidvn', fields[at], 1, true) then
    kept[#kept + 1] = fields[at]
    kept[#kept + 1] = fields[at + 1]
  end
end
redis.call('XADD', KEYS[1], place .. '-0', unpack(kept))
redis.call('HSET', KEYS[2], '!last', place)
redis.call('XDEL', KEYS[3], ARGV[1])
return 1"
    ))
});

/// Key: dead. Argument: the id of a dead letter.
pub(super) static DISCARD: LazyLock<Script> =
    LazyLock::new(|| Script::new("return redis.call('XDEL', KEYS[1], ARGV[1])"));

/// All of them, for a server that has forgotten them.
pub(in crate::backend::redis) fn all() -> [&'static Script; 13] {
    [
        &ENQUEUE,
        &PENDING,
        &TAKE,
        &TOUCH,
        &ACKNOWLEDGE,
        &FAIL,
        &LEAVE,
        &BACKLOG,
        &HEAD,
        &WAITS,
        &DEAD,
        &RETRY,
        &DISCARD,
    ]
}
