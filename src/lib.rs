#![doc = include_str!("../README.md")]

pub use cached_redis_macros::{invalidates, redis_cached};
pub use cached_redis_runtime::current::{bypass, refresh};
pub use cached_redis_runtime::{Absent, Cache, Entry, Error, InvalidateAll, KeyPart, Storable};

/// For generated code only.
#[doc(hidden)]
pub use cached_redis_runtime::private as __private;
