//! Invalidations that survive the process: written down in the same transaction as what they are
//! about, replayed after it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{InvalidateAll, Target};
use crate::cache::{Cache, Core};
use crate::entry::Entry;
use crate::error::{Error, ErrorKind};

/// What a write makes outdated, as a value that can be stored: in an outbox table, written in the
/// write's own transaction.
///
/// ```
/// # use cached_redis_runtime::{Cache, Entry, Error, Invalidations};
/// # async fn example(cache: Cache, entry: Entry<u64>) -> Result<(), Error> {
/// let mut outdated = Invalidations::new();
/// outdated.entry(&entry)?;
/// outdated.tag(&cache, "category:7");
/// let row = serde_json::to_string(&outdated).unwrap(); // INSERT INTO outbox …; COMMIT
///
/// // after the commit, and again at every start for what is still in the table
/// let outdated: Invalidations = serde_json::from_str(&row).unwrap();
/// cache.replay(&outdated).await?; // then DELETE FROM outbox …
/// # Ok(())
/// # }
/// ```
///
/// It holds keys: hashes, apart from what a readable `key = "…"` shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invalidations {
    /// In the order in which they are to go.
    keys: Vec<String>,
}

impl Invalidations {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one entry.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Key`] if an argument could not be serialized.
    pub fn entry<R>(&mut self, entry: &Entry<R>) -> Result<(), Error> {
        self.keys.push(entry.key()?.to_owned());
        Ok(())
    }

    /// Adds all entries of a function: `outdated.all(list_products_invalidate_all())`. That future
    /// need not be awaited then.
    pub fn all(&mut self, all: InvalidateAll) {
        self.target(&all.target());
    }

    /// Adds all entries that carry a tag.
    pub fn tag(&mut self, cache: &Cache, tag: &str) {
        self.target(&cache.core().tag(tag));
    }

    fn target(&mut self, target: &Target) {
        self.keys.extend(target.keys().cloned());
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

// By hand: serde's derive macros are not in the default tree.
impl Serialize for Invalidations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.keys.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Invalidations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(|keys| Self { keys })
    }
}

impl Cache {
    /// Removes what was written down. May be repeated: an invalidation too many costs a miss.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if it was written down for a cache of another namespace; nothing is
    /// removed then. If the cache fails: keep the row, although it is retried in the background.
    pub async fn replay(&self, outdated: &Invalidations) -> Result<(), Error> {
        let core: &Core = self.core();
        let namespace = format!("{}:", core.settings.namespace);
        if !outdated.keys.iter().all(|key| key.starts_with(&namespace)) {
            return Err(Error::new(
                ErrorKind::Config,
                "these invalidations are of a cache with another namespace",
            ));
        }
        // One after the other: a class is not to go later than its tag.
        let targets = outdated.keys.iter().cloned().map(Target::new).collect();
        self.core().invalidator.invalidate_all(targets).await
    }
}
