//! Loads of lists that overlap writes, forced step by step.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{Level, Step};
use tests::{eventually, in_time};

use super::world::{Town, Towns, World, town};

/// The lists that Oslo may stand in, each read in the same form.
#[derive(Clone, Copy, Debug)]
enum List {
    Big,
    Ports,
    Above,
    Around,
}

const LISTS: [List; 4] = [List::Big, List::Ports, List::Above, List::Around];

impl List {
    async fn read(self, towns: &Towns) -> Vec<Arc<Town>> {
        let found = match self {
            Self::Big => towns.list_big(..).await,
            Self::Ports => towns.list_ports("NO", ..).await,
            Self::Above => towns.list_above(1000, "NO", ..).await,
            Self::Around => towns.list_around(999, ..).await,
        };
        found.unwrap().into_iter().filter(|town| town.id == 1).collect()
    }

    fn key(self) -> &'static str {
        match self {
            Self::Big => "big",
            Self::Ports => "ports:=NO",
            Self::Above => "above:=1000:=NO",
            Self::Around => "around:=999",
        }
    }
}

/// Oslo outside of all of them, inside, and inside with other values.
fn outside() -> Town {
    town(1, "oslo", "NO", 700, false)
}

fn inside() -> Town {
    town(1, "oslo", "NO", 1500, true)
}

fn elsewhere_inside() -> Town {
    town(1, "christiania", "NO", 1700, true)
}

fn moves() -> [(&'static str, Town, Town); 3] {
    [
        ("in", outside(), inside()),
        ("out", inside(), outside()),
        ("within", inside(), elsewhere_inside()),
    ]
}

fn expected(row: &Town) -> Vec<Town> {
    if row.harbour { vec![row.clone()] } else { Vec::new() }
}

fn found(rows: &[Arc<Town>]) -> Vec<Town> {
    rows.iter().map(|row| (**row).clone()).collect()
}

/// A load that began before a write ends after it: what it found is not served again.
#[tokio::test]
async fn a_fill_that_a_write_overtook_is_not_served() {
    for list in LISTS {
        for (what, before, after) in moves() {
            let world = World::new().await;
            world.elsewhere.update(&before).await.unwrap();
            world.released(1).await;
            let fill = world.stepper.park(Step::Fill, &world.key(list.key()));
            assert_eq!(found(&list.read(&world.here).await), expected(&before), "{list:?} {what}");
            fill.arrived().await;
            world.elsewhere.update(&after).await.unwrap();
            world.released_but_parked(1).await;
            fill.open();
            eventually("the fill is decided", || async {
                world.here.stats().fills + world.here.stats().rejected_fills == 1
            })
            .await;
            assert_eq!(found(&list.read(&world.here).await), expected(&after), "{list:?} {what}");
            let other = list.read(&world.elsewhere).await;
            assert_eq!(found(&other), expected(&after), "{list:?} {what}");
        }
    }
}

/// A cached list is not served from the moment at which the write may commit.
#[tokio::test]
async fn a_cached_list_is_not_served_between_hold_and_release() {
    for list in LISTS {
        for (what, before, after) in moves() {
            let world = World::new().await;
            world.elsewhere.update(&before).await.unwrap();
            world.released(1).await;
            list.read(&world.elsewhere).await;
            world.elsewhere.cache.drain().await;

            let row = world.here.cache.key().text("towns:id").value(&1).finish().unwrap();
            let release = world.stepper.park(Step::Release, &row);
            let writer = tokio::spawn({
                let (here, after) = (world.here.clone(), after.clone());
                async move { here.update(&after).await }
            });
            release.arrived().await;
            let read = list.read(&world.elsewhere).await;
            assert_eq!(found(&read), expected(&after), "{list:?} {what}: committed, not released");
            release.open();
            in_time("the write", writer).await.unwrap().unwrap();
            let read = list.read(&world.elsewhere).await;
            assert_eq!(found(&read), expected(&after), "{list:?} {what}");
        }
    }
}

/// What the tier in the process keeps of a list goes with a write of the same process, before that returns, and with one of
/// another process once it is heard of.
#[tokio::test]
async fn a_list_that_a_process_keeps_is_forgotten_with_a_write() {
    for list in LISTS {
        for (what, before, after) in moves() {
            let world = World::at(Level::Bounded(Duration::from_secs(60))).await;
            world.here.update(&before).await.unwrap();
            let near = async || {
                eventually("the tier has the list", || async {
                    list.read(&world.here).await;
                    let hits = world.here.stats().tier_hits;
                    list.read(&world.here).await;
                    world.here.stats().tier_hits > hits
                })
                .await;
            };
            near().await;
            world.here.update(&after).await.unwrap();
            assert_eq!(found(&list.read(&world.here).await), expected(&after), "{list:?} {what}");
            near().await;
            world.elsewhere.update(&before).await.unwrap();
            eventually("the other write is heard of", || async {
                found(&list.read(&world.here).await) == expected(&before)
            })
            .await;
        }
    }
}

/// A list whose tag has a stamp again, because another list under it was loaded: it is not the one of before.
#[tokio::test]
async fn a_list_under_an_older_stamp_of_its_tag_is_loaded_again() {
    let world = World::new().await;
    assert_eq!(world.here.list_above(500, "NO", ..).await.unwrap().len(), 1);
    world.filled(1).await;
    world.elsewhere.update(&town(2, "bergen", "NO", 600, true)).await.unwrap();
    world.released(2).await;
    assert_eq!(world.elsewhere.list_above(400, "NO", ..).await.unwrap().len(), 2);
    world.elsewhere.cache.drain().await;
    assert_eq!(world.here.list_above(500, "NO", ..).await.unwrap().len(), 2);
}

/// One that joined the load after the write does not take what it found.
#[tokio::test]
async fn a_joiner_does_not_take_a_list_that_a_write_overtook() {
    for list in LISTS {
        let world = World::new().await;
        world.elsewhere.update(&inside()).await.unwrap();
        world.released(1).await;
        let fill = world.stepper.park(Step::Fill, &world.key(list.key()));
        assert_eq!(list.read(&world.here).await.len(), 1);
        fill.arrived().await;
        world.elsewhere.update(&outside()).await.unwrap();
        world.released_but_parked(1).await;
        let joiner = tokio::spawn({
            let here = world.here.clone();
            async move { list.read(&here).await.len() }
        });
        eventually("the joiner has looked", || async { world.here.stats().misses >= 2 }).await;
        fill.open();
        assert_eq!(in_time("the joiner's answer", joiner).await.unwrap(), 0, "{list:?}");
    }
}
