//! Lists by condition over columns of awkward types and values, against what the database answers.

use std::sync::Arc;

use cache_runtime::{
    CacheManager, CacheTransaction, Entity, Event, EventBus, Level, cached_repository, migrate,
};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, FromRow, PgPool};
use tests::{Fixture, RedisServer, TestDatabase, eventually, in_time};
use uuid::Uuid;

/// Called otherwise in the program than in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "kind", rename_all = "kebab-case")]
enum Kind {
    FirstRate,
    #[serde(rename = "so: so")]
    SoSo,
    #[serde(rename = "%N")]
    Poor,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "odd")]
struct Odd {
    #[entity(id)]
    id: i64,
    kind: Option<Kind>,
    token: Uuid,
    flag: Option<bool>,
    #[sqlx(rename = "The \"text\" $keys$")]
    text: Option<String>,
    large: Option<i64>,
    small: i16,
    #[entity(generated)]
    twice: Option<i32>,
}

#[cached_repository(
    entity = Odd,
    ttl = "15m",
    tags("kind:{kind}"),
    list(name = kinds, where = "kind = $kind"),
    list(name = tokens, where = "token = $token AND NOT (flag = TRUE)"),
    list(name = other_kinds, where = "kind <> $kind AND flag IS NOT NULL"),
    list(name = quoted, where = "text = 'it''s $keys$ \\ %N:=' OR text = ''"),
    list(name = texts, where = "text = $text"),
    list(name = any, where = "text <> $text AND small IN (-32768, 0, 32767)"),
    list(name = from, where = "large >= $min", buckets(min = [-9223372036854775808, 0, 9223372036854775807])),
    list(name = below, where = "NOT (large >= $max) AND text = $text", buckets(max = [-9223372036854775807, 1])),
    list(name = either, where = "large = $large OR flag = $flag"),
    list(name = doubled, where = "twice > 4 OR twice IS NULL", order = "twice DESC NULLS LAST", limit = 3),
    list(name = flags, where = "flag = $flag AND kind = $kind AND text IS NULL"),
)]
#[derive(Clone)]
struct Odds {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository]
impl Odds {
    /// The row takes another id, and goes into other lists.
    #[invalidates(id = "from", id = "to")]
    async fn rename(
        &self,
        tx: &mut CacheTransaction,
        from: i64,
        to: i64,
        text: &str,
    ) -> sqlx::Result<()> {
        sqlx::query("UPDATE odd SET id = $2, \"The \"\"text\"\" $keys$\" = $3, large = -large WHERE id = $1 AND large <> $4")
            .bind(from)
            .bind(to)
            .bind(text)
            .bind(i64::MIN)
            .execute(tx.connection())
            .await
            .map(drop)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Shuffled {
    ids: Vec<i64>,
}

impl Event for Shuffled {
    const NAME: &'static str = "odd.shuffled";
}

const TEXTS: [&str; 6] = ["", "it's $keys$ \\ %N:=", "%N", "a:=b", "Ä ", "plain"];
const LARGE: [i64; 7] = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
const SMALL: [i16; 5] = [i16::MIN, -1, 0, 7, i16::MAX];
const KINDS: [Kind; 3] = [Kind::FirstRate, Kind::SoSo, Kind::Poor];
const TOKENS: [Uuid; 2] = [Uuid::nil(), Uuid::max()];

struct World {
    fixture: Fixture,
    here: Odds,
    elsewhere: Odds,
    random: fastrand::Rng,
    seed: u64,
}

type Found = Vec<Arc<Odd>>;

impl World {
    async fn new() -> Self {
        Self::over(None).await
    }

    /// Over a server of its own, which may lose its data.
    async fn over(server: Option<&RedisServer>) -> Self {
        let database = TestDatabase::from_template("odd", async |pool: &PgPool| {
            migrate(pool).await.unwrap();
            sqlx::raw_sql(
                r#"CREATE TYPE kind AS ENUM ('first-rate', 'so-so', 'poor');
                CREATE TABLE odd (id int8 PRIMARY KEY, kind kind, token uuid NOT NULL, flag bool,
                    "The ""text"" $keys$" text, large int8, small int2 NOT NULL,
                    twice int4 GENERATED ALWAYS AS (nullif(small::int4, 7) * 2) STORED)"#,
            )
            .execute(pool)
            .await
            .unwrap();
        })
        .await;
        let fixture = Fixture::with_database(database);
        let odds = || {
            let url = server.map_or_else(|| fixture.redis_url().to_owned(), RedisServer::url);
            let builder =
                CacheManager::builder(fixture.namespace()).redis(&url).refresh_ahead(1e12);
            let builder =
                builder.level(Level::Strong).hang_after(std::time::Duration::from_millis(250));
            Odds { db: fixture.pool().clone(), cache: builder.build().unwrap() }
        };
        let (here, elsewhere) = (odds(), odds());
        here.verify_schema().await.unwrap();
        let seed = fastrand::u64(..);
        Self { fixture, here, elsewhere, random: fastrand::Rng::with_seed(seed), seed }
    }

    fn some<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.random.usize(..from.len())]
    }

