//! A caller that waits for a reply, and how long that may take.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::store::redis::request::Reply;

/// A caller that waits for a reply.
pub(super) struct Caller {
    pub(super) to: oneshot::Sender<Answered>,
    pub(super) place: Place,
}

/// Where a request stands in the queue, which says how long its reply may take.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// By the clock.
    pub(super) since: Duration,
    /// What was ahead of it when it came.
    pub(super) allowance: Duration,
    /// Bytes that had arrived by then.
    pub(super) arrived: u64,
    /// Whether anything was.
    pub(super) was_behind: bool,
}

pub(super) struct Answered {
    /// None if the server has refused the command that this read was gathered into.
    pub(super) reply: Option<Reply>,
    /// How long the server has taken.
    pub(super) took: Duration,
}
