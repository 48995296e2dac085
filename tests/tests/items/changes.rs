//! Changes, while others load.

use cache_runtime::{Cached, State, Step};
use sqlx::PgPool;
use tests::{eventually, in_time};

use crate::world::{HOUR, World};

#[tokio::test]
async fn what_was_loaded_before_a_forget_elsewhere_is_not_kept() {
    let world = World::new().await;
    let fill = world.stepper.park(Step::Fill, &world.key("k"));
    let reader = world.remember(&world.here, "k", 1);
    fill.arrived().await;
    world.elsewhere.forget("k").await.unwrap();
    fill.open();
    assert_eq!(in_time("the reader", reader).await.unwrap(), 1);
    world.here.drain().await;
    assert_eq!(world.state("k").await, State::Absent);
    assert_eq!(world.here.item_stats().rejected_fills, 1);
    assert_eq!(in_time("the next", world.remember(&world.here, "k", 2)).await.unwrap(), 2);
    world.here.drain().await;
    assert_eq!(world.elsewhere.get::<u64>("k").await.unwrap().value(), Some(2));
}

/// Hazard 17: the load began before, and whoever comes after the change must not join it.
#[tokio::test]
async fn who_asks_after_a_forget_elsewhere_gets_no_answer_from_before() {
    let world = World::new().await;
    let load = world.stepper.park(Step::Load, &world.key("k"));
    let fill = world.stepper.park(Step::Fill, &world.key("k"));
    let first = world.remember(&world.here, "k", 1);
    load.arrived().await;
    load.open();
    fill.arrived().await;
    world.elsewhere.forget("k").await.unwrap();
    let misses = world.here.item_stats().misses;
    let later = world.remember(&world.here, "k", 2);
    eventually("it has looked", || async { world.here.item_stats().misses > misses }).await;
    fill.open();
    assert_eq!(in_time("the first", first).await.unwrap(), 1);
    assert_eq!(in_time("the later", later).await.unwrap(), 2);
}

#[tokio::test]
async fn what_was_loaded_before_a_flush_is_not_kept() {
    let world = World::new().await;
    world.elsewhere.set("other", &5_u64, HOUR).await.unwrap();
    let fill = world.stepper.park(Step::Fill, &world.key("k"));
    let reader = world.remember(&world.here, "k", 1);
    fill.arrived().await;
    assert_eq!(world.elsewhere.flush().await.unwrap(), 2, "the value and the lease");
    fill.open();
    in_time("the reader", reader).await.unwrap();
    world.here.drain().await;
    assert_eq!(world.state("k").await, State::Absent);
    assert_eq!(world.here.get::<u64>("other").await.unwrap(), Cached::Miss);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_pull_one_item_in_two_processes_one_gets_it() {
    let world = World::new().await;
    for round in 0..20_u64 {
        world.here.set("ticket", &round, HOUR).await.unwrap();
        let pullers: Vec<_> = (0..50)
            .map(|number| {
                let cache = if number % 2 == 0 { &world.here } else { &world.elsewhere };
                let cache = cache.clone();
                tokio::spawn(async move { cache.pull::<u64>("ticket").await.unwrap() })
            })
            .collect();
        let mut got = Vec::new();
        for puller in pullers {
            got.extend(in_time("a puller", puller).await.unwrap());
        }
        assert_eq!(got, [round]);
        assert_eq!(world.state("ticket").await, State::Absent);
    }
}

#[tokio::test]
async fn tags_are_invalidated_across_processes() {
    let world = World::new().await;
    let item = || world.here.item("k").tags(["users", "cities"]).ttl(HOUR);
    assert!(item().set(&1_u64).await.unwrap());
    assert_eq!(item().get::<u64>().await.unwrap().value(), Some(1));
    world.elsewhere.invalidate_tags(&["cities"]).await.unwrap();
    assert_eq!(item().get::<u64>().await.unwrap(), Cached::Miss);
}

async fn population(pool: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT population FROM cities WHERE id = 1").fetch_one(pool).await
}

async fn world_with_a_city() -> World {
    let world = World::new().await;
    let table = "CREATE TABLE cities (id int8 PRIMARY KEY, population int8 NOT NULL); \
                 INSERT INTO cities VALUES (1, 2100)";
    sqlx::raw_sql(table).execute(world.fixture.pool()).await.unwrap();
    world
}

/// The population through the cache, as a process asks for it.
fn asked(
    world: &World,
    here: bool,
) -> impl Future<Output = Result<i64, sqlx::Error>> + Send + 'static {
    let cache = if here { world.here.clone() } else { world.elsewhere.clone() };
    let pool = world.fixture.pool().clone();
    async move { cache.remember("population", HOUR, || population(&pool)).await }
}

