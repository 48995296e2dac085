//! The steps of sessions, each one script over keys of one slot.
//!
//! The first line of each says what a server checks before the script begins: one that takes no writes, because it is a
//! replica, refuses even a read that would write nothing, so that nobody is admitted by a copy that may be old. One that
//! is out of memory refuses what makes or changes a session, and goes on with reads and ends, which need next to none.

use std::sync::LazyLock;

use redis::Script;

/// Arguments: head, idle limit, absolute limit, sessions of a user, and an id or a user.
///
/// A session that is not alive is removed by whoever finds it.
const SESSION: &str = r"
local head, idle, absolute, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local function at(id) return head .. ':=' .. id end
local function of(user) return head .. ':user:=' .. user end
local function alive(id)
  local it = redis.call('HMGET', at(id), 'v', 'c', 's', 'a', 'u')
  if not it[1] then return nil end
  local session = {version = it[1], created = tonumber(it[2]), seen = tonumber(it[3]), user = it[5] or nil}
  session.ends = math.min(tonumber(it[4]), session.created + absolute)
  local named = not session.user or redis.call('HEXISTS', of(session.user), id) == 1
  if named and now < session.ends and now - session.seen < idle then return session end
  redis.call('UNLINK', at(id))
  if session.user then redis.call('HDEL', of(session.user), id) end
  return nil
end
local function told(id, session)
  return {redis.call('HGET', at(id), 'd'), session.version, text(session.created), text(session.seen),
    text(session.ends), session.user or ''}
end
local function lives(id, session)
  redis.call('PEXPIREAT', at(id), text(math.min(session.seen + idle, session.ends)))
end
";

