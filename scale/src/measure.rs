//! What a server takes for each thing that the simulator counts, measured on one that is there.
//!
//! Listeners are drained by one thread that looks at all of them every millisecond, so that the server does not pay for
//! waking a thousand threads of its own machine. What is measured is the processor time of the server's main thread; of
//! several rounds the median counts.

mod client;

use std::error::Error;
use std::io::Read;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use self::client::Client;
use crate::costs::Costs;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const CHANNEL: &[u8] = b"shop:!invalidations";
/// As large as the announcement of an update.
const PAYLOAD: [u8; 119] = [b'x'; 119];
const VALUE: [u8; 100] = [b'v'; 100];
/// Commands of a pipeline that the server reads in one go.
const DEPTH: usize = 50;
const LISTENERS: usize = 500;
/// Pushes of one measurement, in all.
const PUSHES: usize = 100_000;
const ROUNDS: usize = 3;
/// Commands that are measured one at a time.
const ALONE: usize = 10_000;

/// Measures on the server at `address` (`host:port`), which should have nothing else to do.
///
/// # Errors
/// What keeps the server from answering, or it from having so many clients.
pub fn measure(address: &str) -> Result<Costs> {
    let mut asker = Client::connect(address)?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(round(address, &mut asker)?);
    }
    let median = |of: fn(&Costs) -> f64| {
        let mut all: Vec<f64> = rounds.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or_default().max(0.0)
    };
    Ok(Costs {
        message: median(|costs| costs.message),
        push: median(|costs| costs.push),
        flush: median(|costs| costs.flush),
        turn: median(|costs| costs.turn),
        vigil: median(|costs| costs.vigil),
        tracked_push: median(|costs| costs.tracked_push),
        tracked_read: median(|costs| costs.tracked_read),
        broadcast_key: median(|costs| costs.broadcast_key),
        table_key: median(|costs| costs.table_key),
        table_pair: median(|costs| costs.table_pair),
        ..Costs::MEASURED
    })
}

fn round(address: &str, asker: &mut Client) -> Result<Costs> {
    let publish: [&[u8]; 3] = [b"PUBLISH", CHANNEL, &PAYLOAD];
    let message = batched(asker, ALONE, &[&publish[..]; DEPTH])?;
    let (alone, batch) = heard(address, asker, b"SUBSCRIBE", &publish)?;
    let turn = per(asker, ALONE, |asker| asker.ask_all(&[&[b"PING"]]))?;
    let questions: [&[&[u8]]; 4] =
        [&[b"INFO", b"server"], &[b"INFO", b"replication"], &[b"ROLE"], &[b"PING"]];
    let vigil = per(asker, ALONE / 2, |asker| asker.ask_all(&questions))?;
    // To one listener more: alone it is a push and a flush, in a batch a push and its share of a flush.
    let listeners = LISTENERS as f64;
    let (alone, batch) = ((alone - turn - message) / listeners, (batch - message) / listeners);
    let flush = (alone - batch) / (1.0 - 1.0 / DEPTH as f64);
    let push = alone - flush;
    let tracked = tracked(address, asker, flush)?;
    let broadcast_key = broadcast(address, asker, flush)?;
    Ok(Costs { message, push, flush, turn, vigil, broadcast_key, ..tracked })
}

/// Microseconds of the server's main thread.
fn busy(asker: &mut Client) -> Result<f64> {
    let info = asker.info("cpu")?;
    let field = |name| Client::field(&info, name);
    Ok((field("used_cpu_sys_main_thread")? + field("used_cpu_user_main_thread")?) * 1e6)
}

/// Microseconds that the server takes for one of `times`.
fn per(
    asker: &mut Client,
    times: usize,
    mut one: impl FnMut(&mut Client) -> Result<()>,
) -> Result<f64> {
    let before = busy(asker)?;
    for _ in 0..times {
        one(asker)?;
    }
    Ok((busy(asker)? - before) / times as f64)
}

/// The same for each command of a batch that is sent again and again, so many commands in all.
fn batched(asker: &mut Client, times: usize, batch: &[&[&[u8]]]) -> Result<f64> {
    let batches = (times / batch.len()).max(1);
    Ok(per(asker, batches, |asker| asker.ask_all(batch))? / batch.len() as f64)
}

