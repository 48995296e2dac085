use cache_runtime::Entity;

#[derive(Clone, Entity)]
#[entity(table = "cities")]
struct City {
    #[entity(id)]
    id: i64,
}

fn main() {}
