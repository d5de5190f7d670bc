//! Runtime of the `cached-redis` crate. Use that crate; its documentation is the place to start.

mod background;
mod backoff;
mod batch;
mod bucket;
mod budget;
mod cache;
mod call;
mod clock;
mod counter;
mod database_handle;
mod depth;
mod entry;
mod error;
mod fill;
mod flight;
mod freshness;
mod function;
mod group;
mod health;
#[cfg(feature = "unfenced-for-tests")]
mod held;
mod histogram;
mod invalidation;
mod join;
mod judgement;

mod key;
mod lease;
mod loading;
#[cfg(feature = "local")]
mod local;
mod loss;
mod metrics;
mod outcome;
mod owned_argument;
mod panics;
mod payload;
mod policy;

mod record;
mod renewal;
mod revalidation;
mod scope;
mod session;
mod shapes;
mod sharing;
mod sole_task;
mod stats;
mod store;
mod sync;
mod telemetry;
mod testing;
mod warm;
#[cfg_attr(not(feature = "local"), expect(dead_code, reason = "copies are a feature"))]
mod watched;
mod writes;

/// Not a feature: users see those.
#[cfg(any(
    fuzzing,
    all(
        test,
        feature = "compression",
        feature = "encryption",
        feature = "messagepack",
        feature = "postcard",
        feature = "zstd"
    )
))]
#[doc(hidden)]
#[allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    reason = "a property that does not hold is reported by a panic"
)]
pub mod fuzzing;
#[doc(hidden)]
pub mod private;

pub use cache::{Cache, CacheBuilder};
pub use entry::Entry;
pub use error::{Error, ErrorKind};
pub use group::IntoTag;
pub use health::{Health, Tracking, Untracked};
#[cfg(feature = "unfenced-for-tests")]
#[doc(hidden)]
pub use held::Held;
pub use histogram::Times;
pub use key::KeyPart;
pub use loss::{Loss, SilentLoss};
pub use outcome::{Absent, Storable};
#[cfg(feature = "encryption")]
pub use payload::KeyRing;
#[cfg(feature = "messagepack")]
pub use payload::codec::MessagePack;
#[cfg(feature = "postcard")]
pub use payload::codec::Postcard;
pub use payload::codec::{Codec, CodecError, Json};
pub use record::Compression;
/// The client library whose types [`CacheBuilder::client`] and [`CacheBuilder::connection`] take.
pub use redis;
pub use revalidation::{Previous, previous};
pub use scope::{bypass, refresh};
pub use stats::{FunctionStats, Stats};
pub use store::memory::{Fault, MemoryStore};
#[cfg(feature = "unfenced-for-tests")]
#[doc(hidden)]
pub use store::mutated::Rule;
pub use store::redis::Credentials;
pub use warm::{Warm, WarmError, WarmFailure, WarmProgress};
pub use writes::{Invalidate, InvalidateAll, Invalidations, transaction};
