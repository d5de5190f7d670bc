//! What coordination needs of a store. It does not know which one it talks to.

mod acquire;
pub(crate) mod memory;
#[cfg(feature = "unfenced-for-tests")]
pub(crate) mod mutated;
pub(crate) mod none;
pub(crate) mod redis;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::group::{Group, Groups, Stamps};
use crate::health::Condition;
use crate::lease::{Acquire, Acquired, FenceId, Fill, Filled, LeaseId, Life, Nonce};
use crate::loss::Losses;
use crate::stats::ConnectionCounters;
use crate::watched::Watched;

/// One operation under way. Dropping it is safe; whether it was executed is then unknown.
pub(crate) type Operation<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// A record and whether it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) record: Vec<u8>,
    /// Its stamps are the current generations of its groups.
    pub(crate) is_current: bool,
}

/// An entry that is to be read together with others.
#[cfg(feature = "local")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToRead<'a> {
    pub(crate) key: &'a str,
    pub(crate) groups: &'a Groups,
    /// Whether its next change is to be reported.
    pub(crate) is_watched: bool,
}

/// A store of records. Every operation concerns one entry, with its fence, or the generations of some
/// groups; it touches nothing else and is atomic, except the delete. Each runs
/// within a [`Session`](crate::session::Session).
pub(crate) trait Store: Send + Sync {
    /// The record under a key, and whether it counts. One round trip.
    fn read<'a>(&'a self, key: &'a str, groups: &'a Groups) -> Operation<'a, Option<Found>>;

    /// The same, and whether the next change of the entry is reported to [`watched`](Self::watched).
    fn read_watched<'a>(
        &'a self,
        key: &'a str,
        groups: &'a Groups,
    ) -> Operation<'a, (Option<Found>, bool)> {
        Box::pin(async move { Ok((self.read(key, groups).await?, false)) })
    }

    /// Asks for the number of the database, which proves that every change that was reported before has arrived.
    /// Whether it does.
    #[cfg(feature = "local")]
    fn prove(&self) -> Operation<'_, bool> {
        Box::pin(std::future::ready(Ok(false)))
    }

    /// Whether these stamps are the current generations of their groups; `None` if that is not known here.
    fn knows_current(&self, _key: &str, _stamps: &[u8]) -> Option<bool> {
        None
    }

    /// The entries whose changes are reported, if the store can do that.
    fn watched(&self) -> Option<&Arc<Watched>> {
        None
    }

    /// The generations of groups, made where there is none; `None` where nothing may be stored now. They
    /// may be outdated already: what is stamped with them counts for nothing then. They live for at least
    /// `life`, which is to be that of what is stamped with them: the entry under `key`.
    fn stamp<'a>(
        &'a self,
        key: &'a str,
        groups: &'a [Group],
        life: Duration,
    ) -> Operation<'a, Option<Stamps>>;

    /// Whether stamps of an entry are the current generations of their groups.
    fn is_current<'a>(&'a self, key: &'a str, stamps: &'a [u8]) -> Operation<'a, bool>;

    /// Asks for the lease of an entry.
    fn acquire<'a>(&'a self, key: &'a str, acquire: Acquire<'a>) -> Operation<'a, Acquired>;

    /// Stores a record if the entry still carries this lease.
    fn fill<'a>(
        &'a self,
        key: &'a str,
        lease: LeaseId,
        record: &'a [u8],
        life: Life,
    ) -> Operation<'a, Filled>;

    /// Gives the value that is there a new life, if it still carries this lease.
    fn keep<'a>(&'a self, key: &'a str, lease: LeaseId, life: Life) -> Operation<'a, Filled>;

    /// [`read`](Self::read) for each of many entries, in one round trip.
    fn read_many<'a>(
        &'a self,
        entries: &'a [(&'a str, &'a Groups)],
    ) -> Operation<'a, Vec<Option<Found>>> {
        Box::pin(async move {
            let mut all = Vec::with_capacity(entries.len());
            for (key, groups) in entries {
                all.push(self.read(key, groups).await?);
            }
            Ok(all)
        })
    }

    /// How many entries may be read at once where this one is, so that others need not wait for long; `None` if it is
    /// not known how long their values are.
    fn reads_at_once(&self, _key: &str) -> Option<usize> {
        Some(usize::MAX)
    }

    /// [`read_many`](Self::read_many), with [`read_watched`](Self::read_watched) for those that are to be watched.
    #[cfg(feature = "local")]
    fn read_many_watched<'a>(
        &'a self,
        entries: &'a [ToRead<'a>],
    ) -> Operation<'a, Vec<(Option<Found>, bool)>> {
        Box::pin(async move {
            let mut all = Vec::with_capacity(entries.len());
            for ToRead { key, groups, is_watched } in entries {
                all.push(match is_watched {
                    true => self.read_watched(key, groups).await?,
                    false => (self.read(key, groups).await?, false),
                });
            }
            Ok(all)
        })
    }

    /// [`stamp`](Self::stamp) for each of many entries, in one round trip.
    fn stamp_many<'a>(
        &'a self,
        entries: &'a [(&'a str, Vec<Group>)],
        life: Duration,
    ) -> Operation<'a, Vec<Option<Stamps>>> {
        Box::pin(async move {
            let mut all = Vec::with_capacity(entries.len());
            for (key, groups) in entries {
                all.push(self.stamp(key, groups, life).await?);
            }
            Ok(all)
        })
    }

    /// [`acquire`](Self::acquire) for each of many entries, in one round trip. Each may fail by itself.
    fn acquire_many<'a>(
        &'a self,
        entries: &'a [(&'a str, Acquire<'a>)],
    ) -> Operation<'a, Vec<Result<Acquired, Error>>> {
        Box::pin(async move {
            let mut all = Vec::with_capacity(entries.len());
            for (key, acquire) in entries {
                all.push(self.acquire(key, *acquire).await);
            }
            Ok(all)
        })
    }

    /// [`fill`](Self::fill) for each of many entries, in one round trip. Each may fail by itself.
    fn fill_many<'a>(
        &'a self,
        entries: &'a [Fill<'a>],
    ) -> Operation<'a, Vec<Result<Filled, Error>>> {
        Box::pin(async move {
            let mut all = Vec::with_capacity(entries.len());
            for Fill { key, lease, record, life } in entries {
                all.push(self.fill(key, *lease, record, *life).await);
            }
            Ok(all)
        })
    }

    /// Keeps a lease for longer; `false` if it is gone.
    fn renew<'a>(&'a self, key: &'a str, lease: LeaseId, life: Duration) -> Operation<'a, bool>;

    /// Gives a lease up. A value that is there is not reloaded for `pause`. By its nonce, because
    /// who was cancelled while asking never saw the id.
    fn release<'a>(&'a self, key: &'a str, nonce: Nonce, pause: Duration) -> Operation<'a, ()>;

    /// Renews the life of the value that was stored under this lease, and that nobody reloads.
    fn touch<'a>(&'a self, key: &'a str, lease: LeaseId, life: Duration) -> Operation<'a, ()>;

    /// Deletes what is under these keys. If the server refuses it, some may have been deleted.
    fn delete<'a>(&'a self, keys: &'a [String]) -> Operation<'a, ()>;

    /// Deletes what is under the keys of each target, in one round trip, and says what came of each: the
    /// server may refuse some and allow others.
    fn delete_each<'a>(
        &'a self,
        targets: &'a [Vec<String>],
    ) -> Operation<'a, Vec<Result<(), Error>>>;

    /// Deletes what is under these keys, and keeps anything from being stored there until the fence
    /// is lifted, or until its life ends. Again: for longer.
    fn hold<'a>(&'a self, keys: &'a [String], fence: FenceId, life: Duration) -> Operation<'a, ()>;

    /// Deletes what is under these keys, and lifts this fence there.
    fn lift<'a>(&'a self, keys: &'a [String], fence: FenceId) -> Operation<'a, ()>;

    /// Marks a value as stale; `false` if there is none.
    fn mark_stale<'a>(&'a self, key: &'a str) -> Operation<'a, bool>;

    /// What is left of an entry's life.
    fn ttl<'a>(&'a self, key: &'a str) -> Operation<'a, Option<Duration>>;

    /// The clock of the server that has this key, in milliseconds, ahead by a round trip at most; `None` while
    /// unknown.
    fn now(&self, key: &str) -> Option<u64>;

    /// The same, asked of the server.
    fn ask_time<'a>(&'a self, key: &'a str) -> Operation<'a, u64>;

    /// Whether it measures by itself how long its server takes, and keeps to the budget of the operation
    /// that is running. Of other stores, all time counts.
    fn measures(&self) -> bool {
        false
    }

    /// Whether there is a store at all: without one, functions just run.
    fn is_there(&self) -> bool {
        true
    }

    /// What is known of the connection. Asks nothing.
    fn condition(&self) -> Condition {
        Condition::default()
    }

    /// Where a store that has connections counts them, and reports what they lose. Called once, before anything else.
    fn report_to(&self, _counters: &Arc<ConnectionCounters>, _losses: &Arc<Losses>) {}
}

/// Where the fence of a key stands: beside it, so that deleting the one leaves the other.
pub(crate) fn fence_key(key: &str) -> String {
    format!("{key}:fence")
}

#[cfg(test)]
mod tests;
