//! Write-through: what a write makes of an entry is stored, unless another write came between.

use crate::entry::{Encoded, Entry, Located, Plain};
use crate::error::Error;
use crate::fill::{Lease, Renewal};
use crate::lease::Intent;
use crate::renewal::while_renewing;

/// The entries that a write is about to renew. Their leases are asked for before the write and kept
/// alive while it runs.
///
/// Of two writers whose writes overlap, the one who began first finds its lease gone: it cannot know
/// which of the two the source has last, and invalidates.
#[derive(Debug, Default)]
pub struct Updates {
    leases: Vec<Renewal>,
}

/// One entry that a write is about to renew. Dropped, because the write was cancelled or panicked at
/// an unknown point, it is invalidated in the background.
#[derive(Debug)]
#[must_use = "`store` or `abandon`"]
pub struct Update<R> {
    entry: Entry<R>,
    /// Without a lease, because the cache failed or a fence stands there, all that can be done is to
    /// invalidate.
    lease: Option<Lease>,
    is_over: bool,
}

impl Updates {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reserves an entry, before the write, in the cache that is in use here.
    pub async fn begin<R>(&mut self, entry: Entry<R>) -> Update<R> {
        let entry = entry.stay();
        let lease = match self.reserve(&entry).await {
            Ok(lease) => lease,
            Err(error) => {
                entry.count(&error);
                None
            }
        };
        Update { entry, lease, is_over: false }
    }

    async fn reserve<R>(&mut self, entry: &Entry<R>) -> Result<Option<Lease>, Error> {
        let located = entry.located()?;
        let lease = located.reserve(Intent::Write).await?;
        self.leases.extend(lease.as_ref().map(|lease| located.entry().renewal(lease.id())));
        Ok(lease)
    }

    /// Runs the write, and keeps the leases alive as long as it takes.
    pub async fn during<F: Future>(&self, write: F) -> F::Output {
        while_renewing(&self.leases, write).await
    }
}

impl<R> Update<R> {
    /// What the function would return now.
    pub fn value<V: Plain<R>>(&self, value: V) -> Encoded {
        self.entry.encoded(value)
    }

    /// The write has succeeded.
    pub async fn store(mut self, value: Encoded) {
        let lease = self.lease.take();
        if let Ok(located) = self.entry.located() {
            let stored = store(&located, lease, value).await;
            if let Err(error) = &stored {
                self.entry.count(error);
            }
            if !matches!(stored, Ok(true)) {
                // If that fails, it is retried.
                let _ = located.invalidate().await;
            }
        }
        self.is_over = true;
    }

    /// The write has failed: what is there is still right.
    pub async fn abandon(mut self) {
        if let (Some(lease), Ok(located)) = (self.lease.take(), self.entry.located()) {
            located.release(lease).await;
        }
        self.is_over = true;
    }
}

/// Whether the value was stored: it is not if it is not to be kept, or if nothing was reserved.
async fn store(located: &Located<'_>, lease: Option<Lease>, value: Encoded) -> Result<bool, Error> {
    match (located.admit(value)?, lease) {
        (Some(encoding), Some(lease)) => located.fill(lease, encoding).await,
        _ => Ok(false),
    }
}

impl<R> Drop for Update<R> {
    fn drop(&mut self) {
        if !self.is_over {
            if let Some(lease) = self.lease.take() {
                // Nobody knows what the source has: no follower may load under this lease.
                lease.leader.unknown();
            }
            if let Ok(located) = self.entry.located() {
                located.invalidate_in_background();
            }
        }
    }
}
