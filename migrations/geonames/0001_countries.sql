-- Countries by their ISO 3166 code, as GeoNames lists them.
CREATE TABLE countries (
    iso        text PRIMARY KEY,
    name       text NOT NULL,
    capital    text,
    area_km2   double precision NOT NULL,
    population bigint NOT NULL,
    continent  text NOT NULL,
    currency   text
);
