//! Why there is no key.

use std::fmt::{self, Display};

use serde::ser;

use crate::error::{Error, ErrorKind};

/// Why there is no key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct KeyError {
    why: &'static str,
}

impl KeyError {
    /// An argument could not be encoded: its `Serialize` returned an error, or panicked. Says nothing of the cause,
    /// which may quote the argument.
    pub(crate) fn refused() -> Self {
        Self { why: "an argument could not be serialized into a cache key" }
    }

    /// The `Display` of a value in a tag returned an error, or panicked.
    pub(crate) fn tag() -> Self {
        Self { why: "a value in a tag could not be written as text" }
    }

    pub(super) fn too_deep() -> Self {
        Self { why: "an argument is nested too deeply for a cache key" }
    }

    /// The order of a map does not count, so which of both values is meant could not be told.
    pub(super) fn twice() -> Self {
        Self { why: "an argument is a map in which a key stands twice" }
    }

    /// One of the types that make the function's identity has the name of others too.
    pub(crate) fn nameless() -> Self {
        Self { why: "the function is generic over a closure, whose type has no name of its own" }
    }
}

impl Display for KeyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.why)
    }
}

impl std::error::Error for KeyError {}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        Self::new(ErrorKind::Key, error.to_string())
    }
}

impl ser::Error for KeyError {
    fn custom<T: Display>(_message: T) -> Self {
        Self::refused()
    }
}
