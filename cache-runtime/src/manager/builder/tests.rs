use std::collections::HashMap;

use super::*;

fn from_env(variables: &[(&str, &str)]) -> Result<CacheManagerBuilder> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    CacheManagerBuilder::from_env("shop", |name| variables.get(name).map(|text| (*text).to_owned()))
}

#[test]
fn the_environment_sets_every_option() {
    let builder = from_env(&[
        ("REDIS_URL", "redis://:secret@127.0.0.1:1"),
        ("CACHE_NAMESPACE", "other"),
        ("CACHE_TTL", "1h30m"),
        ("CACHE_NEGATIVE_TTL", "0s"),
        ("CACHE_CODEC", "json"),
        ("CACHE_MAX_VALUE_BYTES", "10"),
        ("CACHE_CONNECT_TIMEOUT", "2s"),
        ("CACHE_OPERATION_TIMEOUT", "100ms"),
        ("CACHE_ON_UNREACHABLE", "proceed"),
        ("CACHE_LEVEL", "200ms"),
        ("CACHE_TIER_ENTRIES", "11"),
        ("CACHE_TIER_BYTES", "12"),
        ("CACHE_MAX_LOADS", "13"),
        ("CACHE_MAX_WAITING_LOADS", "14"),
        ("CACHE_STALE_ON_ERROR", "1h"),
        ("CACHE_SOFT_TIMEOUT", "50ms"),
        ("CACHE_ALWAYS_OUTBOX", "true"),
        ("CACHE_HANG_AFTER", "90ms"),
    ])
    .unwrap();
    assert_eq!(builder.namespace, "other");
    assert_eq!(builder.policy.ttl, Ttl::After(Duration::from_secs(5400)));
    assert!(builder.policy.negative_ttl.is_zero());
    assert_eq!(builder.policy.codec, Codec::Json);
    assert_eq!(builder.policy.max_value_bytes, 10);
    assert_eq!(builder.connect_timeout, Duration::from_secs(2));
    assert_eq!(builder.operation_timeout, Duration::from_millis(100));
    assert_eq!(builder.policy.on_unreachable, OnUnreachable::Proceed);
    assert_eq!(builder.policy.level, Level::Bounded(Duration::from_millis(200)));
    assert_eq!((builder.policy.tier_entries, builder.policy.tier_bytes), (11, 12));
    assert_eq!((builder.policy.max_loads, builder.policy.max_waiting_loads), (13, 14));
    assert_eq!(builder.policy.stale_on_error, Duration::from_secs(3600));
    assert_eq!(builder.policy.soft_timeout, Duration::from_millis(50));
    assert!(builder.policy.always_outbox);
    assert_eq!(builder.hang_after, Duration::from_millis(90));
    for (text, level) in [("strong", Level::Strong), ("database", Level::Database)] {
        let builder = from_env(&[("REDIS_URL", "redis://127.0.0.1:1"), ("CACHE_LEVEL", text)]);
        assert_eq!(builder.unwrap().policy.level, level);
    }
}

#[test]
fn a_wrong_variable_is_named() {
    for (name, text) in [
        ("CACHE_TTL", "15x"),
        ("CACHE_NEGATIVE_TTL", "-5m"),
        ("CACHE_CODEC", "xml"),
        ("CACHE_MAX_VALUE_BYTES", "much"),
        ("CACHE_ON_UNREACHABLE", "maybe"),
        ("CACHE_LEVEL", "weak"),
        ("CACHE_MAX_LOADS", "-1"),
        ("CACHE_ALWAYS_OUTBOX", "1"),
    ] {
        let error = from_env(&[("REDIS_URL", "redis://127.0.0.1:1"), (name, text)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(name), "{error}");
    }
    assert!(from_env(&[]).unwrap_err().to_string().contains("REDIS_URL"));
}

#[test]
fn nothing_shows_a_password() {
    let builder = from_env(&[("REDIS_URL", "redis://user:secret@127.0.0.1:1/3")]).unwrap();
    assert!(!format!("{builder:?}").contains("secret"));
    let manager = builder.build().unwrap();
    let shown = format!("{manager:?}");
    assert!(shown.contains("127.0.0.1:1/3"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn a_manager_that_cannot_work_is_not_built() {
    for builder in [
        CacheManager::builder("").redis("redis://127.0.0.1:1"),
        CacheManager::builder("shop"),
        CacheManager::builder("shop").redis("http://127.0.0.1"),
        CacheManager::builder("shop").redis("redis://127.0.0.1:1").jitter(2.0),
        CacheManager::builder("shop").redis("redis://127.0.0.1:1").hold_ttl(Duration::ZERO),
        CacheManager::builder("shop").memory().level(Level::Bounded(Duration::ZERO)),
        CacheManager::builder("shop").memory().max_loads(0, 10),
    ] {
        assert_eq!(builder.build().unwrap_err().kind(), ErrorKind::Config);
    }
}
