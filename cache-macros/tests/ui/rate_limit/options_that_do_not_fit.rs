use cache_runtime::{CacheManager, cached_repository};

#[cached_repository(rate_limit(name = a, algorithm = "leaky", limit = 5, per = "1m", on_error = "ignore"))]
struct Unknown {
    cache: CacheManager,
}

#[cached_repository(rate_limit(name = a, algorithm = "fixed_window", limit = 5, per = "1m", burst = 2, lease = "1s", on_error = "deny"))]
struct Window {
    cache: CacheManager,
}

#[cached_repository(rate_limit(name = a, algorithm = "concurrency", limit = 5, per = "1m", burst = 1, local, on_error = "deny"))]
struct Seats {
    cache: CacheManager,
}

#[cached_repository(rate_limit(name = a, algorithm = "sliding_log", limit = 5, per = "1m", local, on_error = "deny"))]
struct LocalLog {
    cache: CacheManager,
}

#[cached_repository(rate_limit(name = a, algorithm = "gcra", limit = 5, per = "100ms", local, on_error = "deny"))]
struct LocalAndQuick {
    cache: CacheManager,
}

#[cached_repository(
    rate_limit(
        name = a, algorithm = "gcra", limit = 5, per = "1m",
        and(name = b, algorithm = "concurrency", limit = 5, per = "1m", on_error = "deny"),
        and(name = c, algorithm = "gcra", limit = 5, per = "1h"),
        and(name = c, algorithm = "gcra", limit = 5, per = "1d"),
        on_error = "deny", allow("", "monitor", "monitor"), secret = peper,
    ),
)]
struct Rules {
    cache: CacheManager,
    pepper: String,
}

fn main() {}
