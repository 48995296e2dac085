#![allow(unused_imports)]

pub use cache_runtime::{CacheManager, cached_repository};
pub use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    pub user_id: i64,
    pub theme: String,
}
