//! Where the servers' programs are, and whom to run them as.

use std::cmp::Reverse;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The oldest Postgres that the project supports.
const POSTGRES_MAJOR: u32 = 15;

/// Folders outside PATH where packages put the Postgres programs, by parent and what is below it.
const POSTGRES_HOMES: [(&str, &str); 3] =
    [("/usr/lib/postgresql", "bin"), ("/opt/homebrew/opt", "bin"), ("/usr/local/opt", "bin")];

/// The folder that holds `postgres` and `initdb`.
pub(crate) fn postgres_bin() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        in_path()
            .chain(postgres_homes())
            .find(|bin| {
                bin.join("initdb").is_file() && major(&bin.join("postgres")) >= Some(POSTGRES_MAJOR)
            })
            .unwrap_or_else(|| {
                panic!(
                    "no Postgres {POSTGRES_MAJOR} or newer (`postgres`, `initdb`) in PATH or \
                     /usr/lib/postgresql/*/bin: run scripts/test, install the package \
                     `postgresql`, or set DATABASE_URL"
                )
            })
    })
}

/// `redis-server`, or `valkey-server`, which speaks the same protocol.
pub(crate) fn redis_server() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        ["redis-server", "valkey-server"]
            .iter()
            .flat_map(|name| in_path().map(move |folder| folder.join(name)))
            .find(|program| program.is_file())
            .unwrap_or_else(|| {
                panic!(
                    "neither `redis-server` nor `valkey-server` in PATH: run scripts/test, \
                     install the package `redis-server`, or set REDIS_URL"
                )
            })
    })
}

/// A user and their group, by number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Whom to run Postgres as, which refuses to run as root: nobody else than us, unless we are root.
pub(crate) fn unprivileged_user() -> Option<User> {
    if id(&["-u"])? != 0 {
        return None;
    }
    let user = ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| Some(User { uid: id(&["-u", name])?, gid: id(&["-g", name])? }));
    Some(user.expect("Postgres can't run as root, and there is no user `postgres` or `nobody`"))
}

fn id(arguments: &[&str]) -> Option<u32> {
    output(Command::new("id").args(arguments))?.trim().parse().ok()
}

/// The first number of `postgres (PostgreSQL) 15.18 (Debian …)`.
fn major(postgres: &Path) -> Option<u32> {
    let version = output(Command::new(postgres).arg("--version"))?;
    let number =
        version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

fn in_path() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

/// Every installed Postgres outside PATH, the newest first.
fn postgres_homes() -> impl Iterator<Item = PathBuf> {
    let mut homes: Vec<(Option<u32>, PathBuf)> = POSTGRES_HOMES
        .iter()
        .flat_map(|(parent, below)| {
            let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
            entries.map(move |entry| entry.path().join(below))
        })
        .filter(|bin| bin.join("postgres").is_file())
        .map(|bin| (major(&bin.join("postgres")), bin))
        .collect();
    homes.sort_by_key(|(version, _)| Reverse(*version));
    homes.into_iter().map(|(_, bin)| bin)
}
