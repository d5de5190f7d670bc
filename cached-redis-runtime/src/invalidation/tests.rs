//! Sweeps over a store whose connection changes in between.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Invalidator, Target};
use crate::error::Error;
use crate::lease::{Acquire, Acquired, Filled, LeaseId, Nonce};
use crate::store::{Operation, Store};

/// Sweeps in three steps, and is another server after the second step of the first sweep.
#[derive(Default)]
struct Failover {
    cursors: Mutex<Vec<u64>>,
    epoch: AtomicU64,
}

fn unused<'a, T: Send + 'a>() -> Operation<'a, T> {
    Box::pin(std::future::ready(Err(Error::protocol())))
}

impl Store for Failover {
    fn sweep<'a>(&'a self, _family: &'a str, cursor: u64) -> Operation<'a, u64> {
        Box::pin(async move {
            let mut cursors = self.cursors.lock().expect("not poisoned");
            cursors.push(cursor);
            if cursors.len() == 2 {
                self.epoch.store(1, Ordering::SeqCst);
            }
            Ok((cursor + 1) % 3)
        })
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    fn get<'a>(&'a self, _: &'a str) -> Operation<'a, Option<Vec<u8>>> {
        unused()
    }

    fn acquire<'a>(&'a self, _: &'a str, _: Acquire) -> Operation<'a, Acquired> {
        unused()
    }

    fn fill<'a>(
        &'a self,
        _: &'a str,
        _: LeaseId,
        _: &'a [u8],
        _: Duration,
    ) -> Operation<'a, Filled> {
        unused()
    }

    fn renew<'a>(&'a self, _: &'a str, _: LeaseId, _: Duration) -> Operation<'a, bool> {
        unused()
    }

    fn release<'a>(&'a self, _: &'a str, _: Nonce) -> Operation<'a, ()> {
        unused()
    }

    fn delete<'a>(&'a self, _: &'a [String]) -> Operation<'a, ()> {
        unused()
    }

    fn mark_stale<'a>(&'a self, _: &'a str) -> Operation<'a, bool> {
        unused()
    }

    fn ttl<'a>(&'a self, _: &'a str) -> Operation<'a, Option<Duration>> {
        unused()
    }

    #[cfg(feature = "unfenced-for-tests")]
    fn overwrite<'a>(&'a self, _: &'a str, _: &'a [u8], _: Duration) -> Operation<'a, Filled> {
        unused()
    }
}

#[tokio::test]
async fn a_sweep_begins_anew_behind_another_connection() {
    let store = Arc::new(Failover::default());
    let second = Duration::from_secs(1);
    let invalidator = Arc::new(Invalidator::new(Arc::clone(&store) as _, second, second, 10));
    let all = vec![Target::Family("family".to_owned())];
    invalidator.invalidate_all(all).await.expect("swept");
    assert_eq!(*store.cursors.lock().expect("not poisoned"), [0, 1, 0, 1, 2]);
}
