use cache_runtime::{CacheManager, cached_repository};

#[cached_repository(rate_limit(name = a, algorithm = "gcra", limit = 0, per = "1m", on_error = "deny"))]
struct None {
    cache: CacheManager,
}

#[cached_repository(rate_limit(name = a, algorithm = "gcra", limit = 5, per = "1m", burst = 6, on_error = "deny"))]
struct BurstAbove {
    cache: CacheManager,
}

#[cached_repository(rate_limit(name = a, algorithm = "token_bucket", limit = 5, per = "0s", burst = 0, on_error = "deny"))]
struct NoTime {
    cache: CacheManager,
}

#[cached_repository(rate_limit(name = a, algorithm = "gcra", limit = -5, per = "1x", on_error = "deny"))]
struct Unreadable {
    cache: CacheManager,
}

#[cached_repository(rate_limit(name = a, algorithm = "sliding_log", limit = 100001, per = "4000d", on_error = "deny"))]
struct TooLarge {
    cache: CacheManager,
}

#[cached_repository(rate_limit(name = a, algorithm = "concurrency", limit = 0, lease = "1ms", on_error = "deny"))]
struct NoSeats {
    cache: CacheManager,
}

fn main() {}
