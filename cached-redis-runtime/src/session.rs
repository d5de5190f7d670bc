//! A store, and the time that one call may spend on it.

use std::sync::Arc;
use std::time::Duration;

use crate::budget::Budget;
use crate::error::Error;
use crate::group::{Group, Groups, Stamps};
#[cfg(feature = "local")]
use crate::health::Condition;
use crate::lease::{Acquire, Acquired, FenceId, Fill, Filled, LeaseId, Life, Nonce};
#[cfg(feature = "local")]
use crate::store::ToRead;
use crate::store::{Found, Operation, Store};

/// Where sessions begin: the store of a cache, and how long one call may spend on it.
#[derive(Clone)]
pub(crate) struct Sessions {
    store: Arc<dyn Store>,
    budget: Duration,
}

/// A store within a budget. Whatever is asked of a store is asked here, so nothing waits for it without a
/// bound.
pub(crate) struct Session<'a> {
    store: &'a dyn Store,
    left: Left<'a>,
}

/// What is left of the budget.
enum Left<'a> {
    /// Of this session's own.
    Own(Budget),
    /// Of the call's, which outlives the session.
    OfCall(&'a mut Budget),
}

impl Sessions {
    pub(crate) fn new(store: Arc<dyn Store>, budget: Duration) -> Self {
        Self { store, budget }
    }

    /// What does not ask the server: its clock, and what is known of the connection.
    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// That of a call.
    pub(crate) fn budget(&self) -> Budget {
        Budget::new(self.budget)
    }

    /// With a budget of its own.
    pub(crate) fn begin(&self) -> Session<'_> {
        Session { store: &*self.store, left: Left::Own(self.budget()) }
    }

    /// Within what is left of a call's.
    pub(crate) fn within<'a>(&'a self, budget: &'a mut Budget) -> Session<'a> {
        Session { store: &*self.store, left: Left::OfCall(budget) }
    }
}

/// Each operation of [`Store`], within what is left.
macro_rules! operations {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        impl Session<'_> {
            $(pub(crate) fn $name<'a>(
                &'a mut self,
                $($argument: $type),*
            ) -> impl Future<Output = Result<$answer, Error>> {
                let store = self.store;
                self.run(store.$name($($argument),*))
            })*
        }
    };
}

