#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(
    entity = City,
    list(name = a, where = "name < 'm'"),
    list(name = b, where = "lower(name) = 'oslo'"),
    list(name = c, where = "name = NULL"),
    list(name = d, where = "id >= 1.5"),
    list(name = e, where = "name = oslo"),
    list(name = f, where = "name LIKE 'o%'"),
    list(name = g, where = "id BETWEEN 1 AND 9"),
    list(name = h, where = "id = 1 AND"),
    list(name = i, where = "id >= $x OR name = $x"),
    list(name = j, where = "id = 1", order = "lower(name)"),
    list(name = k, where = "id = 1", limit = 0),
    list(name = l, where = "id = 1", buckets(min = [1])),
    list(name = m, where = "id = $min", buckets(min = [1])),
    list(name = n, where = "id > $min", buckets(min = [2, 1])),
    list(name = o, where = "id > $min", buckets(min = [])),
    list(where = "id = 1"),
    list(name = p),
    list(name = q, wher = "id = 1"),
    list(name = r, where = id),
    list(country),
    list(name = by_country, where = "id = 1"),
    list(name = s, where = "id = $a AND slug = $b AND country = $c AND name = $d AND id < $e"),
)]
pub struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
