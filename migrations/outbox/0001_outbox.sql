-- The outbox: cache keys that a transaction changed and that a relay has yet to remove from the cache.
--
-- cache_runtime::migrate(&pool) applies it. By hand:
--   psql --single-transaction --set ON_ERROR_STOP=1 --file migrations/outbox/0001_outbox.sql "$DATABASE_URL"
-- Running it again changes nothing.

CREATE SCHEMA IF NOT EXISTS cache_runtime;
COMMENT ON SCHEMA cache_runtime IS 'Durable invalidation of a cache: see docs/outbox.md of cache-runtime';

CREATE TABLE IF NOT EXISTS cache_runtime.migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE cache_runtime.migrations IS 'The files of migrations/outbox that were applied';

-- A queue: rows are inserted, read once from the low end, and deleted.
CREATE TABLE IF NOT EXISTS cache_runtime.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY,
    namespace text NOT NULL,
    keys text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- In this order, so that a namespace whose relay is away costs the others nothing.
    PRIMARY KEY (namespace, id)
) WITH (
    -- Each row is dead a moment after it was born. What counts is how many dead ones a relay has to step over, not
    -- which share of the table they are; and cleaning up a small table takes no pauses.
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0,
    -- Inserts alone leave nothing to clean up.
    autovacuum_vacuum_insert_threshold = -1,
    -- To give pages back to the disk takes a lock that stops every writer, and the pages are needed again.
    vacuum_truncate = off,
    -- Statistics of a queue are wrong by the time they are used; the relay's statements do without.
    autovacuum_analyze_threshold = 2147483647,
    toast.autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 2000,
    toast.autovacuum_vacuum_cost_delay = 0,
    toast.autovacuum_vacuum_insert_threshold = -1,
    toast.vacuum_truncate = off
    -- The fill factor stays 100: no row is ever updated.
);
COMMENT ON TABLE cache_runtime.outbox IS 'Cache keys to remove, oldest first; a relay deletes each row once its keys are gone';
COMMENT ON COLUMN cache_runtime.outbox.namespace IS 'The namespace as it stands at the head of each key';
COMMENT ON COLUMN cache_runtime.outbox.keys IS 'Whole keys; one that ends with * stands for every key that begins so';

-- Which database the cache was filled from: when it is another one, or one that went back in time, the cache is emptied.
CREATE TABLE IF NOT EXISTS cache_runtime.state (
    namespace text PRIMARY KEY,
    system_identifier bigint NOT NULL,
    timeline bigint NOT NULL,
    database bigint NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE cache_runtime.state IS 'The server, its timeline and the database that the cache of a namespace was filled from';

INSERT INTO cache_runtime.migrations (version, name) VALUES (1, 'outbox') ON CONFLICT (version) DO NOTHING;
