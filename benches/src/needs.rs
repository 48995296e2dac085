//! What has to be installed, and how the program is to be started.

use std::env;
use std::path::{Path, PathBuf};

use crate::Result;

/// Where packages put the programs of Postgres, beside what is in PATH.
const POSTGRES: [&str; 3] = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"];

/// Fails before anything is measured, and says what is missing.
pub(crate) fn are_met() -> Result<()> {
    for variable in ["DATABASE_URL", "REDIS_URL"] {
        // Its rows empty the cache, and load the database.
        if env::var_os(variable).is_some_and(|url| !url.is_empty()) {
            let why = "rows are measured on private servers, which they empty";
            return Err(
                format!("{variable} is set: {why}; unset it, or start scripts/bench").into()
            );
        }
    }
    let path: Vec<PathBuf> = env::var_os("PATH")
        .iter()
        .flat_map(|path| env::split_paths(path).collect::<Vec<_>>())
        .collect();
    let homes = POSTGRES.iter().flat_map(|home| below(Path::new(home)));
    let postgres: Vec<PathBuf> = path.iter().cloned().chain(homes).collect();
    missing(&path, &postgres)
}

fn missing(path: &[PathBuf], postgres: &[PathBuf]) -> Result<()> {
    let has = |folders: &[PathBuf], name: &str| folders.iter().any(|it| it.join(name).is_file());
    let mut missing = Vec::new();
    if !["postgres", "initdb"].iter().all(|name| has(postgres, name)) {
        missing.push("Postgres 15 or newer (`postgres`, `initdb`)");
    }
    if !["redis-server", "valkey-server"].iter().any(|name| has(path, name)) {
        missing.push("Redis 7 or newer, or Valkey (`redis-server`, `valkey-server`)");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(" and ");
    Err(format!("not installed: {missing}; ./scripts/test installs the servers where it can")
        .into())
}

/// The folders of programs in the folders of versions.
fn below(home: &Path) -> Vec<PathBuf> {
    let versions = home.read_dir().into_iter().flatten().flatten();
    versions.map(|version| version.path().join("bin")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_at_once_with_what_installs_it() {
        let told = missing(&[], &[]).err().map(|error| error.to_string()).unwrap_or_default();
        for word in ["Postgres", "Redis", "./scripts/test"] {
            assert!(told.contains(word), "{told}");
        }
    }
}
