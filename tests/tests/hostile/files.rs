//! Configurations that nobody in their right mind writes: each is read, or refused with a sentence; none takes the process
//! down, and none shows a password.

use std::fmt::Write;
use std::path::PathBuf;

use cache_runtime::{CacheConfig, CacheManager, ErrorKind};

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let mut path = std::env::temp_dir();
    path.push(format!("cache-hostile-{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    path
}

fn refused(name: &str, bytes: &[u8]) -> String {
    let path = file(name, bytes);
    let error = CacheConfig::from_file(&path).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(error.kind(), ErrorKind::Config, "{name}: {error}");
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(because) = cause {
        write!(text, "; {because}").unwrap();
        cause = because.source();
    }
    assert!(!text.contains("hunter2"), "{name}: {text}");
    text
}

#[test]
fn nests_and_bombs_are_refused() {
    let deep = "[".repeat(200_000);
    refused("deep.yaml", deep.as_bytes());
    refused("deep.toml", format!("a = {deep}").as_bytes());
    refused("maps.yaml", format!("cache: {}", "{a: ".repeat(100_000)).as_bytes());
    refused("maps.toml", format!("a = {}", "{a = ".repeat(100_000)).as_bytes());
    let mut dotted = "a".to_owned();
    dotted.push_str(&".a".repeat(100_000));
    refused("dotted.toml", format!("{dotted} = 1").as_bytes());
    let mut lines = String::from("cache:\n");
    for depth in 1..2000 {
        writeln!(lines, "{}a:", " ".repeat(depth)).unwrap();
    }
    refused("indented.yaml", lines.as_bytes());
    let mut laughs = String::from("a0: &a0 [ha, ha]\n");
    for level in 1..40 {
        let before = level - 1;
        writeln!(laughs, "a{level}: &a{level} [*a{before}, *a{before}, *a{before}]").unwrap();
    }
    refused("laughs.yaml", laughs.as_bytes());
    refused("self.yaml", b"&a [*a]");
}

#[test]
fn what_is_no_text_or_twice_there_is_refused_without_a_secret() {
    refused("bytes.yaml", b"namespace: \xFF\xFE\nredis: { password: hunter2 }");
    refused("bytes.toml", b"namespace = \"\xFF\"\n[redis]\npassword = \"hunter2\"");
    refused("twice.yaml", b"redis:\n  password: hunter2\n  password: hunter2\n");
    refused("twice.toml", b"[redis]\npassword = \"hunter2\"\npassword = \"hunter2\"\n");
    refused("open.toml", b"[redis]\npassword = \"hunter2");
    refused("open.yaml", b"redis:\n  password: \"hunter2\n");
    refused("unclosed.yaml", b"redis:\n  password: ${hunter2\n");
    refused("unit.yaml", b"ttl: 15\nredis:\n  password: hunter2\n");
    refused("list.yaml", b"redis:\n  password: [hunter2]\n");
    refused("number.toml", b"[redis]\npassword = 0xhunter2\n");
    refused("tagged.yaml", b"redis:\n  port: !!str 0\n  password: hunter2\n");
}

#[test]
fn numbers_at_the_edge_are_refused_or_hold() {
    for (name, value) in [
        ("jitter", "NaN"),
        ("jitter", "-0.1"),
        ("jitter", "1e400"),
        ("refresh_ahead", "inf"),
        ("refresh_ahead", "NaN"),
        ("refresh_ahead", "-1"),
        ("ttl", "18446744073709551616ms"),
        ("ttl", "1e9s"),
        ("ttl", "-1s"),
        ("tier_bytes", "-1"),
        ("max_loads", "99999999999999999999999"),
        ("namespace_version", "4294967296"),
    ] {
        let told = refused("edge.yaml", format!("{name}: {value}\n").as_bytes());
        assert!(told.contains(name), "{name}: {told}");
    }
    // What is read is refused when it is used, or works.
    for text in [
        "hold_ttl: 0s",
        "lease_ttl: 0s",
        "max_loads: 0",
        "max_value_bytes: 0",
        "max_value_bytes: 18446744073709551615",
        "tier_entries: 18446744073709551615",
        "tier_bytes: 18446744073709551615",
        "max_waiting_loads: 18446744073709551615",
        "stale_on_error: 106751991167d",
        "hold_ttl: 106751991167d",
        "lease_ttl: 106751991167d",
        "ttl: 106751991167d",
        "stale_while_revalidate: 106751991167d",
        "soft_timeout: 106751991167d",
        "refresh_ahead: 1.7e308",
    ] {
        let path =
            file("used.yaml", format!("namespace: used\ndriver: memory\n{text}\n").as_bytes());
        let built = CacheManager::from_file(&path);
        std::fs::remove_file(&path).unwrap();
        let Ok(cache) = built else { continue };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for _ in 0..3 {
                let ttl = cache.policy().ttl;
                let answer = cache.remember("seven", ttl, || async { Ok::<_, ()>(7) }).await;
                assert_eq!(answer, Ok(7), "{text}");
                cache.drain().await;
            }
            cache.forget("seven").await.unwrap();
            let held =
                cache.changing(["seven"], || async { Ok::<_, cache_runtime::Error>(8) }).await;
            assert_eq!(held.unwrap(), 8, "{text}");
        });
    }
}
