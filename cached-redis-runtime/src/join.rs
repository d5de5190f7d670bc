//! Several operations at once: what they send leaves in one go.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Runs all of them to their ends.
pub(crate) async fn join_all<T>(mut all: Vec<Boxed<'_, T>>) -> Vec<T> {
    let mut ended: Vec<Option<T>> = all.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut is_pending = false;
        for (future, end) in all.iter_mut().zip(&mut ended) {
            if end.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => *end = Some(value),
                    Poll::Pending => is_pending = true,
                }
            }
        }
        if is_pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    ended.into_iter().flatten().collect()
}
