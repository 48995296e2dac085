#[path = "../city.rs"]
mod city;
use city::*;

#[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "things")]
pub struct Thing {
    #[entity(id)]
    pub id: i64,
    pub name: String,
    pub price: f64,
    pub sold: Option<bool>,
}

#[cached_repository(
    entity = Thing,
    list(name = cheap, where = "price < 10"),
    list(name = dear, where = "price > $min"),
    list(name = called, where = "name >= $name"),
    list(name = numbered, where = "name = 7"),
    list(name = sold, where = "sold = 'yes'"),
    list(name = true_ones, where = "id = TRUE"),
    list(name = none, where = "colour = 'red'"),
    list(name = ordered, where = "id > 1", order = "colour"),
)]
pub struct Things {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
