//! What a call is answered with, and what that counts as.

use crate::freshness::Freshness;
use crate::record::Record;
#[cfg(feature = "local")]
use crate::watched::Begun;

/// A record to answer with, if it decodes as what the function returns.
pub(crate) struct Read {
    pub(crate) record: Record,
    pub(crate) counts: Counts,
    /// It was read under this watch.
    #[cfg(feature = "local")]
    pub(crate) begun: Option<Begun>,
}

impl Read {
    pub(crate) fn new(record: Record, counts: Counts) -> Self {
        Self {
            record,
            counts,
            #[cfg(feature = "local")]
            begun: None,
        }
    }

    /// It was read under this watch, if that is one.
    #[cfg(feature = "local")]
    pub(crate) fn is_watched_by(&mut self, begun: Option<Begun>) {
        self.begun = begun;
    }

    #[cfg(not(feature = "local"))]
    pub(crate) fn is_watched_by(&mut self, (): ()) {}
}

/// What an answer counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts {
    Hit(Freshness),
    /// Another caller of this process has read it. This call was a miss.
    Shared,
    /// Another caller of this process has loaded it.
    Coalesced,
    /// The last good value, in place of a load.
    Fallback,
}
