//! Waiting for an entry to change.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{ByKey, Watch, Watched};
use crate::sync::atomic::{AtomicUsize, Ordering};

/// Those who wait for the end of a watch.
pub(super) struct Waiters {
    /// Changes under the lock of all watches.
    count: AtomicUsize,
    ended: Notify,
}

impl Waiters {
    pub(super) fn wake(&self) {
        self.ended.notify_waiters();
    }
}

/// A caller that waits for an entry to change. It registers before it reads the entry, and its drop takes it back.
pub(crate) struct Waiter {
    watched: Arc<Watched>,
    watch: Arc<Watch>,
}

impl Watched {
    /// Begins to wait for a change of an entry that is about to be read. Whoever else waits for it shares the watch. A copy
    /// of it ends: somebody loads it anew.
    pub(crate) fn wait_for(self: &Arc<Self>, key: &str) -> Waiter {
        let mut standing = self.lock();
        let epoch = self.epoch();
        if let Some(ByKey(known)) = standing.watches.get(key)
            && let Some(waiters) = &known.waiters
            && known.is_standing(epoch)
        {
            waiters.count.fetch_add(1, Ordering::Relaxed);
            return Waiter { watched: Arc::clone(self), watch: Arc::clone(known) };
        }
        let waiters = Waiters { count: AtomicUsize::new(1), ended: Notify::new() };
        let watch = Arc::new(Watch::new(key, epoch, Some(waiters)));
        let known = standing.watches.replace(ByKey(Arc::clone(&watch)));
        drop(standing);
        if let Some(ByKey(known)) = known {
            known.end();
            known.drop_copy();
        }
        Waiter { watched: Arc::clone(self), watch }
    }
}

impl Waiter {
    /// Until the entry has changed, or nothing is known of it any more; also when `is_current` says no, which is asked
    /// again whenever something that is known of generations has changed.
    pub(crate) async fn changed(&self, is_current: impl Fn() -> bool) {
        // A watch that somebody waits for has them.
        let Some(waiters) = &self.watch.waiters else { return };
        loop {
            // Made before anything is looked at, so that no change is missed between.
            let (ended, stirred) = (waiters.ended.notified(), self.watched.stirred.notified());
            if !self.watch.is_standing(self.watched.epoch()) || !is_current() {
                return;
            }
            tokio::select! {
                () = ended => {}
                () = stirred => {}
            }
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut standing = self.watched.lock();
        let is_last = (self.watch.waiters.as_ref())
            .is_some_and(|waiters| waiters.count.fetch_sub(1, Ordering::Relaxed) == 1);
        if is_last {
            standing.remove(&self.watch);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use super::{Waiter, Watched};

    const KEY: &str = "entry";

    fn watched() -> Arc<Watched> {
        Arc::new(Watched::default())
    }

    /// One look at a wait.
    fn is_over(wait: Pin<&mut impl Future<Output = ()>>) -> bool {
        wait.poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    fn has_changed(waiter: &Waiter) -> bool {
        is_over(Box::pin(waiter.changed(|| true)).as_mut())
    }

    #[test]
    fn a_change_ends_all_waits_for_that_entry() {
        let watched = watched();
        let waiters = [KEY, KEY, "another"].map(|key| watched.wait_for(key));
        let mut waits = waiters.each_ref().map(|waiter| Box::pin(waiter.changed(|| true)));
        assert_eq!(waits.each_mut().map(|wait| is_over(wait.as_mut())), [false; 3]);
        watched.changed(KEY);
        let over = waits.each_mut().map(|wait| is_over(wait.as_mut()));
        assert_eq!(over, [true, true, false]);
    }

    #[test]
    fn what_changes_before_anybody_listens_is_not_missed() {
        let watched = watched();
        let waiter = watched.wait_for(KEY);
        watched.changed(KEY);
        assert!(has_changed(&waiter));
        // Whoever begins after that waits for the next change.
        assert!(!has_changed(&watched.wait_for(KEY)));
    }

    #[test]
    fn a_lost_connection_ends_all_waits() {
        let watched = watched();
        let waiter = watched.wait_for(KEY);
        let mut wait = Box::pin(waiter.changed(|| true));
        assert!(!is_over(wait.as_mut()));
        watched.forget();
        assert!(is_over(wait.as_mut()));
        assert!(!has_changed(&watched.wait_for(KEY)), "on the next connection");
    }

    #[test]
    fn what_else_may_end_a_wait_is_looked_at_when_a_generation_changes() {
        let (watched, is_current) = (watched(), Cell::new(true));
        let waiter = watched.wait_for(KEY);
        let mut wait = Box::pin(waiter.changed(|| is_current.get()));
        assert!(!is_over(wait.as_mut()));
        watched.generations_changed();
        assert!(!is_over(wait.as_mut()), "of another group");
        is_current.set(false);
        watched.generations_changed();
        assert!(is_over(wait.as_mut()));
    }

    #[test]
    fn waits_leave_nothing() {
        let watched = watched();
        let (one, other) = (watched.wait_for(KEY), watched.wait_for(KEY));
        drop(one);
        assert_eq!(watched.len(), 1);
        assert!(!has_changed(&other));
        watched.changed(KEY);
        let next = watched.wait_for(KEY);
        drop(other);
        assert_eq!(watched.len(), 1, "that of the next");
        drop(next);
        assert_eq!(watched.len(), 0);
    }
}
