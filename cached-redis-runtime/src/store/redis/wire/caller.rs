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

/// Answers that are about to be handed to their callers.
#[derive(Default)]
pub(super) struct Answers(Vec<(oneshot::Sender<Answered>, Answered)>);

impl Answers {
    pub(super) fn push(&mut self, to: oneshot::Sender<Answered>, answered: Answered) {
        self.0.push((to, answered));
    }

    /// Wakes the callers. Not while anything is locked that they need for what they do next.
    pub(super) fn hand_out(&mut self) {
        for (to, answered) in self.0.drain(..) {
            // Whoever has been cancelled does not listen.
            let _ = to.send(answered);
        }
    }
}
