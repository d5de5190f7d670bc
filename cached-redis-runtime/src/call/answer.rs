//! What a call is answered with, and what that counts as.

use crate::freshness::Freshness;
use crate::record::Record;

/// A record to answer with, if it decodes as what the function returns.
pub(crate) struct Read {
    pub(crate) record: Record,
    pub(crate) counts: Counts,
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
