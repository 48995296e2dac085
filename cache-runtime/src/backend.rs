//! The hands of the [`Cache`](crate::Cache) port.

#[cfg(feature = "memory")]
mod memory;
mod null;
#[cfg(feature = "redis")]
mod redis;
mod traced;
#[cfg(feature = "redis")]
pub use self::redis::{RedisCache, RedisCacheBuilder};

#[cfg(feature = "memory")]
pub use self::memory::{MemoryCache, MemoryCacheBuilder};
pub use self::null::NullCache;
pub use self::traced::Traced;
