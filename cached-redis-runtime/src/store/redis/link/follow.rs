//! Leaving a server that is no longer the primary, though it may still answer.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::{Link, Shared};
use crate::backoff::Backoff;
use crate::store::redis::sentinel::{Place, Sentinels};
use crate::store::redis::source::Source;

/// Between subscriptions that end.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The task that listens to the sentinels of a link. Ends with it.
#[derive(Default)]
pub(super) struct Follower(Mutex<Option<JoinHandle<()>>>);

impl Drop for Follower {
    fn drop(&mut self) {
        let task = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task {
            task.abort();
        }
    }
}

impl Shared {
    /// Sees to it that a connection to a primary that the sentinels have named is left when they name another.
    pub(super) fn follow(self: &Arc<Self>) {
        let Source::Sentinel(sentinels) = &self.source else { return };
        // They may have named another while this connection was made.
        sentinels.ring();
        let Ok(runtime) = Handle::try_current() else { return };
        let mut task = self.follower.0.lock().unwrap_or_else(PoisonError::into_inner);
        // It is gone with its runtime.
        if task.as_ref().is_none_or(JoinHandle::is_finished) {
            let follow = follow(Arc::downgrade(self), Arc::clone(sentinels));
            *task = Some(runtime.spawn(follow));
        }
    }

    /// The primary is there. What is elsewhere is left, also while it is silent: it must not be used again.
    fn leave_unless(self: &Arc<Self>, place: &Place) {
        let connector = self.connector();
        let number = connector.number();
        let is_elsewhere = connector.server().is_some_and(|server| server != place);
        drop(connector);
        if is_elsewhere {
            Link(Arc::clone(self)).remake(number);
        }
    }
}

async fn follow(link: Weak<Shared>, sentinels: Arc<Sentinels>) {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let reports = sentinels.listen().await;
        loop {
            // Also at first: what happened before is not reported.
            let found = sentinels.find().await;
            let Some(link) = link.upgrade() else { return };
            if let Ok(place) = &found {
                link.leave_unless(place);
            }
            drop(link);
            if !sentinels.changed(&reports).await {
                break;
            }
            backoff.reset();
        }
        tokio::time::sleep(backoff.pause()).await;
    }
}
