//! Which of a function's stored types do not read back.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many stores of a function are read back at once, and one of so many later.
const FIRST: u32 = 3;
const SAMPLE: u32 = 1024;

/// The stored types of one function, by their schemas.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    checked: AtomicU32,
    is_any_unfaithful: AtomicBool,
    unfaithful: Mutex<Vec<u64>>,
}

impl Shapes {
    /// Whether the next store is to be read back.
    pub(crate) fn is_check_due(&self) -> bool {
        let is_first = self.checked.load(Ordering::Relaxed) < FIRST
            && self.checked.fetch_add(1, Ordering::Relaxed) < FIRST;
        is_first || fastrand::u32(..SAMPLE) == 0
    }

    /// Whether nothing of this shape is to be stored or read. One load where none is.
    pub(crate) fn is_unfaithful(&self, schema: u64) -> bool {
        self.is_any_unfaithful.load(Ordering::Relaxed) && self.lock().contains(&schema)
    }

    /// From now on, nothing of this shape is stored or read in this process.
    pub(crate) fn give_up(&self, schema: u64) {
        let mut unfaithful = self.lock();
        if !unfaithful.contains(&schema) {
            unfaithful.push(schema);
        }
        self.is_any_unfaithful.store(true, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u64>> {
        // Nothing panics while it is held.
        self.unfaithful.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
