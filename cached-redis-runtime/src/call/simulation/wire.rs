//! What stands between a node and the store: messages take their time, and a process that dies
//! sends no more. What the store reports comes late, but before the answer to whatever was asked after it
//! ([`hearing`](super::hearing)).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::hearing::{Deaf, Hearing};
use super::millis;
use crate::error::Error;
#[cfg(feature = "local")]
use crate::group::Generation;
use crate::group::{Group, Groups, Stamps};
use crate::health::{Condition, Tracking};
use crate::lease::{Acquire, Acquired, FenceId, Filled, LeaseId, Life, Nonce};
use crate::store::memory::MemoryStore;
use crate::store::{Found, Operation, Store};
use crate::watched::Watched;

/// The way of one process to the store.
pub(super) struct Wire {
    store: Arc<MemoryStore>,
    /// Messages take time, not only turns.
    is_slow: bool,
    is_cut: AtomicBool,
    pub(super) hearing: Arc<Hearing>,
}

impl Wire {
    pub(super) fn new(store: &Arc<MemoryStore>, is_slow: bool, deaf: Option<Deaf>) -> Arc<Self> {
        let hearing = Hearing::of(store, deaf);
        Arc::new(Self { store: Arc::clone(store), is_slow, is_cut: false.into(), hearing })
    }

    /// The process has died: what its destructors do reaches nobody.
    pub(super) fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }

    fn send<'a, T: Send + 'a>(&'a self, operation: Operation<'a, T>) -> Operation<'a, T> {
        Box::pin(async move {
            self.travel().await;
            let answer = operation.await;
            let said = self.hearing.said();
            self.travel().await;
            self.hearing.arrives(said);
            answer
        })
    }

    /// An operation that changes these keys: what this process knows of them ends before it returns.
    fn change<'a, T: Send + 'a>(
        &'a self,
        keys: impl IntoIterator<Item = &'a str> + Send + 'a,
        operation: Operation<'a, T>,
    ) -> Operation<'a, T> {
        Box::pin(async move {
            self.travel().await;
            // The report of one's own change can come after the answer.
            let said = self.hearing.said();
            let answer = operation.await;
            self.travel().await;
            self.hearing.arrives(said);
            self.hearing.changed_here(keys);
            answer
        })
    }

    /// Reads an entry, and learns which generations are current, if none is reported to have changed meanwhile.
    async fn look(&self, read: Operation<'_, Option<Found>>) -> Result<Option<Found>, Error> {
        let question = self.hearing.asks();
        let found = self.send(read).await?;
        if let Some(found) = &found {
            self.hearing.learns(question, found);
        }
        Ok(found)
    }

    async fn travel(&self) {
        match fastrand::u32(..4) {
            0 if self.is_slow => tokio::time::sleep(millis(1..3)).await,
            1 => tokio::task::yield_now().await,
            _ => {}
        }
        if self.is_cut.load(Ordering::Relaxed) {
            std::future::pending().await
        }
    }
}

impl Store for Wire {
    fn read<'a>(&'a self, key: &'a str, groups: &'a Groups) -> Operation<'a, Option<Found>> {
        Box::pin(self.look(self.store.read(key, groups)))
    }

    fn read_watched<'a>(
        &'a self,
        key: &'a str,
        groups: &'a Groups,
    ) -> Operation<'a, (Option<Found>, bool)> {
        Box::pin(async move {
            let found = self.look(self.store.read(key, groups)).await?;
            Ok((found, true))
        })
    }

    #[cfg(feature = "local")]
    fn prove(&self) -> Operation<'_, bool> {
        let asked = self.hearing.watched.asks();
        Box::pin(async move {
            self.hearing.is_heard().await;
            let said = self.hearing.said();
            self.send(self.store.ask_time("")).await?;
            self.hearing.hears(said);
            Ok(self.hearing.watched.proves(asked, Generation::new([1; 8], 1)))
        })
    }

    fn knows_current(&self, _: &str, stamps: &[u8]) -> Option<bool> {
        self.hearing.knows_current(stamps)
    }

    fn watched(&self) -> Option<&Arc<Watched>> {
        Some(&self.hearing.watched)
    }

    fn stamp<'a>(
        &'a self,
        key: &'a str,
        groups: &'a [Group],
        life: Duration,
    ) -> Operation<'a, Option<Stamps>> {
        self.send(self.store.stamp(key, groups, life))
    }

    fn is_current<'a>(&'a self, key: &'a str, stamps: &'a [u8]) -> Operation<'a, bool> {
        self.send(self.store.is_current(key, stamps))
    }

    fn acquire<'a>(&'a self, key: &'a str, acquire: Acquire<'a>) -> Operation<'a, Acquired> {
        self.send(self.store.acquire(key, acquire))
    }

    fn fill<'a>(
        &'a self,
        key: &'a str,
        lease: LeaseId,
        record: &'a [u8],
        life: Life,
    ) -> Operation<'a, Filled> {
        self.change([key], self.store.fill(key, lease, record, life))
    }

    fn keep<'a>(&'a self, key: &'a str, lease: LeaseId, life: Life) -> Operation<'a, Filled> {
        self.change([key], self.store.keep(key, lease, life))
    }

    fn renew<'a>(&'a self, key: &'a str, lease: LeaseId, life: Duration) -> Operation<'a, bool> {
        self.send(self.store.renew(key, lease, life))
    }

    fn release<'a>(&'a self, key: &'a str, nonce: Nonce, pause: Duration) -> Operation<'a, ()> {
        self.send(self.store.release(key, nonce, pause))
    }

    fn touch<'a>(&'a self, key: &'a str, lease: LeaseId, life: Duration) -> Operation<'a, ()> {
        self.send(self.store.touch(key, lease, life))
    }

    fn delete<'a>(&'a self, keys: &'a [String]) -> Operation<'a, ()> {
        self.change(keys.iter().map(String::as_str), self.store.delete(keys))
    }

    fn delete_each<'a>(
        &'a self,
        targets: &'a [Vec<String>],
    ) -> Operation<'a, Vec<Result<(), Error>>> {
        self.change(targets.iter().flatten().map(String::as_str), self.store.delete_each(targets))
    }

    fn hold<'a>(&'a self, keys: &'a [String], fence: FenceId, life: Duration) -> Operation<'a, ()> {
        self.change(keys.iter().map(String::as_str), self.store.hold(keys, fence, life))
    }

    fn lift<'a>(&'a self, keys: &'a [String], fence: FenceId) -> Operation<'a, ()> {
        self.change(keys.iter().map(String::as_str), self.store.lift(keys, fence))
    }

    fn mark_stale<'a>(&'a self, key: &'a str) -> Operation<'a, bool> {
        self.change([key], self.store.mark_stale(key))
    }

    fn ttl<'a>(&'a self, key: &'a str) -> Operation<'a, Option<Duration>> {
        self.send(self.store.ttl(key))
    }

    fn now(&self, key: &str) -> Option<u64> {
        self.store.now(key)
    }

    fn ask_time<'a>(&'a self, key: &'a str) -> Operation<'a, u64> {
        self.send(self.store.ask_time(key))
    }

    fn condition(&self) -> Condition {
        Condition { tracking: Tracking::On }
    }
}
