-- Which write of a write-behind each key has seen last, so that a late or repeated one changes nothing.
--
-- cache_runtime::migrate(&pool) applies it. By hand, after 0002_keys.sql:
--   psql --single-transaction --set ON_ERROR_STOP=1 --file migrations/outbox/0003_applied.sql "$DATABASE_URL"
-- Running it again changes nothing.

CREATE TABLE IF NOT EXISTS cache_runtime.applied (
    queue text NOT NULL,
    key text NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (queue, key)
) WITH (
    -- Rows are updated in place, over and over, and no index has the version.
    fillfactor = 80
);
COMMENT ON TABLE cache_runtime.applied IS 'The version of the last write that a write-behind has brought to each key: see docs/write-behind.md of cache-runtime';
COMMENT ON COLUMN cache_runtime.applied.version IS 'Microseconds since 1970, on the clock of the server that the queue is on';

INSERT INTO cache_runtime.migrations (version, name) VALUES (3, 'applied') ON CONFLICT (version) DO NOTHING;
