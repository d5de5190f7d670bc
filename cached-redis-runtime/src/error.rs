//! The one public error: opaque, with a kind.

use std::fmt;

/// Why an operation on the cache failed.
///
/// Cached functions never return it: they run their body instead. It comes from what talks to the
/// cache on purpose, such as `f_invalidate(..)`, [`Entry`](crate::Entry) and
/// [`CacheBuilder::build`](crate::CacheBuilder::build). Messages never contain URLs, keys,
/// arguments or values.
///
/// ```
/// use cached_redis_runtime::{Cache, ErrorKind};
///
/// let error = Cache::builder().url("not a url").build().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Config);
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    is_lasting: bool,
}

/// What kind of failure an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The cache was set up wrongly: a malformed URL, a namespace that cannot be part of a key,
    /// a second `install`.
    Config,
    /// There is no connection to the server, and the cache does not wait for one.
    Unreachable,
    /// The server did not answer within the time allowed. The operation may have been executed.
    Timeout,
    /// The server answered with an error, such as `OOM`, `READONLY` or `LOADING`.
    Server,
    /// The server answered something that is not an answer.
    Protocol,
    /// An argument could not be serialized into a key.
    Key,
    /// A value could not be serialized.
    Encode,
    /// A stored entry could not be read. Cached functions treat it as a miss.
    Decode,
    /// A value is larger than the cache stores.
    TooLarge,
    /// A time to live is zero, or above the cache's maximum.
    Ttl,
    /// Options of a function that come from expressions contradict each other.
    Policy,
    /// Another write or invalidation came between, so the value was not stored.
    Superseded,
}

impl ErrorKind {
    pub(crate) const ALL: [Self; 12] = [
        Self::Config,
        Self::Unreachable,
        Self::Timeout,
        Self::Server,
        Self::Protocol,
        Self::Key,
        Self::Encode,
        Self::Decode,
        Self::TooLarge,
        Self::Ttl,
        Self::Policy,
        Self::Superseded,
    ];
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), is_lasting: false }
    }

    /// The same, of a server that will refuse this operation again.
    pub(crate) fn lasting(self) -> Self {
        Self { is_lasting: true, ..self }
    }

    /// Whether the server refuses what was asked, rather than everything for a while.
    pub(crate) fn is_lasting(&self) -> bool {
        self.is_lasting
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    pub(crate) fn unreachable() -> Self {
        Self::new(ErrorKind::Unreachable, "no connection to the cache server")
    }

    /// `reason` is a category, never a text that may quote something.
    pub(crate) fn unreachable_because(reason: &str) -> Self {
        Self::new(ErrorKind::Unreachable, format!("no connection to the cache server ({reason})"))
    }

    pub(crate) fn timeout() -> Self {
        Self::new(ErrorKind::Timeout, "the cache server did not answer in time")
    }

    pub(crate) fn protocol() -> Self {
        Self::new(ErrorKind::Protocol, "the cache server gave an answer that makes no sense")
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
