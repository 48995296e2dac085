-- Sessions that outlive a Redis: see docs/sessions.md of cache-runtime.
--
-- cache_runtime::migrate(&pool) applies it. By hand, after 0003_applied.sql:
--   psql --single-transaction --set ON_ERROR_STOP=1 --file migrations/outbox/0004_sessions.sql "$DATABASE_URL"
-- Running it again changes nothing.

CREATE TABLE IF NOT EXISTS cache_runtime.sessions (
    space text NOT NULL,
    id bytea NOT NULL CHECK (octet_length(id) = 32),
    owner bytea CHECK (octet_length(owner) = 32),
    version bigint NOT NULL,
    created bigint NOT NULL,
    seen bigint NOT NULL,
    ends bigint NOT NULL,
    until bigint NOT NULL,
    about bytea NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (space, id)
) WITH (
    -- A change of the data alone touches no index, and finds room beside the row.
    fillfactor = 80,
    -- Rows come, change and go all the time, and what is over should not stay on the disk for long.
    autovacuum_vacuum_scale_factor = 0.02
);
COMMENT ON TABLE cache_runtime.sessions IS 'Sessions; all times are Unix milliseconds by the clock of this server';
COMMENT ON COLUMN cache_runtime.sessions.space IS 'Namespace and name of their kind';
COMMENT ON COLUMN cache_runtime.sessions.id IS 'The SHA-256 of the id, which nobody but its user has';
COMMENT ON COLUMN cache_runtime.sessions.owner IS 'The SHA-256 of its user; none before a login';
COMMENT ON COLUMN cache_runtime.sessions.version IS 'Another one after each change of the data';
COMMENT ON COLUMN cache_runtime.sessions.created IS 'When it began, or got its user';
COMMENT ON COLUMN cache_runtime.sessions.seen IS 'When it was last used, as far as that was written down';
COMMENT ON COLUMN cache_runtime.sessions.ends IS 'When it ends, however much it is used';
COMMENT ON COLUMN cache_runtime.sessions.until IS 'When it is over unless it is used: it may be deleted from then on';
COMMENT ON COLUMN cache_runtime.sessions.about IS 'What its user is shown of it: device and address';
COMMENT ON COLUMN cache_runtime.sessions.data IS 'What the application keeps in it';

-- All sessions of a user.
CREATE INDEX IF NOT EXISTS sessions_owner ON cache_runtime.sessions (space, owner) WHERE owner IS NOT NULL;
-- What is over.
CREATE INDEX IF NOT EXISTS sessions_until ON cache_runtime.sessions (space, until);

INSERT INTO cache_runtime.migrations (version, name) VALUES (4, 'sessions') ON CONFLICT (version) DO NOTHING;
