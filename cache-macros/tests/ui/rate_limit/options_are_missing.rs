use cache_runtime::{CacheManager, cached_repository};

#[cached_repository(rate_limit())]
struct Nothing {
    cache: CacheManager,
}

#[cached_repository(rate_limit(name = login, algorithm = "gcra", limit = 5, per = "1m"))]
struct NoChoice {
    cache: CacheManager,
}

#[cached_repository(rate_limit)]
struct Bare {
    cache: CacheManager,
}

#[cached_repository(rate_limit(name = api, algorithm = "gcra", limit = 5, per = "1m", and(limit = 3), on_error = "deny"))]
struct HalfARule {
    cache: CacheManager,
}

fn main() {}