    fn odd(&mut self, id: i64) -> Odd {
        let there = |random: &mut fastrand::Rng| random.u8(..4) > 0;
        Odd {
            id,
            kind: there(&mut self.random).then(|| self.some(&KINDS)),
            token: self.some(&TOKENS),
            flag: there(&mut self.random).then(|| self.random.bool()),
            text: there(&mut self.random).then(|| self.some(&TEXTS).to_owned()),
            large: there(&mut self.random).then(|| self.some(&LARGE)),
            small: self.some(&SMALL),
            twice: None,
        }
    }

    fn id(&mut self) -> i64 {
        self.random.i64(1..=6)
    }

    /// Some change of some rows, in one of the ways in which one may be made.
    async fn change(&mut self, bus: &EventBus) -> String {
        let odds = if self.random.bool() { self.here.clone() } else { self.elsewhere.clone() };
        let (id, way) = (self.id(), self.random.u8(..8));
        let row = self.odd(id);
        match way {
            0 => drop(odds.upsert(&row).await.unwrap()),
            1 => drop(odds.update(&row).await.unwrap()),
            2 => drop(odds.delete(id).await.unwrap()),
            3 => {
                odds.delete_many(&[id, id % 6 + 1]).await.unwrap();
                let other = self.odd(id % 6 + 1);
                odds.insert_many(&[row.clone(), other]).await.unwrap();
            }
            4 => {
                // One part is kept, one is not, and one stands in the one that is not.
                let mut tx = odds.begin().await.unwrap();
                odds.within(&mut tx).upsert(&row).await.unwrap();
                let mut part = tx.savepoint().await.unwrap();
                let at = self.id();
                let next = self.odd(at);
                odds.within(&mut part).upsert(&next).await.unwrap();
                let mut inner = part.savepoint().await.unwrap();
                odds.within(&mut inner).delete(id).await.unwrap();
                inner.commit().await.unwrap();
                if self.random.bool() {
                    part.commit().await.unwrap()
                } else {
                    drop(part)
                }
                let last = self.odd(id);
                odds.within(&mut tx).update(&last).await.unwrap();
                tx.commit().await.unwrap();
            }
            5 => {
                let mut tx = odds.begin().await.unwrap();
                let (to, text) = (id + 10 * self.random.i64(0..2), self.some(&TEXTS));
                odds.rename(&mut tx, id, to, text).await.unwrap();
                tx.commit().await.unwrap();
                self.agree(&format!("a new id {to} for {id}")).await;
                odds.delete(id + 10).await.unwrap();
            }
            6 => {
                let mut tx = odds.begin().await.unwrap();
                sqlx::query("UPDATE odd SET kind = 'poor', flag = NOT flag, small = -1 WHERE id IN ($1, $2)")
                    .bind(id)
                    .bind(id % 6 + 1)
                    .execute(tx.connection())
                    .await
                    .unwrap();
                bus.publish_in(&mut tx, &Shuffled { ids: vec![id, id % 6 + 1] }).await.unwrap();
                if self.random.bool() {
                    tx.commit().await.unwrap()
                } else {
                    tx.rollback().await.unwrap()
                }
            }
            _ => {
                // Rolled back: nothing has changed.
                let mut tx = odds.begin().await.unwrap();
                odds.within(&mut tx).delete(id).await.unwrap();
                drop(tx);
            }
        }
        format!("way {way} at {id}")
    }

