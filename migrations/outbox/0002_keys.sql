-- How values are written into keys: the same text, character for character, as cache-runtime/src/key/text.rs writes.
--
-- cache_runtime::migrate(&pool) applies it. By hand, after 0001_outbox.sql:
--   psql --single-transaction --set ON_ERROR_STOP=1 --file migrations/outbox/0002_keys.sql "$DATABASE_URL"
-- Running it again changes nothing.

-- Every character that is special, control or white space becomes % and two digits for each of its bytes in UTF-8.
-- The two kinds are kept apart because a space is common in names, and the others are not. Backslashes stand in E'…' and
-- twice, because the body is read anew in each session, whatever its standard_conforming_strings says.
CREATE OR REPLACE FUNCTION cache_runtime.escape(part text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
    IF part !~ E'[:={}*?[\\]\\\\%\\u0001-\\u0020\\u007F-\\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000]' THEN
        RETURN part;
    END IF;
    part := replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(part,
        '%', '%25'), ' ', '%20'), ':', '%3A'), '=', '%3D'), '{', '%7B'), '}', '%7D'),
        '*', '%2A'), '?', '%3F'), '[', '%5B'), ']', '%5D'), E'\\', '%5C');
    IF part !~ E'[\\u0001-\\u001F\\u007F-\\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000]' THEN
        RETURN part;
    END IF;
    RETURN (
        SELECT string_agg(
            CASE
                WHEN letter ~ E'[\\u0001-\\u001F\\u007F-\\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000]'
                THEN regexp_replace(upper(encode(convert_to(letter, 'UTF8'), 'hex')), '(..)', E'%\\1', 'g')
                ELSE letter
            END, '' ORDER BY place)
        FROM regexp_split_to_table(part, '') WITH ORDINALITY AS letters (letter, place)
    );
END
$$;
COMMENT ON FUNCTION cache_runtime.escape(text) IS 'A value as a part of a cache key';

-- A list of bytes: its length, then each byte as a number.
CREATE OR REPLACE FUNCTION cache_runtime.bytes_text(bytes bytea) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT '%L' || length(bytes) || coalesce(string_agg(':' || get_byte(bytes, place), '' ORDER BY place), '')
    FROM generate_series(0, length(bytes) - 1) AS places (place)
$$;
COMMENT ON FUNCTION cache_runtime.bytes_text(bytea) IS 'A list of bytes as a part of a cache key';

-- ISO 8601 with the year as astronomers count it, whatever the DateStyle of the session.
CREATE OR REPLACE FUNCTION cache_runtime.date_text(day date) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN NOT isfinite(day) THEN CASE WHEN day > '2000-01-01' THEN 'infinity' ELSE '-infinity' END
        WHEN year BETWEEN 0 AND 9999 THEN lpad(year::text, 4, '0') || to_char(day, '-MM-DD')
        ELSE CASE WHEN year < 0 THEN '-' ELSE '+' END || lpad(abs(year)::text, greatest(4, length(abs(year)::text)), '0')
             || to_char(day, '-MM-DD')
    END
    FROM (
        SELECT CASE WHEN isfinite(day) THEN extract(year FROM day)::integer + CASE WHEN day < '0001-01-01' THEN 1 ELSE 0 END END
    ) AS of (year)
$$;
COMMENT ON FUNCTION cache_runtime.date_text(date) IS 'A date as a part of a cache key';

INSERT INTO cache_runtime.migrations (version, name) VALUES (2, 'keys') ON CONFLICT (version) DO NOTHING;