/// The gap that a `forget` after the commit leaves: between the two there is nothing old to be had.
#[tokio::test]
async fn an_item_that_is_held_around_its_change_is_never_old_once_it_is_committed() {
    let world = world_with_a_city().await;
    assert_eq!(asked(&world, false).await.unwrap(), 2100);
    world.elsewhere.drain().await;
    let release = world.stepper.park(Step::Release, &world.key("population"));
    let writer = tokio::spawn({
        let (here, pool) = (world.here.clone(), world.fixture.pool().clone());
        async move {
            let change = || async {
                sqlx::query("UPDATE cities SET population = 7").execute(&pool).await.map(drop)
            };
            here.changing(["population"], change).await
        }
    });
    release.arrived().await;
    // Committed, and not yet released: a process that dies here leaves nothing old behind.
    assert_eq!(world.state("population").await, State::Hold);
    assert_eq!(asked(&world, false).await.unwrap(), 7);
    world.elsewhere.drain().await;
    assert_eq!(world.state("population").await, State::Hold, "nobody keeps what it loads");
    release.open();
    in_time("the writer", writer).await.unwrap().unwrap();
    assert_eq!(world.state("population").await, State::Absent);
    assert_eq!(asked(&world, false).await.unwrap(), 7);
}

#[tokio::test]
async fn a_transaction_holds_items_around_its_commit_and_leaves_them_when_it_is_rolled_back() {
    let world = world_with_a_city().await;
    let (here, pool) = (&world.here, world.fixture.pool());
    let grow = "UPDATE cities SET population = population + 1";
    assert_eq!(asked(&world, true).await.unwrap(), 2100);
    here.drain().await;

    let mut tx = here.begin(pool).await.unwrap();
    here.hold_in(&mut tx, ["population"]).unwrap();
    sqlx::query(grow).execute(tx.connection()).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(world.state("population").await, State::Value);

    let commit = world.stepper.park(Step::Commit, &world.key("population"));
    let mut tx = here.begin(pool).await.unwrap();
    here.hold_in(&mut tx, ["population"]).unwrap();
    sqlx::query(grow).execute(tx.connection()).await.unwrap();
    let writer = tokio::spawn(tx.commit());
    commit.arrived().await;
    assert_eq!(world.state("population").await, State::Hold);
    assert_eq!(asked(&world, false).await.unwrap(), 2100, "it is not committed yet");
    commit.open();
    in_time("the writer", writer).await.unwrap().unwrap();
    assert_eq!(asked(&world, false).await.unwrap(), 2101);
}

/// The server has refused the statement, so nothing was changed, and nobody has to wait for the hold to run out.
#[tokio::test]
async fn a_change_that_the_server_refuses_leaves_nothing_held() {
    let world = world_with_a_city().await;
    let change = || async {
        sqlx::query("UPDATE cities SET population = NULL").execute(world.fixture.pool()).await
    };
    let refused = world.here.changing(["population"], change).await.unwrap_err();
    assert!(refused.as_database_error().is_some(), "{refused:?}");
    assert_eq!(world.state("population").await, State::Absent);
    let lost = || async { Err::<(), _>(sqlx::Error::from(std::io::Error::other("cut"))) };
    assert!(world.here.changing(["population"], lost).await.is_err());
    world.here.drain().await;
    assert_eq!(world.state("population").await, State::Hold, "it may still be committed");
}