/// Names a session in its user's record, and ends those that are too many.
const NAME: &str = r"
local function name(user, id, ends)
  local record = of(user)
  redis.call('HSET', record, id, text(now))
  if redis.call('PEXPIRETIME', record) < ends then redis.call('PEXPIREAT', record, text(ends)) end
  if redis.call('HLEN', record) <= most then return end
  local living = {}
  for _, other in ipairs(redis.call('HKEYS', record)) do
    if other ~= id then
      local session = alive(other)
      if session then living[#living + 1] = {session.seen, other} else redis.call('HDEL', record, other) end
    end
  end
  table.sort(living, function(one, other)
    return one[1] < other[1] or (one[1] == other[1] and one[2] < other[2])
  end)
  for number = 1, #living + 1 - most do
    redis.call('UNLINK', at(living[number][2]))
    redis.call('HDEL', record, living[number][2])
  end
end
";

/// What a change of data begins with. Arguments from the sixth on: version (empty for any), data, milliseconds (empty to
/// leave them). Answers nothing where there is no such session, and the session where it has another version.
const CHANGE: &str = r"
local id = ARGV[5]
local session = alive(id)
if not session then return false end
if ARGV[6] ~= '' and ARGV[6] ~= session.version then return told(id, session) end
";

fn script(flags: &str, parts: &[&str]) -> Script {
    Script::new(&format!("#!lua flags={flags}\n{SESSION}{}", parts.concat()))
}

/// Arguments from the sixth on: milliseconds, data, what is told of it, user (or empty). Answers whether the id was free.
pub(super) static CREATE: LazyLock<Script> = LazyLock::new(|| {
    script(
        "",
        &[
            NAME,
            "
local id, user = ARGV[5], ARGV[9]
if redis.call('EXISTS', at(id)) == 1 then return 0 end
local session = {seen = now, ends = now + math.min(tonumber(ARGV[6]), absolute)}
redis.call('HSET', at(id), 'v', 1, 'c', text(now), 's', text(now), 'a', text(session.ends), 'd', ARGV[7], 'm', ARGV[8])
lives(id, session)
if user ~= '' then
  redis.call('HSET', at(id), 'u', user)
  name(user, id, session.ends)
end
return 1",
        ],
    )
});

/// Writes down that it was used, at most once in a tenth of the idle limit; and where the key has less time than the session,
/// because the idle limit was a shorter one. Answers nothing, or the session.
pub(super) static READ: LazyLock<Script> = LazyLock::new(|| {
    script(
        "allow-oom",
        &["
local id = ARGV[5]
local session = alive(id)
if not session then return false end
local rest = math.min(session.seen + idle, session.ends)
if (now - session.seen) * 10 >= idle or redis.call('PEXPIRETIME', at(id)) < rest then
  session.seen = now
  redis.call('HSET', at(id), 's', text(now))
  lives(id, session)
end
return told(id, session)"],
    )
});

/// See [`CHANGE`].
pub(super) static WRITE: LazyLock<Script> = LazyLock::new(|| {
    script(
        "",
        &[
            CHANGE,
            "
redis.call('HSET', at(id), 'd', ARGV[7])
redis.call('HINCRBY', at(id), 'v', 1)
if ARGV[8] ~= '' then
  session.ends = math.min(now + tonumber(ARGV[8]), session.created + absolute)
  redis.call('HSET', at(id), 'a', text(session.ends))
  lives(id, session)
end
return 1",
        ],
    )
});

/// See [`CHANGE`]; beyond that: the new id, and the user (or empty).
pub(super) static ROTATE: LazyLock<Script> = LazyLock::new(|| {
    script(
        "",
        &[
            NAME,
            CHANGE,
            "
local to, user = ARGV[9], ARGV[10]
if redis.call('EXISTS', at(to)) == 1 then return redis.error_reply('ERR the new id of a session is taken') end
redis.call('RENAME', at(id), at(to))
if session.user then redis.call('HDEL', of(session.user), id) end
session.seen = now
if (session.user or '') ~= user then
  if ARGV[8] ~= '' then session.ends = now + math.min(tonumber(ARGV[8]), absolute) end
  redis.call('HSET', at(to), 'c', text(now), 'a', text(session.ends))
end
redis.call('HSET', at(to), 'd', ARGV[7], 's', text(now))
redis.call('HINCRBY', at(to), 'v', 1)
lives(to, session)
if user ~= '' then
  redis.call('HSET', at(to), 'u', user)
  name(user, to, session.ends)
else
  redis.call('HDEL', at(to), 'u')
end
return 1",
        ],
    )
});

/// Sixth argument: the user whose it has to be, or nothing. Answers whether it was alive.
pub(super) static DESTROY: LazyLock<Script> = LazyLock::new(|| {
    script(
        "allow-oom",
        &["
local id = ARGV[5]
local session = alive(id)
if not session or (ARGV[6] ~= '' and session.user ~= ARGV[6]) then return 0 end
redis.call('UNLINK', at(id))
if session.user then redis.call('HDEL', of(session.user), id) end
return 1"],
    )
});

/// Fifth argument: the user; sixth: the session that stays, or nothing. Answers how many were named.
pub(super) static DESTROY_ALL: LazyLock<Script> = LazyLock::new(|| {
    script(
        "allow-oom",
        &["
local record = of(ARGV[5])
local named = redis.call('HLEN', record)
local since = ARGV[6] ~= '' and redis.call('HGET', record, ARGV[6])
local ends = redis.call('PEXPIRETIME', record)
redis.call('UNLINK', record)
if not since then return named end
redis.call('HSET', record, ARGV[6], since)
redis.call('PEXPIREAT', record, text(ends))
return named - 1"],
    )
});

/// Fifth argument: the user. Answers rows of id, what is told of it, and three times.
pub(super) static LIST: LazyLock<Script> = LazyLock::new(|| {
    script(
        "allow-oom",
        &["
local record, rows = of(ARGV[5]), {}
for _, id in ipairs(redis.call('HKEYS', record)) do
  local session = alive(id)
  if session then
    rows[#rows + 1] = {id, redis.call('HGET', at(id), 'm') or '', text(session.created), text(session.seen),
      text(session.ends)}
  else
    redis.call('HDEL', record, id)
  end
end
return rows"],
    )
});

/// All of them, for a server that has forgotten them.
pub(in crate::backend::redis) fn all() -> [&'static Script; 7] {
    [&CREATE, &READ, &WRITE, &ROTATE, &DESTROY, &DESTROY_ALL, &LIST]
}
