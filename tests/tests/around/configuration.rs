//! Files, loaded as a service loads them.

use std::fs;
use std::path::{Path, PathBuf};

use cache_runtime::{CacheConfig, CacheManager, ErrorKind, Policy, Retry};
use tests::{RedisOptions, eventually};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples").join(name)
}

/// A file of its own that goes with the test.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let file = format!("cache-{}-{:016x}-{name}", std::process::id(), fastrand::u64(..));
        let path = std::env::temp_dir().join(file);
        fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn the_samples_are_read_and_say_what_holds_without_them() {
    let usual = format!("{:?}", Policy::default());
    let [yaml, toml] = ["cache.yaml", "cache.toml"].map(|name| {
        let config = CacheConfig::from_file(sample(name)).unwrap();
        let cache = config.clone().build().unwrap();
        assert_eq!(cache.namespace().as_str(), "shop");
        assert_eq!(format!("{:?}", cache.policy()), usual, "{name}");
        assert!(format!("{cache:?}").contains("127.0.0.1:6379/0"), "{cache:?}");
        assert_eq!(config.max_retries, Some(Retry::default().retries()));
        config
    });
    assert_eq!(yaml, toml);
}

#[test]
fn the_samples_have_every_option() {
    for name in ["cache.yaml", "cache.toml"] {
        let text = fs::read_to_string(sample(name)).unwrap();
        let config = format!("{:#?}", CacheConfig::default());
        let options = config
            .lines()
            .filter_map(|line| line.trim().split_once(": "))
            .map(|(option, _)| option);
        for option in options {
            // In place of `host` and `port`.
            let option = option.strip_prefix("redis_").unwrap_or(option);
            if option != "addr" {
                let there = text.lines().any(|line| {
                    let line = line.trim_start().trim_start_matches("# ");
                    line.strip_prefix(option).is_some_and(|rest| rest.starts_with([':', ' ']))
                });
                assert!(there, "{name} has no `{option}`");
            }
        }
    }
}

#[tokio::test]
async fn a_server_with_a_password_is_reached_by_the_parts_that_a_file_gives() {
    let password = "p@ss:w/rd #1%";
    let server = RedisOptions::default().password(password).start();
    let (host, port) =
        server.address().rsplit_once(':').map(|(h, p)| (h.to_owned(), p.to_owned())).unwrap();
    let text = |password: &str| {
        format!(
            "cache:\n  namespace: shop\n  redis:\n    host: {host}\n    port: {port}\n    password: '{password}'\n    db: 3\n"
        )
    };
    let file = File::new("cache.yaml", &text(password));
    let cache = CacheConfig::from_file(&file.0).unwrap().build().unwrap();
    let health = cache.health().await;
    assert!(health.is_up(), "{health}");
    assert!(!format!("{cache:?} {health:?} {health}").contains("p@ss"));

    let file = File::new("cache.yaml", &text("hunter2"));
    let cache = CacheConfig::from_file(&file.0).unwrap().build().unwrap();
    let error = cache.ping().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    eventually("the refusal is told", || async {
        cache.health().await.last_error == Some(ErrorKind::Denied)
    })
    .await;
}

#[test]
fn a_mistake_in_a_file_is_told_with_its_name_and_line() {
    let file =
        File::new("cache.toml", "[cache]\nnamespace = \"shop\"\n\n[cache.redis]\nhots = \"h\"\n");
    let error = CacheManager::from_file(&file.0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let expected = format!(
        "{}, line 5: there is no option `redis.hots`: did you mean `redis.host`?",
        file.0.display()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_is_missing_from_a_file_is_told_with_its_name() {
    let file = File::new("cache.yaml", "cache:\n  driver: memory\n");
    let error = CacheManager::from_file(&file.0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let told = error.to_string();
    assert!(told.starts_with(&file.0.display().to_string()), "{told}");
    assert!(told.contains("there is no namespace"), "{told}");
}
