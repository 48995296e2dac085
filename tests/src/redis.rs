//! A private Redis.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::net;
use crate::programs;
use crate::supervisor::{self, Launch, Supervised};
use crate::wait;

const START_DEADLINE: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_millis(250);
const ATTEMPTS: u32 = 5;

/// What a private Redis starts with; [`start`](Self::start) starts it.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    password: Option<String>,
    tls_port: Option<u16>,
    watched: Option<u16>,
    set: Vec<(String, Vec<String>)>,
}

impl RedisOptions {
    /// Asks every client for this password; [`RedisServer::url`] carries it.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.set("requirepass", &[password])
    }

    /// Bounds its memory, in bytes; what happens at the bound is `maxmemory-policy`, by default an error.
    #[must_use]
    pub fn max_memory(self, bytes: u64) -> Self {
        self.set("maxmemory", &[&bytes.to_string()])
    }

    /// Makes it a read-only replica of another server.
    #[must_use]
    pub fn replica_of(self, primary: &RedisServer) -> Self {
        let replica = self.set("replicaof", &["127.0.0.1", &primary.port().to_string()]);
        match &primary.options.password {
            Some(password) => replica.set("masterauth", &[password]),
            None => replica,
        }
    }

    /// Writes each command to disk before it answers, so that data outlives even a kill.
    #[must_use]
    pub fn durable(self) -> Self {
        self.set("appendonly", &["yes"]).set("appendfsync", &["always"])
    }

    /// Listens for TLS too, on a port of its own: [`RedisServer::tls_address`]. The files are PEM, and clients need no
    /// certificate unless `tls-auth-clients` says so.
    #[must_use]
    pub fn tls(mut self, certificate: &Path, key: &Path, ca: &Path) -> Self {
        let port = net::free_port();
        self.tls_port = Some(port);
        let text = |path: &Path| path.display().to_string();
        self.set("tls-port", &[&port.to_string()])
            .set("tls-cert-file", &[&text(certificate)])
            .set("tls-key-file", &[&text(key)])
            .set("tls-ca-cert-file", &[&text(ca)])
            .set("tls-auth-clients", &["no"])
    }

    /// Makes it no server but a Sentinel, which watches this one under the name `main` and acts alone: it takes it for
    /// lost after 200 ms of silence.
    #[must_use]
    pub fn sentinel_of(mut self, primary: &RedisServer) -> Self {
        self.watched = Some(primary.port());
        self
    }

    /// Any other line of `redis.conf`: a name and its words. The last one of a name wins.
    #[must_use]
    pub fn set(mut self, name: &str, words: &[&str]) -> Self {
        let words = words.iter().map(|&word| word.to_owned()).collect();
        self.set.push((name.to_owned(), words));
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    ///
    /// When neither Redis nor Valkey is installed, or it can't start; the message carries its log.
    #[must_use]
    pub fn start(self) -> RedisServer {
        let mut server = RedisServer {
            port: 0,
            folder: supervisor::new_folder("redis"),
            options: self,
            process: None,
        };
        let mut attempt = 1;
        loop {
            server.port = net::free_port();
            match server.launch() {
                Ok(()) => return server,
                // Somebody took the port between our look and the server's.
                Err(log) if attempt < ATTEMPTS && log.contains("Address already in use") => {
                    attempt += 1;
                }
                Err(log) => {
                    let _ = fs::remove_dir_all(&server.folder);
                    panic!("Redis did not start:\n{log}");
                }
            }
        }
    }
}

/// A private Redis (or Valkey) on a free loopback port. It keeps nothing on disk unless its
/// options say so.
///
/// Dropped, it ends and its data with it.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    folder: PathBuf,
    options: RedisOptions,
    process: Option<Supervised>,
}

impl RedisServer {
    /// Starts a server without password, memory bound or persistence, and waits until it answers.
    ///
    /// # Panics
    ///
    /// As [`RedisOptions::start`].
    #[must_use]
    pub fn start() -> Self {
        Self::options().start()
    }

    /// Options to change before the start.
    #[must_use]
    pub fn options() -> RedisOptions {
        RedisOptions::default()
    }

