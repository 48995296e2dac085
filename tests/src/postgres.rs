//! A private Postgres.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::net;
use crate::programs::{self, User};
use crate::supervisor::{self, Launch, Supervised};
use crate::wait;

/// Generous: an overloaded machine shall be slow, not red.
const START_DEADLINE: Duration = Duration::from_secs(60);
const ATTEMPTS: u32 = 5;

/// What the private servers run with unless a test says otherwise.
///
/// Nothing has to survive a power cut, so nothing waits for the disk. Commits stay synchronous:
/// the order in which a test sees things is the one of production.
const SETTINGS: [(&str, &str); 10] = [
    ("autovacuum", "off"),
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("jit", "off"),
    ("listen_addresses", "127.0.0.1"),
    ("log_min_messages", "fatal"),
    ("max_connections", "400"),
    ("shared_buffers", "64MB"),
    ("timezone", "UTC"),
    ("unix_socket_directories", ""),
];

/// A private Postgres on a free loopback port, with a role `postgres` that needs no password.
///
/// Dropped, it ends and its data with it.
#[derive(Debug)]
pub struct PostgresServer {
    port: u16,
    folder: PathBuf,
    user: Option<User>,
    settings: Vec<(String, String)>,
    process: Option<Supervised>,
}

impl PostgresServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    ///
    /// When no Postgres 15 or newer is installed, or it can't start; the message carries its log.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with settings of `postgresql.conf`, which win over the harness's own.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        let user = programs::unprivileged_user();
        let mut server = Self {
            port: 0,
            folder: supervisor::new_folder("postgres"),
            user,
            settings: SETTINGS
                .iter()
                .chain(settings)
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
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
                    panic!("Postgres did not start:\n{log}");
                }
            }
        }
    }

    /// `postgres://…` for one of its databases; `postgres` and `template1` are there from the start.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// `127.0.0.1:port`, for a [`Proxy`](crate::Proxy).
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The process id of the postmaster, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Supervised::pid)
    }

    /// Takes the server away at once: connections break, new ones are refused. The data stays.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.end_and_keep();
        }
    }

    /// Brings it back, with its data, on the same port; nothing happens while it runs.
    ///
    /// # Panics
    ///
    /// When it can't start.
    pub fn restart(&mut self) {
        if self.process.is_none()
            && let Err(log) = self.launch()
        {
            panic!("Postgres did not start again:\n{log}");
        }
    }

    /// Brings it back as a server that follows another one, which is nowhere: it answers what it has, and takes no writes.
    /// It needs `wal_level` at `replica`.
    ///
    /// # Panics
    ///
    /// As [`restart`](Self::restart).
    pub fn restart_as_follower(&mut self) {
        fs::write(self.folder.join("data/standby.signal"), "").expect("its folder is there");
        self.restart();
    }

    fn launch(&mut self) -> Result<(), String> {
        let bin = programs::postgres_bin();
        let data = self.folder.join("data").display().to_string();
        let mut prepare = String::new();
        if !self.folder.join("data/PG_VERSION").exists() {
            let initdb = bin.join("initdb").display().to_string();
            prepare = [
                initdb.as_str(),
                "--pgdata",
                &data,
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
                "--no-instructions",
            ]
            .map(supervisor::quoted)
            .join(" ");
        }
        let mut command = vec![bin.join("postgres").display().to_string()];
        command.extend(["-D".to_owned(), data.clone(), "-p".to_owned(), self.port.to_string()]);
        for (name, value) in &self.settings {
            command.extend(["-c".to_owned(), format!("{name}={value}")]);
        }
        // The file keeps the state of the server before: its "ready" is not ours.
        let status = self.folder.join("data/postmaster.pid");
        let _ = fs::remove_file(&status);
        let process = Supervised::start(&Launch {
            folder: &self.folder,
            user: self.user,
            // Immediate shutdown: Postgres clears away its shared memory, which a KILL leaves.
            end: "QUIT",
            prepare,
            command,
        })?;
        let says = |text: &str| text.contains("ready") || text.contains("standby");
        let ready = || fs::read_to_string(&status).is_ok_and(|text| says(&text));
        wait::poll(START_DEADLINE, || ready() || !process.is_running());
        if process.is_running() && ready() {
            self.process = Some(process);
            return Ok(());
        }
        let log = supervisor::log_tail(&self.folder).unwrap_or_default();
        process.end_and_keep();
        Err(log)
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // A running server's shell removes the folder; a stopped one's has gone before.
        if self.process.take().is_none() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}
