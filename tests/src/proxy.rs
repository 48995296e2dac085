//! A TCP proxy that misbehaves on demand.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::net;

/// A proxy on a loopback port of its own, between a client and a server that is on the way to it.
///
/// It forwards until told otherwise. What it holds back is not lost: [`forward`](Self::forward)
/// delivers it late, as TCP does after a network comes back; [`cut`](Self::cut) before that loses
/// it. Dropped, the proxy closes everything.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    target: Mutex<String>,
    mode: watch::Sender<Mode>,
    cuts: watch::Sender<u64>,
    accepted: AtomicU64,
    open: AtomicUsize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Forward,
    Delay(Duration),
    BlackHole,
    HoldReplies,
    HoldRequests,
    Refuse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Request,
    Reply,
}

impl Proxy {
    /// Listens on a free loopback port and forwards to `target`, a `host:port`.
    ///
    /// The proxy lives on the runtime of the caller. A target that is away closes the client's
    /// connection, so that it may come back while the proxy runs.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, or when no port is free.
    pub async fn start(target: impl Into<String>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("the address of a bound listener");
        let shared = Arc::new(Shared {
            target: Mutex::new(target.into()),
            mode: watch::Sender::new(Mode::Forward),
            cuts: watch::Sender::new(0),
            accepted: AtomicU64::new(0),
            open: AtomicUsize::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Self { address, shared, accepting }
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The server's `url` by way of the proxy: same user, password, path and query.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        net::with_address(url, &self.address())
    }

    /// Passes everything on, what was held back first.
    pub fn forward(&self) {
        self.shared.mode.send_replace(Mode::Forward);
    }

    /// Adds `delay` to each request, and so to each round trip.
    pub fn delay(&self, delay: Duration) {
        self.shared.mode.send_replace(Mode::Delay(delay));
    }

    /// Holds everything both ways while connections stay open, as when a cable is pulled.
    pub fn black_hole(&self) {
        self.shared.mode.send_replace(Mode::BlackHole);
    }

    /// Passes requests on but holds the replies: the server acts and its client never hears of it.
    pub fn hold_replies(&self) {
        self.shared.mode.send_replace(Mode::HoldReplies);
    }

    /// The other way round: the server hears nothing, and what it had begun to say still arrives.
    pub fn hold_requests(&self) {
        self.shared.mode.send_replace(Mode::HoldRequests);
    }

    /// Cuts all connections, and each new one at once.
    pub fn refuse(&self) {
        self.shared.mode.send_replace(Mode::Refuse);
        self.cut();
    }

    /// Leads new connections to another server, and cuts those to the old one.
    pub fn retarget(&self, target: impl Into<String>) {
        *self.shared.target.lock().unwrap_or_else(PoisonError::into_inner) = target.into();
        self.cut();
    }

    /// Closes all connections; new ones are served.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// How many connections clients have made so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// How many of them are open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The connections are this task's own: they end when it is aborted.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                shared.accepted.fetch_add(1, Ordering::Relaxed);
                if *shared.mode.borrow() != Mode::Refuse {
                    let cuts = shared.cuts.subscribe();
                    connections.spawn(serve(client, cuts, Open::new(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(client: TcpStream, mut cuts: watch::Receiver<u64>, open: Open) {
    let shared = &open.0;
    let forwarding = async {
        let target = shared.target.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let server = TcpStream::connect(target).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::try_join!(
            pump(from_client, to_server, Way::Request, shared.mode.subscribe()),
            pump(from_server, to_client, Way::Reply, shared.mode.subscribe()),
        )
    };
    tokio::select! {
        _ = forwarding => {}
        _ = cuts.changed() => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Way,
    mut mode: watch::Receiver<Mode>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        loop {
            let now = *mode.borrow_and_update();
            match (now, way) {
                (Mode::BlackHole, _)
                | (Mode::HoldReplies, Way::Reply)
                | (Mode::HoldRequests, Way::Request) => {
                    if mode.changed().await.is_err() {
                        return Ok(());
                    }
                    continue;
                }
                (Mode::Delay(delay), Way::Request) => tokio::time::sleep(delay).await,
                _ => {}
            }
            break;
        }
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
    }
}

/// Counts a connection as open for as long as it lives.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
