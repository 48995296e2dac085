//! The documentation, the descriptions and what is published are of one mind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cache_runtime::{Level, MetricKind, Metrics, WriteBehind, migrate};
use tests::eventually;

use super::watched::Watched;
use super::world::{World, city};

/// A metric as a line of the table says it.
type Line = [String; 5];

fn documented() -> BTreeMap<String, Line> {
    let page = include_str!("../../../docs/metrics.md");
    let lines = page.lines().filter(|line| line.starts_with("| `cache_"));
    let cells = lines.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        <[&str; 5]>::try_from(cells).unwrap_or_else(|cells| panic!("five cells: {cells:?}"))
    });
    cells.map(|line| (line[0].trim_matches('`').to_owned(), line.map(str::to_owned))).collect()
}

fn kind(kind: MetricKind) -> String {
    format!("{kind:?}").to_lowercase()
}

#[tokio::test]
async fn the_page_says_what_is_described() {
    let world = World::new().await;
    let watched = Watched::of(&world.here.cache);
    let described = watched.recorder.described();
    let documented = documented();
    assert_eq!(
        described.keys().collect::<Vec<_>>(),
        documented.keys().collect::<Vec<_>>(),
        "the names in docs/metrics.md and those that are described"
    );
    for metric in Metrics::names() {
        let (described_as, unit, help) = &described[metric.name];
        assert_eq!(
            (*described_as, unit, help.as_str()),
            (metric.kind, &Some(metric.unit), metric.help)
        );
        let [_, kind_of, unit, labels, meaning] = &documented[metric.name];
        let expected =
            [kind(metric.kind), metric.unit.as_str().to_owned(), metric.labels.join(", ")];
        assert_eq!([kind_of, unit, labels].map(String::clone), expected, "{}", metric.name);
        assert_eq!(meaning, metric.help, "{}", metric.name);
    }
}

#[tokio::test]
async fn everything_that_is_described_is_published_with_its_labels() {
    let minute = Level::Bounded(Duration::from_secs(60));
    let world = World::with(|builder| builder.level(minute)).await;
    migrate(world.fixture.pool()).await.unwrap();
    let _relay = world.here.cache.relay(world.fixture.pool()).spawn().unwrap();
    let behind = WriteBehind::builder(&world.here.cache, "cities", world.here.clone());
    let _behind = behind.spawn().unwrap();
    let watched = Watched::of(&world.here.cache);
    world.here.get(1).await.unwrap();
    world.here.update(&city(1, "paris", "FR", 8)).await.unwrap();
    eventually("the tier is there", || async {
        world.here.get(1).await.unwrap();
        watched.gauge("cache_tier_entries") > Some(0.0)
    })
    .await;
    watched.publish_all().await;
    let published = watched.recorder.labels();
    let names: BTreeSet<&str> = published.keys().map(String::as_str).collect();
    let described: BTreeSet<&str> = Metrics::names().iter().map(|metric| metric.name).collect();
    assert_eq!(names, described);
    for metric in Metrics::names() {
        let mut labels = vec!["namespace"];
        labels.extend(metric.labels);
        assert_eq!(published[metric.name], labels, "{}", metric.name);
    }
}
