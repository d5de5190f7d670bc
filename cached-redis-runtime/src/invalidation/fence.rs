//! Fences: while one stands nothing can be stored.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::invalidator::{BATCH, Invalidator};
use super::target::Target;
use crate::error::Error;
use crate::lease::FenceId;
use crate::loss::Loss;
use crate::renewal::Renewed;

/// What to do about writes without a guard.
const UNGUARDED: &str = "If the process dies between the commit and the invalidation, old values may stay until their \
    `ttl` ends; write `strict` where the write is to be refused instead";

/// A shorter fence would have to be renewed all the time.
const LEAST_FENCE: Duration = Duration::from_millis(100);

/// A fence around entries and groups of one cache. Dropped, it is left to end by itself.
pub(crate) struct Fence {
    invalidator: Arc<Invalidator>,
    id: FenceId,
    keys: Vec<String>,
    life: Duration,
}

impl std::fmt::Debug for Fence {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the keys: a readable one shows arguments.
        formatter.debug_struct("Fence").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Fence {
    /// Around these targets, for `life` after the last time that it was planted. It does not stand yet.
    pub(crate) fn new(
        invalidator: &Arc<Invalidator>,
        id: FenceId,
        targets: &[Target],
        life: Duration,
    ) -> Self {
        let keys = targets.iter().flat_map(Target::keys).cloned().collect();
        Self { invalidator: Arc::clone(invalidator), id, keys, life: life.max(LEAST_FENCE) }
    }

    /// Removes the entries inside the fence. Nothing can be stored there until it is lifted or ends.
    pub(crate) async fn plant(&self) -> Result<(), Error> {
        let planted = self.hold().await;
        if let Err(error) = &planted {
            self.invalidator.count_failed_fence();
            self.report("planted", error);
        }
        planted
    }

    /// Removes the entries inside the fence once more, and allows values to be stored again.
    pub(crate) async fn lift(&self) -> Result<(), Error> {
        for keys in self.keys.chunks(BATCH) {
            self.invalidator.sessions.begin().lift(keys, self.id).await?;
        }
        Ok(())
    }

    /// Whether it is one of this cache's.
    pub(crate) fn is_of(&self, invalidator: &Arc<Invalidator>) -> bool {
        Arc::ptr_eq(&self.invalidator, invalidator)
    }

    /// Whether it stands around a target.
    pub(crate) fn covers(&self) -> impl Fn(&Target) -> bool {
        let keys: HashSet<&String> = self.keys.iter().collect();
        move |target| target.keys().all(|key| keys.contains(key))
    }

    async fn hold(&self) -> Result<(), Error> {
        for keys in self.keys.chunks(BATCH) {
            self.invalidator.sessions.begin().hold(keys, self.id, self.life).await?;
        }
        Ok(())
    }

    fn report(&self, done: &str, error: &Error) {
        let detail = || format!("a guard could not be {done}: {error}. {UNGUARDED}");
        self.invalidator.losses.report_with(Loss::Unguarded, None, detail);
    }
}

impl Renewed for Fence {
    fn life(&self) -> Duration {
        self.life
    }

    async fn renew(&self) -> bool {
        if let Err(error) = self.hold().await {
            self.report("renewed", &error);
        }
        // Planted again, if it was not.
        true
    }
}
