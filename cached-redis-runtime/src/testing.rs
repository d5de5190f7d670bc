//! A cache without a server, for tests of the code that uses it. The cache itself knows nothing of this.

use std::sync::Arc;

use crate::cache::{Cache, CacheBuilder, Double, Settings};
use crate::store::memory::MemoryStore;

impl Cache {
    /// A cache in this process, for unit tests and examples: the semantics of Redis without a
    /// server. [`Cache::memory_store`] moves its clock and switches faults on.
    #[must_use]
    pub fn memory() -> Self {
        let settings = Settings::default();
        let double = double(&settings.namespace);
        Self::with_double(double, settings)
    }

    /// The in-process store, if this cache has one.
    #[must_use]
    pub fn memory_store(&self) -> Option<&MemoryStore> {
        self.core().double()
    }
}

impl CacheBuilder {
    /// The in-process store, as in [`Cache::memory`], with these settings.
    pub fn memory(self) -> Self {
        self.double(double)
    }
}

fn double(namespace: &str) -> Double {
    Double::new(Arc::new(MemoryStore::new(namespace)))
}
