//! Who may load, and whether what the load comes to may be stored.

use tokio::sync::OwnedSemaphorePermit;

use super::answer::Read;
use crate::fill::Lease;
use crate::sharing::Turn;

/// What a caller without a hit is to do.
pub(crate) enum Decision {
    /// Answer with this, if it decodes.
    Answer(Read),
    /// Load, and store under this lease.
    Load(Granted),
    /// Load, and store nothing: the cache failed, or nothing may be stored.
    LoadAlone(Reason),
    /// The same, as one of few at a time.
    InTurn(Turn),
}

/// The right to load and store.
pub(crate) struct Granted {
    pub(crate) lease: Lease,
    /// The value that was seen is there, and stays until the new one is stored.
    pub(crate) over_seen: bool,
    /// A value may be there that is to be replaced.
    pub(crate) replaces: bool,
    /// Others wait for their turn, or for what comes of this load.
    pub(crate) turn: Option<Box<Turn>>,
}

impl Granted {
    pub(crate) fn new(lease: Lease, over_seen: bool, replaces: bool) -> Self {
        Self { lease, over_seen, replaces, turn: None }
    }

    /// The right of another call. What its question has found is not known here: a load keeps no value
    /// then, and one may be there.
    pub(crate) fn taken_over(lease: Lease) -> Self {
        Self::new(lease, false, true)
    }
}

/// Why a load is not stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The store is away: such loads can be bounded.
    StoreFailed,
    /// The store is there, but this load cannot be shared or must not be stored.
    NotShareable,
}

/// The right to load.
pub(crate) enum Permit {
    /// And to store what it comes to.
    Lease(Granted),
    /// And to store nothing: the cache failed, or nothing may be stored. With a place among the loads that the user
    /// allows while the store is away.
    Alone(Option<OwnedSemaphorePermit>),
    /// The same, as one of few at a time.
    InTurn(Turn),
}