    async fn theirs(&self, condition: &str) -> Vec<i64> {
        let condition = condition.replace("text", r#""The ""text"" $keys$""#);
        let sql = format!("SELECT id FROM odd WHERE {condition}");
        sqlx::query_scalar(AssertSqlSafe(sql))
            .persistent(false)
            .fetch_all(self.fixture.pool())
            .await
            .unwrap()
    }

    /// Every list of a process, with the condition as the database is asked for it.
    async fn lists(odds: &Odds) -> Vec<(String, Found)> {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let mut all = Vec::new();
        for (kind, label) in KINDS.into_iter().zip(["first-rate", "so-so", "poor"]) {
            all.push((format!("kind = '{label}'"), odds.list_kinds(&kind, ..).await.unwrap()));
            let others = odds.list_other_kinds(&kind, ..).await.unwrap();
            all.push((format!("kind <> '{label}' AND flag IS NOT NULL"), others));
            for flag in [true, false] {
                let found = odds.list_flags(flag, &kind, ..).await.unwrap();
                all.push((format!("flag = {flag} AND kind = '{label}' AND text IS NULL"), found));
            }
        }
        for token in TOKENS {
            let found = odds.list_tokens(token, ..).await.unwrap();
            all.push((format!("token = '{token}' AND NOT flag"), found));
        }
        all.push((
            "text IN ('', 'it''s $keys$ \\ %N:=')".to_owned(),
            odds.list_quoted(..).await.unwrap(),
        ));
        for text in TEXTS {
            let quoted = quoted(text);
            all.push((format!("text = {quoted}"), odds.list_texts(text, ..).await.unwrap()));
            let found = odds.list_any(text, ..).await.unwrap();
            all.push((format!("text <> {quoted} AND small IN (-32768, 0, 32767)"), found));
            for max in [i64::MIN, 0, i64::MAX] {
                let found = odds.list_below(max, text, ..).await.unwrap();
                all.push((format!("large < {max} AND text = {quoted}"), found));
            }
        }
        for large in LARGE {
            let found = odds.list_from(large, ..).await.unwrap();
            all.push((format!("large >= {large}"), found));
            let found = odds.list_either(large, large > 0, ..).await.unwrap();
            all.push((format!("large = {large} OR flag = {}", large > 0), found));
        }
        all
    }

    async fn agree(&self, after: &str) {
        for odds in [&self.here, &self.elsewhere] {
            for (condition, found) in Self::lists(odds).await {
                let mut ids: Vec<i64> = found.iter().map(|odd| odd.id).collect();
                ids.sort_unstable();
                let mut theirs = self.theirs(&condition).await;
                theirs.sort_unstable();
                assert_eq!(ids, theirs, "{condition} after {after}, seed {}", self.seed);
                for row in found {
                    let mut tx = odds.begin().await.unwrap();
                    let stored = odds.within(&mut tx).get(row.id).await.unwrap();
                    assert_eq!(
                        stored.as_ref(),
                        Some(&row),
                        "{condition} after {after}, seed {}",
                        self.seed
                    );
                }
            }
            let mut tx = odds.begin().await.unwrap();
            let inside = odds.within(&mut tx).list_doubled(..).await.unwrap();
            assert_eq!(
                odds.list_doubled(..).await.unwrap(),
                inside,
                "after {after}, seed {}",
                self.seed
            );
        }
    }
}

#[tokio::test]
async fn lists_over_awkward_values_agree_with_the_database_after_every_change() {
    let mut world = World::new().await;
    let odds = world.here.clone();
    let bus = world.here.cache.clone().events();
    let bus = bus.on::<Shuffled>(move |event, it| it.rows(&odds, event.ids.iter().copied()));
    let bus = bus.build().unwrap();
    for id in 1..=6 {
        let row = world.odd(id);
        world.here.insert(&row).await.unwrap();
    }
    for _ in 0..40 {
        let after = world.change(&bus).await;
        world.agree(&after).await;
        world.here.cache.drain().await;
        world.elsewhere.cache.drain().await;
    }
    assert!(world.here.stats().hits > world.here.stats().misses, "{}", world.here.stats());
}

#[tokio::test]
async fn lists_over_awkward_values_hear_of_plain_sql() {
    const STATEMENTS: [&str; 7] = [
        "UPDATE odd SET kind = 'so-so' WHERE id % 2 = 0",
        "UPDATE odd SET id = -id",
        "UPDATE odd SET \"The \"\"text\"\" $keys$\" = 'it''s $keys$ \\ %N:=', large = -9223372036854775808",
        "UPDATE odd SET kind = NULL, flag = NULL, \"The \"\"text\"\" $keys$\" = ''",
        "UPDATE odd SET small = 0 WHERE small <> 0",
        "DELETE FROM odd WHERE id < -3; INSERT INTO odd (id, kind, token, flag, small) VALUES (9, 'poor', gen_random_uuid(), false, 32767)",
        "TRUNCATE odd",
    ];
    let mut world = World::new().await;
    for id in 1..=6 {
        let row = world.odd(id);
        world.here.insert(&row).await.unwrap();
    }
    world.here.watch().await.unwrap();
    let relay = world.here.cache.relay(world.fixture.pool()).spawn().unwrap();
    for statement in STATEMENTS {
        world.agree("before").await;
        world.here.cache.drain().await;
        sqlx::raw_sql(statement).execute(world.fixture.pool()).await.unwrap();
        eventually("it is delivered", || async {
            let left: i64 = sqlx::query_scalar("SELECT count(*) FROM cache_runtime.outbox")
                .fetch_one(world.fixture.pool())
                .await
                .unwrap();
            left == 0
        })
        .await;
        world.agree(statement).await;
    }
    relay.stop().await;
}

/// What one of several writers at once does; where they get into each other's way, nothing is changed.
async fn move_around(odds: &Odds, bus: &EventBus, rows: [Odd; 2], way: u8) -> sqlx::Result<()> {
    let [one, other] = rows;
    let mut tx = odds.begin().await?;
    match way {
        0 => drop(odds.within(&mut tx).upsert(&one).await?),
        1 => drop(odds.within(&mut tx).delete(one.id).await?),
        2 => {
            // Each writes what it has read, or what others have made of it since.
            odds.within(&mut tx).get(one.id).await?;
            odds.rename(&mut tx, one.id, one.id, "plain").await?;
            tokio::task::yield_now().await;
            odds.rename(&mut tx, other.id, other.id, "").await?;
        }
        3 => {
            let mut part = tx.savepoint().await?;
            odds.within(&mut part).update(&one).await?;
            if other.flag == Some(true) {
                part.rollback().await?
            } else {
                part.commit().await?
            }
            odds.within(&mut tx).update(&other).await?;
        }
        4 => {
            sqlx::query("UPDATE odd SET kind = 'so-so', large = 1, flag = NOT flag, small = 32767 WHERE id = $1")
                .bind(one.id)
                .execute(tx.connection())
                .await?;
            bus.publish_in(&mut tx, &Shuffled { ids: vec![one.id] }).await?;
        }
        // It comes back as another, under the same id.
        _ => {
            odds.within(&mut tx).delete_many(&[one.id, other.id]).await?;
            odds.within(&mut tx).insert(&one).await?;
        }
    }
    tx.commit().await
}

/// Rows move between lists in transactions that overlap, lists are renewed and warmed meanwhile, and the server forgets all
/// that it has, again and again: what is cached in the end is what is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rows_that_move_between_lists_in_transactions_that_overlap_leave_no_list_old() {
    let redis = RedisServer::start();
    let mut world = World::over(Some(&redis)).await;
    for id in 1..=6 {
        let row = world.odd(id);
        world.here.insert(&row).await.unwrap();
    }
    for round in 0..6 {
        let mut tasks = Vec::new();
        for writer in 0..3 {
            let odds = if writer == 0 { world.here.clone() } else { world.elsewhere.clone() };
            let steps: Vec<([Odd; 2], u8)> = (0..15)
                .map(|_| {
                    let (one, other) = (world.id(), world.id());
                    ([world.odd(one), world.odd(other)], world.random.u8(..6))
                })
                .collect();
            tasks.push(tokio::spawn(async move {
                let of = odds.clone();
                let bus = odds.cache.clone().events();
                let bus =
                    bus.on::<Shuffled>(move |event, it| it.rows(&of, event.ids.iter().copied()));
                let bus = bus.build().unwrap();
                for (rows, way) in steps {
                    if let Err(error) = move_around(&odds, &bus, rows, way).await {
                        assert!(error.as_database_error().is_some(), "way {way}: {error}");
                    }
                }
            }));
        }
        for odds in [&world.here, &world.elsewhere] {
            let odds = odds.clone();
            tasks.push(tokio::spawn(async move {
                for _ in 0..4 {
                    World::lists(&odds).await;
                    let report = odds.warm_all().batch(2).concurrency(3).run().await;
                    assert!(report.errors.is_empty(), "{:?}", report.errors);
                }
            }));
        }
        let client = redis::Client::open(redis.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        for task in tasks {
            while round % 2 == 1 && !task.is_finished() {
                let _: () = redis::cmd("FLUSHALL").query_async(&mut connection).await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            in_time("a task", task).await.unwrap();
        }
        world.agree("the writers are done").await;
        world.here.cache.drain().await;
        world.elsewhere.cache.drain().await;
        world.agree("everything has come to rest").await;
        for id in 1..=6 {
            let mut tx = world.here.begin().await.unwrap();
            let stored = world.here.within(&mut tx).get(id).await.unwrap();
            for odds in [&world.here, &world.elsewhere] {
                assert_eq!(odds.get(id).await.unwrap(), stored, "seed {}", world.seed);
            }
        }
    }
}

/// What stands at the tags of lists is a stamp, and no load that is under way.
#[tokio::test]
async fn a_memory_report_knows_lists_by_condition_and_takes_no_stamp_for_a_lease() {
    let world = World::new().await;
    let memory = CacheManager::builder("memory").memory().level(Level::Strong).build().unwrap();
    for cache in [world.here.cache.clone(), memory] {
        let odds = Odds { db: world.fixture.pool().clone(), cache };
        World::lists(&odds).await;
        odds.cache.drain().await;
        let report = odds.cache.memory_report().run().await.unwrap();
        assert_eq!((report.holds, report.leases), (0, 0), "{report}");
        let of = |prefix: &str| {
            let group = report.groups.iter().find(|group| group.prefix == prefix);
            let group = group.unwrap_or_else(|| panic!("{prefix} is in the report: {report}"));
            (group.table.as_deref(), group.operation.clone(), group.keys)
        };
        let list = |name: &str, keys| (Some("odd"), Some(format!("list_{name}")), keys);
        assert_eq!(of("odd:where:quoted"), list("quoted", 1));
        assert_eq!(of("odd:where:kinds"), list("kinds", 3));
        assert_eq!(of("odd:where:from"), list("from", 7));
        assert_eq!(of("odd:where:from:any"), list("from", 3), "stamps of its buckets");
    }
}
