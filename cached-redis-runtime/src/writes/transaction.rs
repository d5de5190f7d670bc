//! Writes whose commit comes later: what they make outdated is gathered by the [`transaction`] around them.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::invalidates::Writes;
use crate::error::Error;
use crate::invalidation::Fence;
use crate::renewal::{Renewed as _, beside, pause, renew_all};

tokio::task_local! {
    static TRANSACTION: Arc<Gathered>;
}

/// Runs a database transaction, from its beginning to its commit, and removes what it has made outdated from the cache
/// afterwards.
///
/// Functions with `#[invalidates(.., in_transaction = "after_commit")]` do not remove anything themselves when they are
/// awaited inside: until the commit, a load would read the old rows again and store them. Their entries are removed when
/// `transaction` has returned `Ok` from your database, and before this function returns. A `guard` of theirs stands from
/// before their body until then.
///
/// ```
/// # use cached_redis_runtime as cached_redis;
/// # struct Pool;
/// # struct Transaction;
/// # struct DbError;
/// # impl Pool { async fn begin(&self) -> Result<Transaction, DbError> { Ok(Transaction) } }
/// # impl Transaction { async fn commit(self) -> Result<(), DbError> { Ok(()) } }
/// # async fn take_from(tx: &mut Transaction, account: u64, cents: u64) -> Result<(), DbError> { Ok(()) }
/// # async fn add_to(tx: &mut Transaction, account: u64, cents: u64) -> Result<(), DbError> { Ok(()) }
/// # async fn example(pool: Pool, from: u64, to: u64, cents: u64) -> Result<(), DbError> {
/// cached_redis::transaction(async {
///     let mut tx = pool.begin().await?;
///     take_from(&mut tx, from, cents).await?; // #[invalidates(balance(account), in_transaction = "after_commit")]
///     add_to(&mut tx, to, cents).await?;
///     tx.commit().await
/// })
/// .await?;
/// # Ok(())
/// # }
/// ```
///
/// After an error the entries are removed too, because a commit whose answer is lost may have happened: a rollback
/// costs a few misses. Guards are not lifted then, but end by themselves. The same holds for a transaction that is
/// cancelled or panics; its entries are removed in the background.
///
/// A `transaction` inside another, for a savepoint, removes the entries at its own end and once more at the end of the
/// outer one. Tasks that are spawned inside are not part of it. The result is that of the future: a failed invalidation
/// is counted, and retried in the background.
pub async fn transaction<T, E>(run: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let gathered = Arc::<Gathered>::default();
    let run = TRANSACTION.scope(Arc::clone(&gathered), run);
    let result = beside(gathered.renewals(), run).await;
    let mut writes = gathered.take();
    if let Ok(outer) = TRANSACTION.try_with(Arc::clone) {
        // This may have been a savepoint: then nothing is committed yet.
        outer.add(&mut writes.handed_on());
    } else if result.is_err() {
        writes.in_doubt();
    }
    // What fails is retried.
    let _ = writes.send().await;
    result
}

impl Writes {
    /// Leaves it to the transaction around the write to remove them, and to lift the fences. Where there is none, they are
    /// removed now, and the fences are left to end by themselves.
    ///
    /// # Errors
    ///
    /// If there is none and the cache fails, or if a tag could not be made.
    pub async fn after_commit(mut self) -> Result<(), Error> {
        match TRANSACTION.try_with(Arc::clone) {
            Ok(gathered) => gathered.add(&mut self),
            Err(_) => {
                self.report_uncommitted();
                self.in_doubt();
            }
        }
        self.send().await
    }
}

/// What the writes of a transaction have made outdated.
#[derive(Default)]
struct Gathered {
    state: Mutex<State>,
    /// A fence has been added.
    added: Notify,
}

#[derive(Default)]
struct State {
    writes: Writes,
    /// When each of the fences is to be renewed.
    due: Vec<(Instant, Arc<Fence>)>,
}

impl Gathered {
    /// Takes over what a write has made outdated.
    fn add(&self, writes: &mut Writes) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        state
            .due
            .extend(writes.fences().map(|fence| (now + pause(fence.life()), Arc::clone(fence))));
        state.writes.absorb(writes);
        drop(state);
        self.added.notify_one();
    }

    fn take(&self) -> Writes {
        std::mem::take(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner)).writes
    }

    /// Keeps the fences standing. They were renewed until they came here, a third of their life ago at most.
    async fn renewals(&self) -> Infallible {
        loop {
            let Some(next) = self.next_renewal() else {
                self.added.notified().await;
                continue;
            };
            if timeout_at(next, self.added.notified()).await.is_err() {
                renew_all(&self.take_due()).await;
            }
        }
    }

    fn next_renewal(&self) -> Option<Instant> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.due.iter().map(|(due, _)| *due).min()
    }

    /// The fences whose renewal is due, which are due again later.
    fn take_due(&self) -> Vec<Arc<Fence>> {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let due = state.due.iter_mut().filter(|(due, _)| *due <= now);
        due.map(|(due, fence)| {
            *due = now + pause(fence.life());
            Arc::clone(fence)
        })
        .collect()
    }
}
