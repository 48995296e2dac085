//! The statements. Those about one session have the space at `$1`, its digest at `$2`, the idle limit at `$3` and the absolute
//! one at `$4`.

/// Now, in Unix milliseconds; the same all through a statement.
macro_rules! now {
    () => {
        "floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint"
    };
}

/// Whether the row of this alias is a session that is alive. Every statement has the space at `$1`, the idle limit at `$3`
/// and the absolute one at `$4`.
macro_rules! alive {
    ($of:literal) => {
        concat!(
            "(",
            $of,
            ".until > ",
            now!(),
            " AND ",
            $of,
            ".seen + $3::bigint > ",
            now!(),
            " AND least(",
            $of,
            ".ends, ",
            $of,
            ".created + $4::bigint) > ",
            now!(),
            ")"
        )
    };
}

/// Whether the last use of session `s` has to be written down: after a tenth of the idle limit, and where it would be over
/// before its limits, because the idle one was shorter.
macro_rules! due {
    () => {
        concat!(
            "((",
            now!(),
            " - s.seen) * 10 >= $3::bigint OR s.until < least(s.seen + $3, s.ends, s.created + $4::bigint))"
        )
    };
}

/// One row in any case: a server that only follows another one says so, whether it knows the session or not.
pub(super) const READ: &str = concat!(
    "SELECT pg_is_in_recovery(), ",
    now!(),
    ", coalesce(",
    alive!("s"),
    ", false), coalesce(",
    due!(),
    ", false), \
         s.data, s.version, s.created, s.seen, least(s.ends, s.created + $4::bigint), least(s.until, s.seen + $3::bigint), \
         s.owner \
     FROM (VALUES (1)) AS one LEFT JOIN cache_runtime.sessions AS s ON s.space = $1 AND s.id = $2"
);

pub(super) const USE: &str = concat!(
    "UPDATE cache_runtime.sessions AS s SET seen = greatest(s.seen, ",
    now!(),
    "), \
         until = least(",
    now!(),
    " + $3::bigint, s.ends, s.created + $4::bigint) \
     WHERE s.space = $1 AND s.id = $2 AND ",
    alive!("s"),
    " AND ",
    due!()
);

pub(super) const CREATE: &str = concat!(
    "INSERT INTO cache_runtime.sessions (space, id, owner, version, created, seen, ends, until, about, data) \
     SELECT $1, $2, $5::bytea, 1, now, now, now + least($6::bigint, $4::bigint), \
         now + least($3::bigint, $6::bigint, $4::bigint), $7::bytea, $8::bytea \
     FROM (SELECT ",
    now!(),
    " AS now) AS of ON CONFLICT (space, id) DO NOTHING"
);

pub(super) const WRITE: &str = concat!(
    "UPDATE cache_runtime.sessions AS s SET data = $5::bytea, version = s.version + 1, \
         ends = CASE WHEN $7::bigint IS NULL THEN s.ends ELSE least(",
    now!(),
    " + $7, s.created + $4::bigint) END, \
         until = CASE WHEN $7 IS NULL THEN s.until \
             ELSE least(s.seen + $3::bigint, ",
    now!(),
    " + $7, s.created + $4::bigint) END \
     WHERE s.space = $1 AND s.id = $2 AND ",
    alive!("s"),
    " AND ($6::bigint IS NULL OR s.version = $6)"
);

/// `$8` is the new id, `$9` the user. Where that is another one, the session begins anew.
pub(super) const ROTATE: &str = concat!(
    "UPDATE cache_runtime.sessions AS s SET id = $8::bytea, data = $5::bytea, version = s.version + 1, \
         owner = $9::bytea, seen = ",
    now!(),
    ", \
         created = CASE WHEN s.owner IS DISTINCT FROM $9 THEN ",
    now!(),
    " ELSE s.created END, \
         ends = CASE WHEN s.owner IS DISTINCT FROM $9 \
             THEN coalesce(",
    now!(),
    " + least($7::bigint, $4::bigint), least(s.ends, s.created + $4)) ELSE s.ends END, \
         until = least(",
    now!(),
    " + $3::bigint, CASE WHEN s.owner IS DISTINCT FROM $9 \
             THEN coalesce(",
    now!(),
    " + least($7, $4), least(s.ends, s.created + $4)) \
             ELSE least(s.ends, s.created + $4) END) \
     WHERE s.space = $1 AND s.id = $2 AND ",
    alive!("s"),
    " AND ($6::bigint IS NULL OR s.version = $6)"
);

/// Those of the user's others that are over, and those that are too many: not used for longest.
pub(super) const MAKE_ROOM: &str = concat!(
    "DELETE FROM cache_runtime.sessions AS s WHERE s.space = $1 AND s.owner = $2 AND s.id <> $5 AND (NOT ",
    alive!("s"),
    " OR s.id IN (SELECT o.id FROM cache_runtime.sessions AS o \
         WHERE o.space = $1 AND o.owner = $2 AND o.id <> $5 AND ",
    alive!("o"),
    " \
         ORDER BY o.seen DESC, o.id DESC OFFSET $6)) RETURNING s.id"
);

/// `$5` is the user whose it has to be, if that matters. Answers whether it was alive.
pub(super) const END: &str = concat!(
    "DELETE FROM cache_runtime.sessions AS s WHERE s.space = $1 AND s.id = $2 AND ($5::bytea IS NULL OR s.owner = $5) \
     RETURNING ",
    alive!("s")
);

/// Only if it is over: by the limits of who asks.
pub(super) const END_WHAT_IS_OVER: &str = concat!(
    "DELETE FROM cache_runtime.sessions AS s WHERE s.space = $1 AND s.id = $2 AND NOT ",
    alive!("s")
);

pub(super) const END_ALL: &str = "DELETE FROM cache_runtime.sessions WHERE space = $1 AND owner = $2 \
     AND ($3::bytea IS NULL OR id <> $3) RETURNING id";

pub(super) const END_SOME: &str = "DELETE FROM cache_runtime.sessions WHERE space = $1 AND id IN ( \
     SELECT id FROM cache_runtime.sessions WHERE space = $1 LIMIT $2) RETURNING id";

pub(super) const END_EVERYONE: &str =
    "DELETE FROM cache_runtime.sessions WHERE space = $1 RETURNING id";

pub(super) const LIST: &str = concat!(
    "SELECT pg_is_in_recovery(), s.id, s.about, s.created, s.seen, least(s.ends, s.created + $4::bigint) \
     FROM (VALUES (1)) AS one LEFT JOIN cache_runtime.sessions AS s ON s.space = $1 AND s.owner = $2 AND ",
    alive!("s")
);

/// What somebody is at is left for the next time.
pub(super) const REMOVE_ENDED: &str = concat!(
    "DELETE FROM cache_runtime.sessions WHERE ctid = ANY (ARRAY( \
         SELECT ctid FROM cache_runtime.sessions WHERE space = $1 AND until <= ",
    now!(),
    " \
         ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED))"
);

/// Whoever changes more than one session of a user waits for who does the same, and so does everybody for who ends all of a
/// space: then nobody waits in a circle, and of two logins at once each counts the other's session.
pub(super) const LOCK_USER: &str = "SELECT pg_advisory_xact_lock_shared(hashtextextended('cache_runtime.sessions:' || $1, 0)), \
     pg_advisory_xact_lock(hashtextextended('cache_runtime.sessions:' || $1 || encode($2::bytea, 'hex'), 1))";

pub(super) const LOCK_SPACE: &str =
    "SELECT pg_advisory_xact_lock(hashtextextended('cache_runtime.sessions:' || $1, 0))";
