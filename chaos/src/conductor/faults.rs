//! What breaks.

use std::time::{Duration, Instant};

use cache_runtime::Step;
use fastrand::Rng;
use rustix::process::Signal;
use tokio::time::sleep;

use super::World;
use super::child::Child;
use super::crew::Seat;
use crate::checker::Note;
use crate::clock::now;
use crate::options::Options;
use crate::worker::HOLD;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Kill,
    Die(Step),
    StopWriter,
    StopReader,
    StopRedis,
    CutRedis,
    SilentRedis,
    SlowRedis,
    RestartRedisEmpty,
    RestartRedisOld,
    FailOver,
    Flush,
    Evict,
    ForgetScripts,
    DropClients,
    CutPostgres,
    SilentPostgres,
    SlowPostgres,
    StopBackends,
    Terminate,
    RestartPostgres,
}

impl Fault {
    pub(crate) const ALL: [Self; 26] = [
        Self::Kill,
        Self::Die(Step::Lease),
        Self::Die(Step::Load),
        Self::Die(Step::Fill),
        Self::Die(Step::Hold),
        Self::Die(Step::Commit),
        Self::Die(Step::Release),
        Self::StopWriter,
        Self::StopReader,
        Self::StopRedis,
        Self::CutRedis,
        Self::SilentRedis,
        Self::SlowRedis,
        Self::RestartRedisEmpty,
        Self::RestartRedisOld,
        Self::FailOver,
        Self::Flush,
        Self::Evict,
        Self::ForgetScripts,
        Self::DropClients,
        Self::CutPostgres,
        Self::SilentPostgres,
        Self::SlowPostgres,
        Self::StopBackends,
        Self::Terminate,
        Self::RestartPostgres,
    ];

    pub(crate) fn name(self) -> String {
        match self {
            Self::Kill => "worker killed".to_owned(),
            Self::Die(step) => format!("worker killed before {step:?}"),
            Self::StopWriter => "writer stopped".to_owned(),
            Self::StopReader => "reader stopped".to_owned(),
            Self::StopRedis => "redis stopped".to_owned(),
            Self::CutRedis => "redis connections cut".to_owned(),
            Self::SilentRedis => "redis connections half-open".to_owned(),
            Self::SlowRedis => "redis slow".to_owned(),
            Self::RestartRedisEmpty => "redis restarted empty".to_owned(),
            Self::RestartRedisOld => "redis restarted with old data".to_owned(),
            Self::FailOver => "redis fails over".to_owned(),
            Self::Flush => "redis flushed".to_owned(),
            Self::Evict => "redis evicts".to_owned(),
            Self::ForgetScripts => "redis forgets its scripts".to_owned(),
            Self::DropClients => "redis drops its clients".to_owned(),
            Self::CutPostgres => "postgres connections cut".to_owned(),
            Self::SilentPostgres => "postgres connections half-open".to_owned(),
            Self::SlowPostgres => "postgres slow".to_owned(),
            Self::StopBackends => "postgres backends stopped".to_owned(),
            Self::Terminate => "postgres backends terminated".to_owned(),
            Self::RestartPostgres => "postgres restarted".to_owned(),
        }
    }

    /// The names of all, in their order.
    pub(crate) fn names() -> Vec<String> {
        Self::ALL.into_iter().map(Self::name).collect()
    }

    fn weight(self) -> u32 {
        match self {
            Self::Die(Step::Commit | Step::Release) => 6,
            Self::Die(Step::Hold) | Self::Kill | Self::Flush => 4,
            Self::RestartPostgres => 1,
            _ => 2,
        }
    }

