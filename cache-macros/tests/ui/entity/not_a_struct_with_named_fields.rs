use cache_runtime::Entity;

#[derive(Entity)]
#[entity(table = "cities")]
enum City {
    One,
}

#[derive(Entity)]
#[entity(table = "cities")]
struct Tuple(i64);

#[derive(Entity)]
#[entity(table = "cities")]
struct Unit;

#[derive(Entity)]
#[entity(table = "cities")]
union Union {
    id: i64,
}

fn main() {}