operations! {
    read(key: &'a str, groups: &'a Groups) -> Option<Found>;
    read_watched(key: &'a str, groups: &'a Groups) -> (Option<Found>, bool);
    stamp(key: &'a str, groups: &'a [Group], life: Duration) -> Option<Stamps>;
    is_current(key: &'a str, stamps: &'a [u8]) -> bool;
    acquire(key: &'a str, acquire: Acquire<'a>) -> Acquired;
    fill(key: &'a str, lease: LeaseId, record: &'a [u8], life: Life) -> Filled;
    read_many(entries: &'a [(&'a str, &'a Groups)]) -> Vec<Option<Found>>;
    stamp_many(entries: &'a [(&'a str, Vec<Group>)], life: Duration) -> Vec<Option<Stamps>>;
    acquire_many(entries: &'a [(&'a str, Acquire<'a>)]) -> Vec<Result<Acquired, Error>>;
    fill_many(entries: &'a [Fill<'a>]) -> Vec<Result<Filled, Error>>;
    keep(key: &'a str, lease: LeaseId, life: Life) -> Filled;
    renew(key: &'a str, lease: LeaseId, life: Duration) -> bool;
    release(key: &'a str, nonce: Nonce, pause: Duration) -> ();
    touch(key: &'a str, lease: LeaseId, life: Duration) -> ();
    delete(keys: &'a [String]) -> ();
    delete_each(targets: &'a [Vec<String>]) -> Vec<Result<(), Error>>;
    hold(keys: &'a [String], fence: FenceId, life: Duration) -> ();
    lift(keys: &'a [String], fence: FenceId) -> ();
    mark_stale(key: &'a str) -> bool;
    ttl(key: &'a str) -> Option<Duration>;
    ask_time(key: &'a str) -> u64;
}

#[cfg(feature = "local")]
operations! {
    read_many_watched(entries: &'a [ToRead<'a>]) -> Vec<(Option<Found>, bool)>;
}

impl Session<'_> {
    /// Whether the server can be heard.
    #[cfg(feature = "local")]
    pub(crate) fn prove(&mut self) -> impl Future<Output = Result<bool, Error>> {
        self.run(self.store.prove())
    }

    /// As [`read`](Self::read), and costs nothing if it is answered: it belongs to a wait for something
    /// else.
    pub(crate) async fn read_free(
        &mut self,
        key: &str,
        groups: &Groups,
    ) -> Result<Option<Found>, Error> {
        let before = *self.left();
        let found = self.read(key, groups).await;
        if found.is_ok() {
            *self.left() = before;
        }
        found
    }

    /// The same for [`read_watched`](Self::read_watched).
    pub(crate) async fn read_watched_free(
        &mut self,
        key: &str,
        groups: &Groups,
    ) -> Result<(Option<Found>, bool), Error> {
        let before = *self.left();
        let found = self.read_watched(key, groups).await;
        if found.is_ok() {
            *self.left() = before;
        }
        found
    }

    /// The same for [`read_many`](Self::read_many).
    pub(crate) async fn read_many_free(
        &mut self,
        entries: &[(&str, &Groups)],
    ) -> Result<Vec<Option<Found>>, Error> {
        let before = *self.left();
        let found = self.read_many(entries).await;
        if found.is_ok() {
            *self.left() = before;
        }
        found
    }

    /// The clock of the server that has this key, as far as it is known.
    pub(crate) fn now(&self, key: &str) -> Option<u64> {
        self.store.now(key)
    }

    /// What is known of the connection.
    #[cfg(feature = "local")]
    pub(crate) fn condition(&self) -> Condition {
        self.store.condition()
    }

    /// How long it may still take.
    pub(crate) fn time_left(&self) -> Duration {
        match &self.left {
            Left::Own(budget) => budget.left(),
            Left::OfCall(budget) => budget.left(),
        }
    }

    fn run<'a, T>(
        &'a mut self,
        operation: Operation<'a, T>,
    ) -> impl Future<Output = Result<T, Error>> {
        let measures = self.store.measures();
        self.left().spend(operation, measures)
    }

    fn left(&mut self) -> &mut Budget {
        match &mut self.left {
            Left::Own(budget) => budget,
            Left::OfCall(budget) => budget,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::store::memory::{Fault, MemoryStore};
    use tokio::time::Instant;

    const WHOLE: Duration = Duration::from_millis(100);

    fn sessions(slow: Duration) -> Sessions {
        let store = MemoryStore::new("ns");
        store.set_fault(Some(Fault::Slow(slow)));
        Sessions::new(Arc::new(store), WHOLE)
    }

    #[tokio::test(start_paused = true)]
    async fn operations_share_its_budget() {
        let sessions = sessions(WHOLE / 2 + Duration::from_millis(1));
        let (mut session, began) = (sessions.begin(), Instant::now());
        session.ttl("key").await.expect("in time");
        let late = session.ttl("key").await.expect_err("too late");
        assert_eq!(late.kind(), ErrorKind::Timeout);
        assert_eq!(began.elapsed(), WHOLE);
        assert!(session.time_left().is_zero());
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_of_one_call_share_its_budget() {
        let sessions = sessions(WHOLE / 2);
        let mut budget = sessions.budget();
        sessions.within(&mut budget).ttl("key").await.expect("in time");
        assert_eq!(sessions.within(&mut budget).time_left(), WHOLE / 2);
        assert_eq!(sessions.begin().time_left(), WHOLE);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_free_costs_nothing_if_it_is_answered() {
        let sessions = sessions(WHOLE / 2);
        let mut session = sessions.begin();
        session.read_free("key", &Groups::default()).await.expect("in time");
        assert_eq!(session.time_left(), WHOLE);
    }
}
