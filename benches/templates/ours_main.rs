
async fn cache() -> Outcome<cache_runtime::CacheManager> {
    Ok(cache_runtime::CacheManager::builder("service").redis("redis://127.0.0.1").build()?)
}
