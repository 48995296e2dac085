-- Cities of more than 15,000 people, and seats of government of any size; `id` is GeoNames' own.
CREATE TABLE cities (
    id         bigint PRIMARY KEY,
    slug       text NOT NULL UNIQUE,
    name       text NOT NULL,
    country    text NOT NULL REFERENCES countries (iso),
    admin1     text,
    latitude   double precision NOT NULL,
    longitude  double precision NOT NULL,
    population bigint NOT NULL,
    timezone   text NOT NULL
);

CREATE INDEX cities_country_idx ON cities (country);
