//! Hearing from the server, for as long as copies are asked for.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::Local;
use crate::backoff::Backoff;
use crate::budget::has_timers;
use crate::sole_task::{SoleTask, TaskToken};
use crate::watched::{Nanos, nanos};

/// How often within a bound. Two of three answers may come late.
const IN_A_BOUND: u32 = 3;
/// The pause between two questions.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(5);
/// After a question that was not answered, or in vain: on a connection that does not report changes, say.
const FIRST_RETRY: Duration = Duration::from_millis(5);
/// A heartbeat that gives no sign of life for so long is on a runtime that is not driven.
const SILENCE: Duration = Duration::from_secs(12);
/// The heartbeat ends after so long without a use.
const IDLE: Duration = Duration::from_secs(10);
/// How exactly a use is remembered, as a power of two of nanoseconds: a quarter of a second.
const EXACTNESS: u32 = 28;

/// Who asks, and how to have it ask at once.
#[derive(Debug)]
pub(super) struct Heartbeat {
    task: Mutex<SoleTask>,
    pub(super) wanted: Arc<Notify>,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { task: Mutex::new(SoleTask::new(SILENCE)), wanted: Arc::default() }
    }
}

impl Heartbeat {
    fn task(&self) -> MutexGuard<'_, SoleTask> {
        // Nothing panics while it is held.
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Local {
    /// A copy was asked for. Hits write to shared memory no more often than they must.
    pub(super) fn used_at(&self, now: Nanos) {
        let now = now >> EXACTNESS;
        if self.used.load(Ordering::Relaxed) != now {
            self.used.store(now, Ordering::Relaxed);
        }
    }

    /// Asks the server at once, because it has not been heard within this bound, and goes on asking. Without a runtime that
    /// has timers nobody asks, and everything is read from the server.
    pub(super) fn listen(self: &Arc<Self>, bound: Duration) {
        self.bound.fetch_min(nanos(bound), Ordering::Relaxed);
        if let Ok(runtime) = Handle::try_current()
            && has_timers()
            && let Some(token) = self.heartbeat.task().take()
        {
            runtime.spawn(beat(Arc::downgrade(self), token));
        }
        self.heartbeat.wanted.notify_one();
    }

    fn pause(&self) -> Duration {
        let bound = Duration::from_nanos(self.bound.load(Ordering::Relaxed));
        (bound / IN_A_BOUND).clamp(SHORTEST, LONGEST)
    }

    fn is_idle(&self) -> bool {
        let used = self.used.load(Ordering::Relaxed).saturating_add(1) << EXACTNESS;
        Duration::from_nanos(self.now().saturating_sub(used)) > IDLE
    }
}

/// Asks until nobody wants to know, or the cache is gone.
async fn beat(local: Weak<Local>, token: TaskToken) {
    let mut retries = Backoff::new(FIRST_RETRY, LONGEST);
    while let Some(local) = local.upgrade() {
        if local.is_idle() {
            local.heartbeat.task().give_back(token);
            return;
        }
        if !local.heartbeat.task().renew(token) {
            return;
        }
        // Unanswered, it proves nothing, and nothing is answered from copies.
        let is_proved = matches!(local.sessions.begin().prove().await, Ok(true));
        let (pause, wanted) = (local.pause(), Arc::clone(&local.heartbeat.wanted));
        drop(local);
        if is_proved {
            retries.reset();
            // A lost connection takes the proof with it: the first caller that finds none wakes this task.
            let _ = timeout(pause, wanted.notified()).await;
        } else {
            sleep(retries.pause_up_to(pause)).await;
        }
    }
}
