//! Write-through: what a write makes of an entry is stored, unless another write came between.

use std::sync::Arc;
use std::time::Duration;

use super::{Renewed, while_renewing};
use crate::cache::Core;
use crate::codec::Encoding;
use crate::entry::{Entry, Plain, Reserved};
use crate::error::Error;
use crate::lease::{Intent, LeaseId};

/// The entries that a write is about to renew. Their leases are asked for before the write and kept
/// alive while it runs.
///
/// Of two writers whose writes overlap, the one who began first finds its lease gone: it cannot know
/// which of the two the source has last, and invalidates.
#[derive(Debug, Default)]
pub struct Updates {
    leases: Vec<Lease>,
}

#[derive(Debug)]
struct Lease {
    core: Arc<Core>,
    key: String,
    id: LeaseId,
    life: Duration,
}

/// One entry that a write is about to renew. Dropped, because the write was cancelled or panicked at
/// an unknown point, it is invalidated in the background.
#[derive(Debug)]
#[must_use = "`store` or `abandon`"]
pub struct Update<R> {
    entry: Entry<R>,
    /// Without a lease, because the cache failed or a fence stands there, all that can be done is to
    /// invalidate.
    reserved: Option<Reserved>,
    is_over: bool,
}

/// What a function would return now, as it is stored.
#[derive(Debug)]
pub struct NewValue(Result<Option<Encoding>, Error>);

impl Updates {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reserves an entry, before the write.
    pub async fn begin<R>(&mut self, entry: Entry<R>) -> Update<R> {
        let reserved = match entry.reserve(Intent::Write).await {
            Ok(reserved) => reserved,
            Err(error) => {
                entry.count(&error);
                None
            }
        };
        if let (Some(reserved), Ok(key)) = (&reserved, entry.key()) {
            self.leases.push(Lease {
                core: Arc::clone(entry.core()),
                key: key.to_owned(),
                id: reserved.lease(),
                life: reserved.life(),
            });
        }
        Update { entry, reserved, is_over: false }
    }

    /// Runs the write, and keeps the leases alive as long as it takes.
    pub async fn during<F: Future>(&self, write: F) -> F::Output {
        while_renewing(&self.leases, write).await
    }
}

impl Renewed for Lease {
    fn life(&self) -> Duration {
        self.life
    }

    async fn renew(&self) {
        let Self { core, key, id, life } = self;
        // One that is gone is noticed when the value is stored.
        let _ = core.budget().run(&*core.store, core.store.renew(key, *id, *life)).await;
    }
}

impl<R> Update<R> {
    /// What the function would return now. Encoded at once: nothing of `R` may live across an await,
    /// for it need not be `Send`.
    pub fn value<V: Plain<R>>(&self, value: V) -> NewValue {
        NewValue(self.entry.encoded(value))
    }

    /// The write has succeeded.
    pub async fn store(mut self, value: NewValue) {
        let stored = match (value.0, self.reserved.take()) {
            (Ok(Some(encoding)), Some(reserved)) => {
                self.entry.store_reserved(reserved, encoding).await
            }
            // Not to be kept, or not reserved.
            (Ok(_), _) => Ok(false),
            (Err(error), _) => Err(error),
        };
        if let Err(error) = &stored {
            self.entry.count(error);
        }
        if !matches!(stored, Ok(true)) {
            // If that fails, it is retried.
            let _ = self.entry.invalidate().await;
        }
        self.is_over = true;
    }

    /// The write has failed: what is there is still right.
    pub async fn abandon(mut self) {
        if let Some(reserved) = self.reserved.take() {
            self.entry.release(reserved).await;
        }
        self.is_over = true;
    }
}

impl<R> Drop for Update<R> {
    fn drop(&mut self) {
        if !self.is_over {
            if let Some(reserved) = self.reserved.take() {
                reserved.in_doubt();
            }
            self.entry.invalidate_in_background();
        }
    }
}
