//! What coordination needs of a store. It does not know which one it talks to.

pub(crate) mod memory;
pub(crate) mod redis;

use std::pin::Pin;
use std::time::Duration;

use crate::error::Error;
use crate::lease::{Acquire, Acquired, Filled, LeaseId, Nonce};

/// One operation under way. Dropping it is safe; whether it was executed is then unknown.
pub(crate) type Operation<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// A store of records. Every operation concerns one key, touches nothing else and is atomic,
/// except the two deletes. None has a deadline of its own: see [`Budget`](crate::budget::Budget).
pub(crate) trait Store: Send + Sync {
    /// The record under a key. One round trip.
    fn get<'a>(&'a self, key: &'a str) -> Operation<'a, Option<Vec<u8>>>;

    /// Asks for the lease of an entry.
    fn acquire<'a>(&'a self, key: &'a str, acquire: Acquire) -> Operation<'a, Acquired>;

    /// Stores a record if the entry still carries this lease.
    fn fill<'a>(
        &'a self,
        key: &'a str,
        lease: LeaseId,
        record: &'a [u8],
        life: Duration,
    ) -> Operation<'a, Filled>;

    /// Keeps a lease for longer; `false` if it is gone.
    fn renew<'a>(&'a self, key: &'a str, lease: LeaseId, life: Duration) -> Operation<'a, bool>;

    /// Gives a lease up. By its nonce, because who was cancelled while asking never saw the id.
    fn release<'a>(&'a self, key: &'a str, nonce: Nonce) -> Operation<'a, ()>;

    /// Deletes entries, whatever they hold.
    fn delete<'a>(&'a self, keys: &'a [String]) -> Operation<'a, ()>;

    /// Deletes some of the entries whose keys begin with `family`, from `cursor` on. Returns the
    /// next cursor; after 0 has come back, every entry that was there from the first step to the
    /// last is gone.
    fn sweep<'a>(&'a self, family: &'a str, cursor: u64) -> Operation<'a, u64>;

    /// Marks a value as stale; `false` if there is none.
    fn mark_stale<'a>(&'a self, key: &'a str) -> Operation<'a, bool>;

    /// What is left of an entry's life.
    fn ttl<'a>(&'a self, key: &'a str) -> Operation<'a, Option<Duration>>;

    /// Stores a record without asking for its lease, as every cache does that does not fence.
    #[cfg(feature = "unfenced-for-tests")]
    fn overwrite<'a>(
        &'a self,
        key: &'a str,
        record: &'a [u8],
        life: Duration,
    ) -> Operation<'a, Filled>;

    /// Numbers the connections of a store that has them.
    fn epoch(&self) -> u64 {
        0
    }

    /// Tells the store that an operation which began in that epoch got no answer.
    fn unanswered(&self, _epoch: u64) {}
}

#[cfg(test)]
mod tests;
