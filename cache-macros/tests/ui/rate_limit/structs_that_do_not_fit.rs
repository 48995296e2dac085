use cache_runtime::{CacheManager, cached_repository};

#[cached_repository(rate_limit(name = a, algorithm = "gcra", limit = 5, per = "1m", on_error = "deny"), ttl = "15m", unique(slug))]
struct ForRows {
    cache: CacheManager,
}

#[cached_repository(
    rate_limit(name = a, algorithm = "gcra", limit = 5, per = "1m", on_error = "deny"),
    rate_limit(name = a, algorithm = "gcra", limit = 6, per = "1m", on_error = "deny")
)]
struct Twice {
    cache: CacheManager,
}

#[cached_repository(rate_limit(name = a, algorithm = "gcra", limit = 5, per = "1m", on_error = "deny"))]
struct NoManager {
    name: String,
}

#[cached_repository(rate_limit(name = a, algorithm = "gcra", limit = 5, per = "1m", on_error = "deny"))]
struct Generic<T> {
    cache: CacheManager,
    other: T,
}

#[cached_repository(rate_limit(name = a, algorithm = "gcra", limit = 5, per = "1m", on_error = "deny"))]
struct Tuple(CacheManager);

#[cached_repository(rate_limit(name = a, algorithm = "gcra", limit = 5, per = "1m", on_error = "deny", secret = pepper))]
struct NoBytes {
    cache: CacheManager,
    pepper: u64,
}

fn main() {}
