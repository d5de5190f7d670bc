//! What a connection knows of its driver.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use tokio::task::JoinHandle;

/// After so many looks of callers that found what the driver should have, it is on a runtime that is
/// not driven.
const RESCUES: u32 = 2;

/// What a connection knows of its driver.
#[derive(Default)]
pub(super) struct DriverHandle {
    /// Tells a driver from the one that has taken its place.
    id: u64,
    waker: Option<Waker>,
    rescues: u32,
    task: Option<Task>,
}

/// Ends with the connection.
struct Task {
    task: JoinHandle<()>,
    /// Its runtime has been shut down.
    is_gone: Arc<AtomicBool>,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl DriverHandle {
    pub(super) fn is_there(&self) -> bool {
        self.task.as_ref().is_some_and(|task| !task.is_gone.load(Ordering::Acquire))
    }

    /// Another driver takes over, with this id.
    pub(super) fn next_id(&mut self) -> u64 {
        *self = Self { id: self.id + 1, task: self.task.take(), ..Self::default() };
        self.id
    }

    pub(super) fn is_run_by(&mut self, task: JoinHandle<()>, is_gone: Arc<AtomicBool>) {
        self.task = Some(Task { task, is_gone });
    }

    /// The driver is at work, if it is still this one, and is to be woken with this.
    pub(super) fn works(&mut self, id: u64, waker: &Waker) -> bool {
        if self.id != id {
            return false;
        }
        self.rescues = 0;
        self.waker = Some(waker.clone());
        true
    }

    pub(super) fn wake(&mut self) -> Option<Waker> {
        self.waker.take()
    }

    /// A caller has done what the driver is for.
    pub(super) fn note_rescue(&mut self) {
        self.rescues += 1;
    }

    pub(super) fn has_overslept(&self) -> bool {
        self.rescues >= RESCUES
    }
}
