#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, unique("slug", (), (country, country), 5), list(slug, slug, (id, slug, country, name, id5)))]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
