#![doc = include_str!("../README.md")]

#[doc = include_str!("../docs/invalidates.md")]
pub use cached_redis_macros::invalidates;
#[doc = include_str!("../docs/attribute.md")]
pub use cached_redis_macros::redis_cached;
#[doc = include_str!("../docs/updates.md")]
pub use cached_redis_macros::updates;
pub use cached_redis_runtime::{
    Absent, Cache, CacheBuilder, Codec, CodecError, Compression, Credentials, Entry, Error,
    ErrorKind, Fault, FunctionStats, Health, IntoTag, Invalidate, InvalidateAll, Invalidations,
    Json, KeyPart, Loss, MemoryStore, Previous, SilentLoss, Stats, Storable, Times, Tracking,
    Untracked, Warm, WarmError, WarmFailure, WarmProgress, bypass, previous, redis, refresh, tag,
    transaction,
};

#[cfg(feature = "encryption")]
pub use cached_redis_runtime::KeyRing;
#[cfg(feature = "messagepack")]
pub use cached_redis_runtime::MessagePack;
#[cfg(feature = "postcard")]
pub use cached_redis_runtime::Postcard;

/// For generated code only.
#[doc(hidden)]
pub use cached_redis_runtime::private as __private;

/// The pages under `docs/`, whose examples are compiled with the tests.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../docs/batches.md")]
    mod batches {}
    #[doc = include_str!("../docs/dependencies.md")]
    mod dependencies {}
    #[doc = include_str!("../docs/freshness.md")]
    mod freshness {}
    #[doc = include_str!("../docs/groups.md")]
    mod groups {}
    #[doc = include_str!("../docs/keys.md")]
    mod keys {}
    #[doc = include_str!("../docs/local.md")]
    mod local {}
    #[doc = include_str!("../docs/monitoring.md")]
    mod monitoring {}
    #[doc = include_str!("../docs/operating.md")]
    mod operating {}
    #[cfg(all(feature = "compression", feature = "encryption", feature = "messagepack"))]
    #[doc = include_str!("../docs/payloads.md")]
    mod payloads {}
    #[doc = include_str!("../docs/recipes.md")]
    mod recipes {}
    #[doc = include_str!("../docs/testing.md")]
    mod testing {}
    #[doc = include_str!("../docs/writes.md")]
    mod writes {}
}
