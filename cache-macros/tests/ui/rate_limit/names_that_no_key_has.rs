use cache_runtime::{CacheManager, cached_repository};

#[cached_repository(
    rate_limit(name = größe, algorithm = "gcra", limit = 5, per = "1m", on_error = "deny"),
    rate_limit(name = séances, algorithm = "concurrency", limit = 5, on_error = "deny"),
    rate_limit(
        name = api,
        algorithm = "gcra",
        limit = 5,
        per = "1m",
        and(name = täglich, algorithm = "fixed_window", limit = 100, per = "1d"),
        on_error = "deny",
    ),
)]
struct Limits {
    cache: CacheManager,
}

fn main() {}
