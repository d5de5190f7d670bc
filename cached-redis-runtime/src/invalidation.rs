//! Invalidations: now, after a write, and again until they have succeeded.

mod retries;
mod writes;

pub(crate) use retries::Retries;
pub use writes::{InvalidateAll, Returned, ReturnedPlain, ReturnedResult, Writes};

use std::sync::Arc;

use crate::cache::Core;
use crate::error::Error;

/// Keys per command: a delete of many thousands would hold the server up.
const BATCH: usize = 500;

/// What is to be removed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// One entry.
    Entry(String),
    /// All entries whose keys begin so.
    Family(String),
}

impl Target {
    fn key(&self) -> Option<&String> {
        match self {
            Self::Entry(key) => Some(key),
            Self::Family(_) => None,
        }
    }
}

impl Core {
    /// Removes entries. What fails is retried in the background.
    pub(crate) async fn invalidate(self: &Arc<Self>, keys: Vec<String>) -> Result<(), Error> {
        self.invalidate_targets(keys.into_iter().map(Target::Entry).collect()).await
    }

    pub(crate) async fn invalidate_targets(
        self: &Arc<Self>,
        targets: Vec<Target>,
    ) -> Result<(), Error> {
        // Until it has succeeded, the guard retries them: also if this future is dropped.
        let mut outstanding = Outstanding { core: self, targets };
        self.remove(&mut outstanding.targets).await
    }

    /// Removes targets in order, taking out of the list what is done.
    pub(crate) async fn remove(&self, targets: &mut Vec<Target>) -> Result<(), Error> {
        while let Some(first) = targets.first() {
            let done = match first {
                Target::Family(family) => {
                    self.sweep(family).await?;
                    1
                }
                Target::Entry(_) => {
                    let keys: Vec<_> =
                        targets.iter().map_while(Target::key).take(BATCH).cloned().collect();
                    self.budget().run(&*self.store, self.store.delete(&keys)).await?;
                    keys.len()
                }
            };
            targets.drain(..done);
        }
        Ok(())
    }

    async fn sweep(&self, family: &str) -> Result<(), Error> {
        let mut cursor = 0;
        loop {
            cursor = self.budget().run(&*self.store, self.store.sweep(family, cursor)).await?;
            if cursor == 0 {
                return Ok(());
            }
        }
    }
}

/// Invalidations that have not succeeded yet. What is left when it is dropped goes to the retries.
struct Outstanding<'a> {
    core: &'a Arc<Core>,
    targets: Vec<Target>,
}

impl Drop for Outstanding<'_> {
    fn drop(&mut self) {
        if !self.targets.is_empty() {
            Retries::add(self.core, std::mem::take(&mut self.targets));
        }
    }
}
