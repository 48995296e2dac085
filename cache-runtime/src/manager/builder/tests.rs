use super::*;

#[test]
fn nothing_shows_a_password() {
    let builder = CacheManager::builder("shop").redis("redis://user:secret@127.0.0.1:1/3");
    assert!(!format!("{builder:?}").contains("secret"));
    let manager = builder.build().unwrap();
    let shown = format!("{manager:?}");
    assert!(shown.contains("127.0.0.1:1/3"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn what_a_value_may_unpack_to_goes_by_what_it_may_have() {
    let built = |builder: CacheManagerBuilder| {
        builder.redis("redis://127.0.0.1:1").build().unwrap().policy().max_unpacked_bytes
    };
    assert_eq!(built(CacheManager::builder("shop")), Policy::default().max_unpacked_bytes);
    assert_eq!(built(CacheManager::builder("shop").max_value_bytes(100)), 800);
    let said = CacheManager::builder("shop").max_unpacked_bytes(100).max_value_bytes(100);
    assert_eq!(built(said), 100);
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
        CacheManager::builder("shop").memory().refresh_ahead(-1.0),
        CacheManager::builder("shop").memory().refresh_ahead(f64::NAN),
    ] {
        assert_eq!(builder.build().unwrap_err().kind(), ErrorKind::Config);
    }
}