    async fn strike(self, world: &World, rng: &mut Rng) {
        let seats = world.crew.seats();
        let any = &seats[rng.usize(..seats.len())];
        let writers = world.crew.writers();
        let writer = writers[rng.usize(..writers.len())];
        match self {
            Self::Kill => {
                let mut held = any.process().await;
                if let Some(process) = &*held {
                    process.signal(Signal::KILL);
                }
                world.crew.replace(any, &mut held, &world.notes, (GRACE, pause(rng, 0..300))).await;
            }
            Self::Die(step) => {
                let mut held = writer.process().await;
                let place = Step::ALL.iter().position(|one| *one == step).unwrap_or(0);
                if let Some(process) = &mut *held {
                    process.order(&format!("die {place}"));
                }
                let times = (GRACE, pause(rng, 0..300));
                world.crew.replace(writer, &mut held, &world.notes, times).await;
            }
            // Not as long as a hold lives: a writer that is stopped for longer than that is out of what is promised.
            Self::StopWriter => stop(writer, pause(rng, 20..STOP_MILLIS)).await,
            Self::StopReader => stop(world.crew.reader(), pause(rng, 500..3000)).await,
            Self::StopRedis => {
                let mut redis = world.redis.lock().await;
                redis.primary().pause();
                sleep(pause(rng, 50..2500)).await;
                redis.primary().resume();
            }
            Self::CutRedis => {
                for seat in some(seats, rng) {
                    seat.redis.cut();
                }
                sleep(Duration::from_millis(20)).await;
            }
            Self::SilentRedis => {
                let chosen = some(seats, rng);
                let way = rng.u32(0..3);
                for seat in &chosen {
                    match way {
                        0 => seat.redis.hold_replies(),
                        1 => seat.redis.hold_requests(),
                        _ => seat.redis.black_hole(),
                    }
                }
                sleep(pause(rng, 20..1200)).await;
                // What was held back comes late, or never.
                let late = rng.bool();
                for seat in &chosen {
                    if !late {
                        seat.redis.cut();
                    }
                    seat.redis.forward();
                }
            }
            Self::SlowRedis => {
                let chosen = some(seats, rng);
                for seat in &chosen {
                    seat.redis.delay(Duration::from_millis(rng.u64(1..60)));
                }
                sleep(pause(rng, 100..1000)).await;
                chosen.iter().for_each(|seat| seat.redis.forward());
            }
            Self::RestartRedisEmpty => {
                let mut redis = world.redis.lock().await;
                let began = world.losing();
                redis.primary().restart_empty();
                world.lost(began);
            }
            Self::RestartRedisOld => {
                let mut redis = world.redis.lock().await;
                let _ = redis.tell::<redis::Value>(&["SAVE"]).await;
                sleep(pause(rng, 200..2000)).await;
                let began = world.losing();
                redis.primary().restart();
                world.lost(began);
            }
            Self::FailOver => fail_over(world, rng).await,
            Self::Flush => {
                let redis = world.redis.lock().await;
                let began = world.losing();
                // Often, so that it is between the steps of some write.
                for _ in 0..rng.u32(1..12) {
                    let _ = redis.tell::<redis::Value>(&["FLUSHALL"]).await;
                    sleep(pause(rng, 0..60)).await;
                }
                world.lost(began);
            }
            Self::Evict => {
                let redis = world.redis.lock().await;
                let began = world.losing();
                let used = redis.info("used_memory").await.unwrap_or(0);
                let data = redis.info("used_memory_dataset").await.unwrap_or(0);
                let least = used.saturating_sub(data * rng.u64(2..10) / 10).to_string();
                let _ = redis
                    .tell::<redis::Value>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"])
                    .await;
                let _ = redis.tell::<redis::Value>(&["CONFIG", "SET", "maxmemory", &least]).await;
                sleep(pause(rng, 200..1200)).await;
                let _ = redis.tell::<redis::Value>(&["CONFIG", "SET", "maxmemory", "0"]).await;
                world.lost(began);
            }
            Self::ForgetScripts => {
                let redis = world.redis.lock().await;
                let _ = redis.tell::<redis::Value>(&["SCRIPT", "FLUSH"]).await;
            }
            Self::DropClients => {
                let kind = if rng.bool() { "pubsub" } else { "normal" };
                let redis = world.redis.lock().await;
                let _ = redis.tell::<redis::Value>(&["CLIENT", "KILL", "TYPE", kind]).await;
            }
            Self::CutPostgres => {
                for seat in some(seats, rng) {
                    seat.postgres.cut();
                }
                sleep(Duration::from_millis(20)).await;
            }
            Self::SilentPostgres => {
                let chosen = some(seats, rng);
                let replies = rng.bool();
                for seat in &chosen {
                    if replies {
                        seat.postgres.hold_replies()
                    } else {
                        seat.postgres.hold_requests()
                    }
                }
                // Not for as long as a hold lives: what is late then would be committed after it.
                sleep(pause(rng, 10..400)).await;
                for seat in &chosen {
                    seat.postgres.cut();
                    seat.postgres.forward();
                }
            }
            Self::SlowPostgres => {
                let chosen = some(seats, rng);
                for seat in &chosen {
                    seat.postgres.delay(Duration::from_millis(rng.u64(1..40)));
                }
                sleep(pause(rng, 200..1200)).await;
                chosen.iter().for_each(|seat| seat.postgres.forward());
            }
            Self::StopBackends => stop_backends(world, rng).await,
            Self::Terminate => {
                let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                              WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() \
                              AND application_name <> 'conductor' AND random() < 0.5";
                let _ = sqlx::query(others).execute(&world.admin).await;
            }
            Self::RestartPostgres => {
                let mut postgres = world.postgres.lock().await;
                postgres.stop();
                sleep(pause(rng, 0..300)).await;
                postgres.restart();
            }
        }
    }
}

