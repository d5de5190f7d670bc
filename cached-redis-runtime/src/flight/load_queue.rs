//! Loads of one key that no lease keeps apart, a few at a time.
//!
//! A load that has failed has nothing to share, and neither has one that takes too long. If all who
//! waited for it then loaded, they would do so at once, just when the source is in trouble. So they
//! take turns, whoever has begun first. A load that succeeds answers all whose calls had begun before
//! it did: it has read its source after they had asked.
//!
//! Nobody waits for ever: the bound doubles whenever the first in the queue has waited in vain for as
//! long as anybody waits for a load.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::waiters::Waiters;

/// The queues of one cache. What a load shares is `A`.
#[derive(Debug)]
pub(crate) struct LoadQueues<A> {
    /// Loads of one key at a time.
    most: usize,
    next: AtomicU64,
    queues: Mutex<HashMap<Arc<str>, Queue<A>>>,
}

#[derive(Debug)]
struct Queue<A> {
    running: usize,
    most: usize,
    widened: Instant,
    waiting: Waiters<Called<A>>,
}

/// What a caller is to do.
#[derive(Debug)]
pub(crate) enum Entered<A> {
    Load(Turn<A>),
    Wait(Queued<A>),
}

/// How a wait for a turn ends.
#[derive(Debug)]
pub(crate) enum Called<A> {
    Load(Turn<A>),
    /// What a load has come to that began after this caller had come.
    Shared(A),
    /// Nothing can be shared, and nothing has failed: run in parallel, not in line.
    Open,
}

/// The right to load. Dropped, it goes to the next.
#[derive(Debug)]
pub(crate) struct Turn<A> {
    seat: Option<(Arc<LoadQueues<A>>, Arc<str>)>,
    /// Whose call has begun before this moment shares what the load comes to.
    began: u64,
}

/// A place in a queue: a future of what is heard there. Dropped, it leaves nothing.
#[derive(Debug)]
pub(crate) struct Queued<A> {
    turns: Arc<LoadQueues<A>>,
    key: Arc<str>,
    began: u64,
    word: oneshot::Receiver<Called<A>>,
}

impl<A> LoadQueues<A> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, next: AtomicU64::new(0), queues: Mutex::default() }
    }

    /// A moment that is later than all before.
    pub(crate) fn moment(&self) -> u64 {
        self.next.fetch_add(1, Ordering::SeqCst)
    }

    /// Queues up for a load of this key, in a call that has begun at that moment.
    pub(crate) fn enter(self: &Arc<Self>, key: &str, began: u64) -> Entered<A> {
        let key: Arc<str> = key.into();
        let mut queues = self.lock();
        let queue = queues.entry(Arc::clone(&key)).or_insert_with(|| Queue {
            running: 0,
            most: self.most,
            widened: Instant::now(),
            waiting: Waiters::default(),
        });
        if queue.running < queue.most && queue.waiting.is_empty() {
            queue.running += 1;
            return Entered::Load(Turn { seat: Some((Arc::clone(self), key)), began });
        }
        let word = queue.waiting.add_as(began);
        Entered::Wait(Queued { turns: Arc::clone(self), key, began, word })
    }

    #[cfg(any(test, feature = "unfenced-for-tests"))]
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Calls those whose turn it is, after `freed` loads have ended.
    fn call(self: &Arc<Self>, key: &Arc<str>, mut freed: usize) {
        while let Some(next) = self.next(key, freed) {
            let turn = Turn { seat: Some((Arc::clone(self), Arc::clone(key))), began: 0 };
            // One that was cancelled does not listen: the next, without recursion.
            freed = match next.send(Called::Load(turn)) {
                Err(Called::Load(mut refused)) => usize::from(refused.seat.take().is_some()),
                _ => 0,
            };
        }
    }

    fn next(&self, key: &Arc<str>, freed: usize) -> Option<oneshot::Sender<Called<A>>> {
        let mut queues = self.lock();
        let queue = queues.get_mut(key)?;
        queue.running -= freed.min(queue.running);
        if queue.running >= queue.most {
            return None;
        }
        let next = queue.waiting.pop_first();
        if next.is_some() {
            queue.running += 1;
        } else if queue.running == 0 {
            queues.remove(key);
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Queue<A>>> {
        // Nothing panics while it is held, and no step leaves it half done.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A> Turn<A> {
    /// To be called before the load begins: all calls that have begun by now share what it comes to.
    pub(crate) fn begins(&mut self) {
        if let Some((turns, _)) = &self.seat {
            self.began = turns.moment();
        }
    }

    /// The load has succeeded.
    pub(crate) fn shares(&self, mut share: impl FnMut() -> A) {
        for one in self.take(|waiting| waiting.take_before(self.began)) {
            let _ = one.send(Called::Shared(share()));
        }
    }

    /// The load has come to something that cannot be shared.
    pub(crate) fn opens(&self) {
        for one in self.take(Waiters::take_all) {
            let _ = one.send(Called::Open);
        }
    }

    fn take<T: Default>(&self, take: impl FnOnce(&mut Waiters<Called<A>>) -> T) -> T {
        let Some((turns, key)) = &self.seat else { return T::default() };
        turns.lock().get_mut(key).map(|queue| take(&mut queue.waiting)).unwrap_or_default()
    }
}

impl<A> Drop for Turn<A> {
    fn drop(&mut self) {
        if let Some((turns, key)) = self.seat.take() {
            turns.call(&key, 1);
        }
    }
}

impl<A> Queued<A> {
    /// Doubles the bound, once in such a time.
    pub(crate) fn widen(&self, once_in: Duration) {
        if let Some(queue) = self.turns.lock().get_mut(&self.key)
            && queue.widened.elapsed() >= once_in
        {
            queue.widened = Instant::now();
            queue.most = queue.most.saturating_mul(2);
        }
        self.turns.call(&self.key, 0);
    }
}

impl<A> Future for Queued<A> {
    /// `None` if there is no queue any more.
    type Output = Option<Called<A>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.word).poll(context).map(Result::ok)
    }
}

impl<A> Drop for Queued<A> {
    fn drop(&mut self) {
        if let Some(queue) = self.turns.lock().get_mut(&self.key) {
            queue.waiting.remove(self.began);
        }
    }
}

#[cfg(test)]
mod tests;