/// Takes away what comes in for many clients, until it is dropped.
struct Drain {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drain {
    fn of(clients: Vec<Client>) -> Result<Self> {
        let mut streams: Vec<TcpStream> = clients.into_iter().map(Client::into_stream).collect();
        for stream in &streams {
            stream.set_nonblocking(true)?;
        }
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let thread = thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while !seen.load(Ordering::Relaxed) {
                for stream in &mut streams {
                    while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        Ok(Self { over, thread: Some(thread) })
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Whatever became of it, its clients are gone.
            drop(thread.join());
        }
    }
}

fn clients(address: &str, asks: &[&[&[u8]]]) -> Result<Vec<Client>> {
    let client = |_| {
        let mut client = Client::connect(address)?;
        client.ask_all(asks)?;
        Ok(client)
    };
    (0..LISTENERS).map(client).collect()
}

/// What a message to many listeners costs, alone and in a batch.
fn heard(
    address: &str,
    asker: &mut Client,
    subscribe: &[u8],
    publish: &[&[u8]],
) -> Result<(f64, f64)> {
    let drain = Drain::of(clients(address, &[&[b"HELLO", b"3"], &[subscribe, CHANNEL]])?)?;
    let alone = per(asker, PUSHES / LISTENERS, |asker| asker.ask_all(&[publish]))?;
    let batch = batched(asker, PUSHES / LISTENERS * 5, &[publish; DEPTH])?;
    drop(drain);
    settle(asker)?;
    Ok((alone, batch))
}

/// Waits until the server has noticed that the listeners are gone.
fn settle(asker: &mut Client) -> Result<()> {
    for _ in 0..1_000 {
        if Client::field(&asker.info("clients")?, "connected_clients")? <= 1.0 {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Err("the server has other clients: measure on one that has nothing else to do".into())
}

fn keys() -> Vec<Vec<u8>> {
    (0..PUSHES / LISTENERS).map(|key| format!("shop:orders:id:={key:06}").into_bytes()).collect()
}

/// What tracking adds to a read, what a push of it costs, and the bytes of a key in the table and of a client at a key.
fn tracked(address: &str, asker: &mut Client, flush: f64) -> Result<Costs> {
    let keys = keys();
    let writes: Vec<[&[u8]; 3]> = keys.iter().map(|key| [&b"SET"[..], key, &VALUE]).collect();
    let writes: Vec<&[&[u8]]> = writes.iter().map(|write| &write[..]).collect();
    let reads: Vec<[&[u8]; 2]> = keys.iter().map(|key| [&b"GET"[..], key]).collect();
    let reads: Vec<&[&[u8]]> = reads.iter().map(|read| &read[..]).collect();
    let mut clients = clients(address, &[&[b"HELLO", b"3"]])?;
    let (each, total) = (keys.len() as f64, (keys.len() * LISTENERS) as f64);
    let batches = keys.len() as f64 / DEPTH as f64;
    // Nobody hears of these.
    let write = |asker: &mut Client| -> Result<f64> {
        let before = busy(asker)?;
        for batch in writes.chunks(DEPTH) {
            asker.ask_all(batch)?;
        }
        Ok(busy(asker)? - before)
    };
    let quiet = write(asker)?;
    let read = |asker: &mut Client, clients: &mut [Client]| -> Result<f64> {
        let before = busy(asker)?;
        for client in clients {
            for batch in reads.chunks(DEPTH) {
                client.ask_all(batch)?;
            }
        }
        Ok((busy(asker)? - before) / total)
    };
    let plain = read(asker, &mut clients)?;
    for client in &mut clients {
        client.ask_all(&[&[b"CLIENT", b"TRACKING", b"ON", b"NOLOOP"]])?;
    }
    let memory = |asker: &mut Client| -> Result<f64> {
        let info = asker.info("memory")?;
        Ok(Client::field(&info, "used_memory")? - Client::field(&info, "mem_clients_normal")?)
    };
    let before = memory(asker)?;
    // The first brings the keys into the table, and itself; all others themselves.
    if let Some((first, _)) = clients.split_first_mut() {
        read(asker, std::slice::from_mut(first))?;
    }
    let one = memory(asker)?;
    let tracking = read(asker, &mut clients)?;
    let pair = (memory(asker)? - one) / (total - each);
    let drain = Drain::of(clients)?;
    let pushed = write(asker)? - quiet - batches * flush * LISTENERS as f64;
    drop(drain);
    settle(asker)?;
    Ok(Costs {
        tracked_read: tracking - plain,
        tracked_push: pushed / total,
        table_key: (one - before) / each - pair,
        table_pair: pair,
        ..Costs::MEASURED
    })
}

/// What a key costs for each client that hears of all keys of a prefix.
fn broadcast(address: &str, asker: &mut Client, flush: f64) -> Result<f64> {
    let keys = keys();
    let writes: Vec<[&[u8]; 3]> =
        keys.iter().take(DEPTH).map(|key| [&b"SET"[..], key, &VALUE]).collect();
    let writes: Vec<&[&[u8]]> = writes.iter().map(|write| &write[..]).collect();
    let quiet = batched(asker, ALONE, &writes)?;
    let ask: [&[u8]; 7] = [b"CLIENT", b"TRACKING", b"ON", b"BCAST", b"NOLOOP", b"PREFIX", b"shop:"];
    let drain = Drain::of(clients(address, &[&[b"HELLO", b"3"], &ask])?)?;
    let loud = batched(asker, PUSHES / LISTENERS * 5, &writes)?;
    drop(drain);
    settle(asker)?;
    Ok((loud - quiet) / LISTENERS as f64 - flush / DEPTH as f64)
}
