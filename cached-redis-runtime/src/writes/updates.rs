//! Write-through: what a write makes of an entry is stored, unless another write came between.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::Core;
use crate::entry::{Encoded, Entry, Located, Plain, Reserved};
use crate::error::Error;
use crate::lease::{Intent, LeaseId};
use crate::renewal::{Renewed, while_renewing};

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

impl Updates {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reserves an entry, before the write, in the cache that is in use here.
    pub async fn begin<R>(&mut self, entry: Entry<R>) -> Update<R> {
        let entry = entry.stay();
        let reserved = match self.reserve(&entry).await {
            Ok(reserved) => reserved,
            Err(error) => {
                entry.count(&error);
                None
            }
        };
        Update { entry, reserved, is_over: false }
    }

    async fn reserve<R>(&mut self, entry: &Entry<R>) -> Result<Option<Reserved>, Error> {
        let located = entry.located()?;
        let reserved = located.reserve(Intent::Write).await?;
        if let Some(reserved) = &reserved {
            self.leases.push(Lease {
                core: Arc::clone(located.core()),
                key: located.key().to_owned(),
                id: reserved.lease(),
                life: reserved.life(),
            });
        }
        Ok(reserved)
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
        let _ = core.sessions.begin().renew(key, *id, *life).await;
    }
}

impl<R> Update<R> {
    /// What the function would return now.
    pub fn value<V: Plain<R>>(&self, value: V) -> Encoded {
        self.entry.encoded(value)
    }

    /// The write has succeeded.
    pub async fn store(mut self, value: Encoded) {
        let reserved = self.reserved.take();
        if let Ok(located) = self.entry.located() {
            let stored = store(&located, reserved, value).await;
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
        if let (Some(reserved), Ok(located)) = (self.reserved.take(), self.entry.located()) {
            located.release(reserved).await;
        }
        self.is_over = true;
    }
}

/// Whether the value was stored: it is not if it is not to be kept, or if nothing was reserved.
async fn store(
    located: &Located<'_>,
    reserved: Option<Reserved>,
    value: Encoded,
) -> Result<bool, Error> {
    match (located.admit(value)?, reserved) {
        (Some(encoding), Some(reserved)) => located.store_reserved(reserved, encoding).await,
        _ => Ok(false),
    }
}

impl<R> Drop for Update<R> {
    fn drop(&mut self) {
        if !self.is_over {
            if let Some(reserved) = self.reserved.take() {
                reserved.in_doubt();
            }
            if let Ok(located) = self.entry.located() {
                located.invalidate_in_background();
            }
        }
    }
}
