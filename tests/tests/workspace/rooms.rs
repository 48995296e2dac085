//! Rooms of `cache-runtime` import in one direction: down.

use std::fs;
use std::path::{Path, PathBuf};

use crate::paths::named;

/// Rooms that know equally much of the others.
struct Floor {
    name: &'static str,
    /// A module each, or one module inside another.
    rooms: &'static [&'static str],
    /// The floors that these rooms may import from, besides themselves.
    imports: &'static [&'static str],
}

/// From the ground up. A room may always import itself.
static FLOORS: [Floor; 7] = [
    Floor {
        name: "words",
        rooms: &["clock", "codec", "entry", "error", "gather", "key", "policy", "quota", "shape"],
        imports: &["words"],
    },
    Floor { name: "ports", rooms: &["port"], imports: &["words"] },
    // A hand does not import another hand.
    Floor {
        name: "hands",
        rooms: &["backend", "backend/memory", "backend/null", "backend/redis", "postgres"],
        imports: &["ports", "words"],
    },
    Floor { name: "mind", rooms: &["mind"], imports: &["ports", "words"] },
    // What stands on a backend beside the cached repositories, each for itself.
    Floor { name: "annexes", rooms: &["session", "rate_limit"], imports: &["ports", "words"] },
    // What generated code holds, and the one place where mind and hands meet.
    Floor {
        name: "whole",
        rooms: &["manager", "repository", "transaction"],
        imports: &["whole", "annexes", "mind", "hands", "ports", "words"],
    },
    Floor { name: "testing", rooms: &["testing"], imports: &["ports", "words"] },
];

/// The front doors: they name every room and hold nothing themselves.
const DOORS: [&str; 3] = ["lib.rs", "__private.rs", "__private/rows.rs"];

#[test]
fn no_room_of_the_runtime_reaches_up() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("cache-runtime/src");
    let mut files = Vec::new();
    collect(&src, &mut files);
    assert!(files.len() > 10, "the sources of cache-runtime are at {}", src.display());
    let violations: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let path = file.strip_prefix(&src).unwrap().to_str().unwrap();
            violations(path, &fs::read_to_string(file).unwrap())
        })
        .collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn every_import_of_a_higher_or_sibling_room_is_caught() {
    for (path, source, found) in [
        (
            "key.rs",
            "use crate::manager::CacheManager;",
            "key.rs:1: `key` (words) may not import `manager` (whole)",
        ),
        (
            "key/text.rs",
            "\nuse super::super::port::Cache;",
            "key/text.rs:2: `key` (words) may not import `port` (ports)",
        ),
        (
            "backend/redis/link.rs",
            "fn wait() -> crate::backend::memory::Shard {}",
            "backend/redis/link.rs:1: `backend/redis` (hands) may not import `backend/memory` (hands)",
        ),
        (
            "postgres/source.rs",
            "use crate::{\n    error::{Error, Result},\n    backend::NullCache,\n};",
            "postgres/source.rs:1: `postgres` (hands) may not import `backend` (hands)",
        ),
        (
            "mind/reader.rs",
            "pub(crate) use crate::backend::{redis::RedisCache as Real};",
            "mind/reader.rs:1: `mind` (mind) may not import `backend/redis` (hands)",
        ),
        (
            "testing/faulty.rs",
            "use crate::mind::Stats;",
            "testing/faulty.rs:1: `testing` (testing) may not import `mind` (mind)",
        ),
        (
            "rate_limit/local.rs",
            "use crate::manager::CacheManager;",
            "rate_limit/local.rs:1: `rate_limit` (annexes) may not import `manager` (whole)",
        ),
        (
            "session/cookie.rs",
            "use crate::mind::Stats;",
            "session/cookie.rs:1: `session` (annexes) may not import `mind` (mind)",
        ),
        (
            "port.rs",
            "use crate::Error;",
            "port.rs:1: `crate::Error` names no room: import it from its own",
        ),
        ("attic.rs", "", "attic.rs: is in no room: give it one in the table of this test"),
    ] {
        assert_eq!(violations(path, source), [found], "{path}");
    }
}

#[test]
fn imports_downward_comments_and_tests_are_left_alone() {
    for (path, source) in [
        ("manager.rs", "use crate::{backend::redis::RedisCache, mind::Stats, repository};"),
        ("backend/redis.rs", "use crate::port::Cache;\nuse crate::backend::redis::link::Link;"),
        ("mind/reader.rs", "use super::lease::Lease;\nuse crate::key::{self, Key};"),
        ("key.rs", "/// See [`crate::manager::CacheManager`].\nfn f() {} // crate::mind"),
        ("key.rs", "const HOST: &str = \"redis://x\"; use crate::error::Error;"),
        ("key/tests.rs", "use crate::manager::CacheManager;"),
        ("key.rs", "#[cfg(test)]\nmod tests {\n    use crate::mind::Stats;\n}"),
        ("testing/conformance.rs", "crate::conformance_suite!(); $crate::manager::Manager"),
        ("lib.rs", "pub use crate::manager::CacheManager;"),
    ] {
        assert_eq!(violations(path, source), [""; 0], "{path}: {source}");
    }
    let after = "#[cfg(test)]\nmod tests {\n    fn f() {}\n}\nuse crate::mind::Stats;";
    assert_eq!(violations("key.rs", after).len(), 1);
}

#[test]
fn every_floor_that_is_imported_is_there() {
    let floors = FLOORS.iter().map(|floor| floor.name).collect::<Vec<_>>();
    for floor in &FLOORS {
        assert!(floor.imports.iter().all(|name| floors.contains(name)), "{}", floor.name);
    }
}

/// What is wrong with a file, by its path below `src`.
fn violations(path: &str, source: &str) -> Vec<String> {
    let module: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    if DOORS.contains(&path) || module.last() == Some(&"tests") {
        return Vec::new();
    }
    let Some((room, floor)) = room_of(&module) else {
        return vec![format!("{path}: is in no room: give it one in the table of this test")];
    };
    named(source, &module)
        .into_iter()
        .filter_map(|(line, target)| {
            let target: Vec<&str> = target.iter().map(String::as_str).collect();
            let Some((there, its_floor)) = room_of(&target) else {
                let target = target.join("::");
                return Some(format!(
                    "{path}:{line}: `crate::{target}` names no room: import it from its own"
                ));
            };
            let allowed = there == room || floor.imports.contains(&its_floor.name);
            (!allowed).then(|| {
                let (from, to) = (floor.name, its_floor.name);
                format!("{path}:{line}: `{room}` ({from}) may not import `{there}` ({to})")
            })
        })
        .collect()
}

/// The room that a path below the root lies in: the longest of the table's that it begins with.
fn room_of(path: &[&str]) -> Option<(&'static str, &'static Floor)> {
    FLOORS
        .iter()
        .flat_map(|floor| floor.rooms.iter().map(move |&room| (room, floor)))
        .filter(|(room, _)| {
            let mut path = path.iter();
            room.split('/').all(|part| path.next() == Some(&part))
        })
        .max_by_key(|(room, _)| room.len())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            collect(&entry, files);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
}
