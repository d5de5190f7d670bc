//! Invalidations that survive the process: written down in the same transaction as what they are
//! about, replayed after it.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::invalidate::InvalidateAll;
use crate::cache::Cache;
use crate::entry::Entry;
use crate::error::{Error, ErrorKind};
use crate::group::IntoTag;
use crate::invalidation::Target;

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
    targets: Vec<Target>,
}

impl Invalidations {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one entry, of the cache that is in use here.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Key`] if an argument could not be serialized.
    pub fn entry<R>(&mut self, entry: &Entry<R>) -> Result<(), Error> {
        self.targets.push(Target::new(entry.key()?));
        Ok(())
    }

    /// Adds all entries of a function, in the cache that is in use here:
    /// `outdated.all(list_products_invalidate_all())`. That future need not be awaited then.
    #[expect(clippy::needless_pass_by_value, reason = "a future that nobody awaits any more")]
    pub fn all(&mut self, all: InvalidateAll) {
        // As it is when it has been read again: the keys alone.
        self.targets.push(Target { function: None, ..all.target().1 });
    }

    /// Adds all entries that carry a tag.
    pub fn tag(&mut self, cache: &Cache, tag: &str) {
        self.targets.push(cache.core().tag(tag));
    }

    /// The same of a tag that [`tag!`](crate::tag!) has declared.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Key`] if one of its arguments could not be serialized.
    pub fn typed_tag(&mut self, cache: &Cache, tag: impl IntoTag) -> Result<(), Error> {
        self.targets.extend(cache.core().named(&tag.into_tag())?);
        Ok(())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }
}

// By hand: serde's derive macros are not in the default tree. Each target is a list of its keys, in the
// order in which they are to go.
impl Serialize for Invalidations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.targets.iter().map(|target| target.keys().collect::<Vec<_>>()))
    }
}

impl<'de> Deserialize<'de> for Invalidations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let target = |mut keys: Vec<String>| {
            let key = keys.pop()?;
            let class = keys.pop();
            keys.is_empty().then_some(Target { class, ..Target::new(key) })
        };
        let all = Vec::<Vec<String>>::deserialize(deserializer)?;
        let targets = all.into_iter().map(target).collect::<Option<_>>();
        let targets = targets.ok_or_else(|| D::Error::custom("not what was written down"))?;
        Ok(Self { targets })
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
        let core = self.core();
        let namespace = format!("{}:", core.settings.namespace);
        let mut keys = outdated.targets.iter().flat_map(Target::keys);
        if !keys.all(|key| key.starts_with(&namespace)) {
            return Err(Error::new(
                ErrorKind::Config,
                "these invalidations are of a cache with another namespace",
            ));
        }
        core.invalidator.invalidate_all(outdated.targets.clone()).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fastrand::Rng;

    use super::Invalidations;
    use crate::cache::Cache;
    use crate::error::ErrorKind;
    use cached_redis_test_support::hunt::{Replay, damaged, seeds};

    #[test]
    fn a_target_has_one_key_or_two() {
        for row in [r"[[]]", r#"[["a","b","c"]]"#, r#"["a"]"#, r"{}", r"[[1]]"] {
            assert!(serde_json::from_str::<Invalidations>(row).is_err(), "{row}");
        }
    }

    /// What has come out of a table may be anything: it is refused, or removes what is named in it, in this
    /// namespace and nowhere else.
    #[tokio::test]
    async fn a_damaged_row_is_refused_or_means_what_it_says() {
        let cache = Cache::memory();
        let store = cache.memory_store().expect("in-process");
        let mut outdated = Invalidations::new();
        outdated.tag(&cache, "brand:7");
        outdated.tag(&cache, "all");
        let row = serde_json::to_vec(&outdated).expect("JSON");
        for seed in seeds("CACHED_REDIS_CASES", 2_000) {
            let _replay = Replay(seed);
            let row = damaged(row.clone(), &mut Rng::with_seed(seed));
            let Ok(read) = serde_json::from_slice::<Invalidations>(&row) else { continue };
            let again = serde_json::to_vec(&read).expect("JSON");
            assert_eq!(serde_json::from_slice::<Invalidations>(&again).ok(), Some(read.clone()));
            store.set_raw("elsewhere:key", "value", Duration::from_secs(60));
            let namespace = format!("{}:", cache.core().settings.namespace);
            let mut keys = read.targets.iter().flat_map(super::Target::keys);
            let is_elsewhere = keys.any(|key| !key.starts_with(&namespace));
            let refused = cache.replay(&read).await.map_err(|error| error.kind());
            assert_eq!(refused, if is_elsewhere { Err(ErrorKind::Config) } else { Ok(()) });
            assert!(store.get_raw("elsewhere:key").is_some());
        }
    }
}
