//! Bounds of options. The macros check what is written, the runtime checks what is computed, and
//! `tests/limits.rs` of the facade compares them.

use std::time::Duration;

/// Longer is a mistake of unit more often than a wish.
pub(crate) const MAX_DURATION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Where `load_timeout` is not written.
pub(crate) const DEFAULT_LOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// In a shorter `ttl`, a reload cannot begin before the end.
pub(crate) const MIN_TTL_WITH_EARLY: Duration = Duration::from_secs(1);

pub(crate) const MAX_EARLY: f64 = 10.0;

pub(crate) const MAX_JITTER: f64 = 1.0;

/// Every tag costs a generation that is compared on each hit.
pub(crate) const MAX_TAGS: usize = 16;

/// The longest text that Redis keeps, in bytes.
pub(crate) const MAX_VALUE: f64 = 512.0 * 1024.0 * 1024.0;
