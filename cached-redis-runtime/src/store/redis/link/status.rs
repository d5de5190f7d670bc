//! What is known of the connection, and how that changes.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::health::Untracked;
use crate::store::redis::generations::Generations;
use crate::store::redis::line::Line;
use crate::telemetry::event;

pub(super) enum State {
    Idle,
    Connecting {
        since: Instant,
    },
    Up(Up),
    /// It owes replies, and nothing has arrived for a whole budget.
    Silent {
        up: Up,
        /// How much had arrived by then.
        arrived: u64,
    },
    Down {
        /// What went wrong at the last attempt, in a few words.
        reason: String,
    },
}

/// A connection that answers, or did.
#[derive(Clone)]
pub(super) struct Up {
    pub(super) line: Line,
    /// Tells one connection from the next.
    pub(super) number: u64,
    pub(super) since: Instant,
    /// Why changes of groups are not reported on it, if so.
    pub(super) untracked: Option<Untracked>,
    /// When to try for one that is tracked.
    pub(super) try_again: Option<Instant>,
}

/// What becomes of what is known of generations when the state changes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Nothing,
    /// It is the same connection: what it reports comes in order.
    Knowledge,
}

/// The state of a link, and what is known for as long as its connection lasts.
pub(super) struct Status {
    state: ArcSwap<State>,
    /// Held while the state changes; readers never wait for it.
    changing: Mutex<()>,
    changed: watch::Sender<()>,
    generations: Arc<Generations>,
}

impl Status {
    pub(super) fn new(state: State) -> Self {
        Self {
            state: ArcSwap::from_pointee(state),
            changing: Mutex::default(),
            changed: watch::Sender::new(()),
            generations: Arc::default(),
        }
    }

    pub(super) fn load(&self) -> Guard<Arc<State>> {
        self.state.load()
    }

    pub(super) fn generations(&self) -> &Arc<Generations> {
        &self.generations
    }

    /// To wait for the next change.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Has those who wait look again.
    pub(super) fn wake(&self) {
        self.changed.send_replace(());
    }

    /// Whether a connection that was silent has answered meanwhile. Then it is used again.
    pub(super) fn listen(&self) -> bool {
        let number = match &**self.state.load() {
            State::Silent { up, arrived }
                if up.line.arrived() != *arrived && !up.line.is_over() =>
            {
                up.number
            }
            _ => return false,
        };
        let is_back = self.change(Keep::Knowledge, |state| match state {
            State::Silent { up, .. } if up.number == number => Some(State::Up(up.clone())),
            _ => None,
        });
        if is_back {
            event!(info, "the cache server answers again");
        }
        true
    }

    /// Moves to the state that `next` gives, if any, and wakes those who wait for a change. What is known of
    /// generations is forgotten.
    pub(super) fn replace(&self, next: impl FnOnce(&State) -> Option<State>) -> bool {
        self.change(Keep::Nothing, next)
    }

    /// Says something else of the connection that is up.
    pub(super) fn amend(&self, next: impl FnOnce(&Up) -> Up) {
        self.change(Keep::Knowledge, |state| match state {
            State::Up(up) => Some(State::Up(next(up))),
            _ => None,
        });
    }

    fn change(&self, keep: Keep, next: impl FnOnce(&State) -> Option<State>) -> bool {
        let only_one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(next) = next(&self.state.load()) else { return false };
        if keep == Keep::Nothing && !matches!(next, State::Silent { .. }) {
            // Before the next connection is used, and after the last one was.
            self.generations.forget();
        }
        self.state.store(Arc::new(next));
        drop(only_one);
        self.wake();
        true
    }
}