/// How long a process that is told to die may live on.
const GRACE: Duration = Duration::from_secs(2);
/// Well below the life of a hold.
const STOP_MILLIS: u64 = 800;
const _: () = assert!(STOP_MILLIS < HOLD.as_millis() as u64 / 2);

fn pause(rng: &mut Rng, millis: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.u64(millis))
}

/// One of them, or all.
fn some<'s>(seats: &'s [Seat], rng: &mut Rng) -> Vec<&'s Seat> {
    let one = rng.usize(..seats.len());
    let all = rng.u32(0..3) == 0;
    (0..).zip(seats).filter(|(at, _)| all || *at == one).map(|(_, seat)| seat).collect()
}

async fn stop(seat: &Seat, time: Duration) {
    let held = seat.process().await;
    if let Some(process) = &*held {
        process.signal(Signal::STOP);
        sleep(time).await;
        process.signal(Signal::CONT);
    }
}

/// Mostly of transactions that are about to commit. A commit that is on its way is made although its client has heard that
/// the connection broke.
async fn stop_backends(world: &World, rng: &mut Rng) {
    let busy = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' \
                AND application_name <> 'conductor' \
                AND random() < CASE state WHEN 'idle in transaction' THEN 0.8 ELSE 0.05 END";
    let postmaster = world.postgres.lock().await.pid();
    let pids: Vec<i32> = sqlx::query_scalar(busy).fetch_all(&world.admin).await.unwrap_or_default();
    let children = pids.into_iter().filter_map(|pid| Child::of(postmaster?, pid));
    let children: Vec<Child> = children.collect();
    children.iter().for_each(|child| child.signal(Signal::STOP));
    sleep(pause(rng, 10..300)).await;
    if rng.bool() {
        some(world.crew.seats(), rng).iter().for_each(|seat| seat.postgres.cut());
        sleep(pause(rng, 0..600)).await;
    }
    children.iter().for_each(|child| child.signal(Signal::CONT));
}

/// The replica may lag, and so lose what it has not heard. While the servers change places nobody has a connection to
/// either: two primaries at once are not what this is about.
async fn fail_over(world: &World, rng: &mut Rng) {
    let (lags, kill) = (rng.bool(), rng.bool());
    let mut redis = world.redis.lock().await;
    let began = world.losing();
    if lags {
        redis.replica().pause();
        sleep(pause(rng, 10..600)).await;
    }
    let next = redis.replica().address();
    for seat in world.crew.seats() {
        seat.redis.retarget(&next);
    }
    // The cut connections are gone; new ones find a replica, which is no answer to anyone.
    sleep(Duration::from_millis(20)).await;
    if lags {
        if kill {
            redis.primary().kill();
        }
        redis.replica().resume();
    }
    redis.fail_over(kill).await;
    sleep(Duration::from_millis(20)).await;
    world.lost(began);
    sleep(pause(rng, 0..300)).await;
    redis.follow(kill).await;
}

/// Lets faults strike, with quiet times between them; now and then one more meets the one that is there.
pub(crate) async fn strike_until(world: &World, options: &Options, rng: &mut Rng, until: Instant) {
    let chosen = chosen(options);
    if chosen.is_empty() {
        return sleep(until.saturating_duration_since(Instant::now())).await;
    }
    let (first, second) = (rng.fork(), rng.fork());
    tokio::join!(
        lane(world, &chosen, first, until, 250..1300),
        lane(world, &chosen, second, until, 2000..6000),
    );
}

async fn lane(
    world: &World,
    chosen: &[Fault],
    mut rng: Rng,
    until: Instant,
    quiet: std::ops::Range<u64>,
) {
    let weights: u32 = chosen.iter().map(|fault| fault.weight()).sum();
    loop {
        sleep(pause(&mut rng, quiet.clone())).await;
        if Instant::now() >= until {
            return;
        }
        let mut drawn = rng.u32(0..weights);
        let fault = chosen.iter().find(|fault| {
            let found = drawn < fault.weight();
            drawn = drawn.saturating_sub(fault.weight());
            found
        });
        let Some(fault) = fault else { continue };
        let place = Fault::ALL.iter().position(|one| one == fault).unwrap_or(0);
        let began = now();
        world.tell(Note::FaultBegins(place, began));
        fault.strike(world, &mut rng).await;
        world.tell(Note::FaultEnds(place, began, now()));
    }
}

/// The faults that the command line names; else all.
fn chosen(options: &Options) -> Vec<Fault> {
    let all = Fault::ALL.into_iter();
    match &options.faults {
        Some(words) => {
            let named =
                |fault: &Fault| words.split(',').any(|word| fault.name().contains(word.trim()));
            all.filter(named).collect()
        }
        None => all.collect(),
    }
}
