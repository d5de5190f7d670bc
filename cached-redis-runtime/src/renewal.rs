//! Keeping alive what ends by itself: a lease, a fence.

use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::budget::{has_timers, timed};
use crate::join::{Boxed, join_all};

/// Between renewals: timers are no finer.
const LEAST_PAUSE: Duration = Duration::from_millis(1);

/// What ends unless it is renewed.
pub(crate) trait Renewed {
    fn life(&self) -> Duration;

    /// Whether it may still be there.
    fn renew(&self) -> impl Future<Output = bool> + Send;
}

/// Renews all of them each third of the shortest life, until `deadline`, and as long as one of them is there. Waits for
/// timers: see [`timed`].
pub(crate) async fn keep_alive(all: &[impl Renewed], deadline: Option<Instant>) {
    let Some(shortest) = all.iter().map(Renewed::life).min() else { return };
    let pause = pause(shortest);
    while deadline.is_none_or(|deadline| Instant::now() + pause < deadline) {
        sleep(pause).await;
        if !renew_all(all).await {
            return;
        }
    }
}

/// Between two renewals of what lives so long.
pub(crate) fn pause(life: Duration) -> Duration {
    (life / 3).max(LEAST_PAUSE)
}

/// Renews all of them at the same time, because one after the other the last would come too late. Whether one of them
/// may still be there.
pub(crate) async fn renew_all(all: &[impl Renewed]) -> bool {
    let renew = |one| -> Boxed<'_, bool> { Box::pin(Renewed::renew(one)) };
    join_all(all.iter().map(renew).collect()).await.contains(&true)
}

/// Runs a write, and renews what protects it as long as it takes.
pub(crate) async fn while_renewing<F: Future>(all: &[impl Renewed], write: F) -> F::Output {
    let renewals = async {
        keep_alive(all, None).await;
        pending().await
    };
    beside(renewals, write).await
}

/// Runs a write, and these renewals as long as it takes.
pub(crate) async fn beside<F: Future>(
    renewals: impl Future<Output = Infallible>,
    write: F,
) -> F::Output {
    if !has_timers() {
        // Then nothing could be asked of the store either.
        return write.await;
    }
    let renewals = pin!(renewals);
    tokio::select! {
        biased;
        written = write => written,
        Some(never) = timed(renewals) => match never {},
    }
}

impl<T: Renewed + Send + Sync> Renewed for std::sync::Arc<T> {
    fn life(&self) -> Duration {
        (**self).life()
    }

    async fn renew(&self) -> bool {
        (**self).renew().await
    }
}
