//! Keeping alive what ends by itself: a lease, a fence.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use crate::budget::{has_timers, timed};

/// Between renewals of a fence or a lease.
const LEAST_PAUSE: Duration = Duration::from_millis(10);

/// What protects a write, and ends unless it is renewed.
pub(crate) trait Renewed {
    fn life(&self) -> Duration;
    fn renew(&self) -> impl Future<Output = ()> + Send;
}

/// Runs a write, and renews what protects it as long as it takes.
pub(crate) async fn while_renewing<F: Future>(all: &[impl Renewed], write: F) -> F::Output {
    if !has_timers() {
        // Then nothing could be asked of the store either.
        return write.await;
    }
    let renewals = pin!(async {
        let Some(shortest) = all.iter().map(Renewed::life).min() else {
            return std::future::pending::<Infallible>().await;
        };
        loop {
            tokio::time::sleep((shortest / 3).max(LEAST_PAUSE)).await;
            for one in all {
                one.renew().await;
            }
        }
    });
    tokio::select! {
        biased;
        written = write => written,
        Some(never) = timed(renewals) => match never {},
    }
}