    /// `redis://…`, with the password if it has one.
    #[must_use]
    pub fn url(&self) -> String {
        let user = self.options.password.as_ref().map(|it| format!(":{it}@")).unwrap_or_default();
        format!("redis://{user}127.0.0.1:{}", self.port)
    }

    /// `127.0.0.1:port`, for a [`Proxy`](crate::Proxy).
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `localhost:port`, where it listens for TLS.
    ///
    /// # Panics
    ///
    /// When it does not.
    #[must_use]
    pub fn tls_address(&self) -> String {
        format!("localhost:{}", self.options.tls_port.expect("a server with TLS"))
    }

    /// Its port, which stays the same over every restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Supervised::pid)
    }

    /// Kills it with signal 9 and waits for its end: connections break, new ones are refused.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.end_and_keep();
        }
    }

    /// Freezes it: connections stay, new ones are still accepted by the kernel, nothing answers.
    pub fn pause(&mut self) {
        if let Some(process) = &self.process {
            process.signal("STOP");
        }
    }

    /// Lets a frozen server go on.
    pub fn resume(&mut self) {
        if let Some(process) = &self.process {
            process.signal("CONT");
        }
    }

    /// Kills it if it runs, and starts it on the same port with what it had written to disk:
    /// everything when it is [`durable`](RedisOptions::durable), else nothing.
    ///
    /// # Panics
    ///
    /// When it can't start again.
    pub fn restart(&mut self) {
        self.kill();
        if let Err(log) = self.launch() {
            panic!("Redis did not start again:\n{log}");
        }
    }

    /// The same, but nothing it had written to disk is left.
    ///
    /// # Panics
    ///
    /// When it can't start again.
    pub fn restart_empty(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(self.folder.join("data"));
        self.restart();
    }

    fn launch(&mut self) -> Result<(), String> {
        let data = self.folder.join("data");
        let data_words = supervisor::quoted(&data.display().to_string());
        let mut prepare = format!("mkdir -p {data_words}");
        let mut command = vec![programs::redis_server().display().to_string()];
        if let Some(primary) = self.options.watched {
            // A Sentinel keeps what it knows in its file of options.
            let file = data.join("sentinel.conf");
            let lines = format!(
                "sentinel monitor main 127.0.0.1 {primary} 1\\nsentinel down-after-milliseconds main 200\\n\
                 sentinel failover-timeout main 2000\\n"
            );
            let words = supervisor::quoted(&file.display().to_string());
            prepare = format!("{prepare} && printf '{lines}' >{words}");
            command.extend([file.display().to_string(), "--sentinel".to_owned()]);
        }
        let mut own = RedisOptions::default()
            .set("port", &[&self.port.to_string()])
            .set("bind", &["127.0.0.1"])
            .set("dir", &[&data.display().to_string()]);
        if self.options.watched.is_none() {
            own = own
                .set("save", &[""])
                .set("appendonly", &["no"])
                // Replicas get their first copy without a pause that is made for slow disks.
                .set("repl-diskless-sync-delay", &["0"]);
        }
        for (name, words) in own.set.into_iter().chain(self.options.set.clone()) {
            command.push(format!("--{name}"));
            command.extend(words);
        }
        let process = Supervised::start(&Launch {
            folder: &self.folder,
            user: None,
            end: "KILL",
            prepare,
            command,
        })?;
        wait::poll(START_DEADLINE, || answers(self.port) || !process.is_running());
        if process.is_running() {
            self.process = Some(process);
            return Ok(());
        }
        let log = supervisor::log_tail(&self.folder).unwrap_or_default();
        process.end_and_keep();
        Err(log)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // A running server's shell removes the folder; a killed one's has gone before.
        if self.process.take().is_none() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// True once a server takes commands: it answers, and not that it is still loading its data.
fn answers(port: u16) -> bool {
    let ping = || -> std::io::Result<bool> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, PING_TIMEOUT)?;
        stream.set_read_timeout(Some(PING_TIMEOUT))?;
        stream.write_all(b"PING\r\n")?;
        let mut reply = [0; 64];
        let read = stream.read(&mut reply)?;
        Ok(reply[..read].starts_with(b"+PONG") || reply[..read].starts_with(b"-NOAUTH"))
    };
    ping().unwrap_or(false)
}
