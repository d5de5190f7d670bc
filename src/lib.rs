#![doc = include_str!("../README.md")]

#[doc = include_str!("../docs/invalidates.md")]
pub use cached_redis_macros::invalidates;
#[doc = include_str!("../docs/attribute.md")]
pub use cached_redis_macros::redis_cached;
pub use cached_redis_runtime::{
    Absent, Cache, CacheBuilder, Entry, Error, ErrorKind, Fault, FunctionStats, Health,
    InvalidateAll, KeyPart, MemoryStore, Stats, Storable, bypass, redis, refresh,
};

/// For generated code only.
#[doc(hidden)]
pub use cached_redis_runtime::private as __private;
