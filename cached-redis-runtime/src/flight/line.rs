//! One question for many callers: one of them asks the store, the others share its answers.
//!
//! ```text
//! first --> asks --answer--> (all who came before it was sent have it)
//!            |  `--next question--> asks
//!            |--gone------------> the one who came last asks
//!            `--not polled------> whoever notices asks
//! ```
//!
//! An answer goes to those who had come before its question was sent, and to nobody else: what was
//! read before a call began may be older than an invalidation that this call must see. Whoever
//! comes later waits for the next question.

use std::collections::hash_map::{Entry, HashMap};
use std::hash::Hash;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::waiters::Waiters;

/// All lines of one cache: one for each question `Q`, whose answers are `A`.
#[derive(Debug)]
pub(crate) struct Lines<Q: Eq + Hash, A> {
    next: AtomicU64,
    lines: Mutex<HashMap<Arc<Q>, Line<Q, A>>>,
}

#[derive(Debug)]
struct Line<Q: Eq + Hash, A> {
    /// Numbers the one who asks: another one than before has another number.
    asker: u64,
    /// When it has last sent a question or had an answer.
    moved: Instant,
    waiting: Waiters<Heard<Q, A>>,
}

/// What a caller is to do.
#[derive(Debug)]
pub(crate) enum Place<Q: Eq + Hash, A> {
    Ask(Asker<Q, A>),
    Wait(Waiting<Q, A>),
}

/// How a wait in line ends.
#[derive(Debug)]
pub(crate) enum Heard<Q: Eq + Hash, A> {
    /// The one who asked has gone: go on for it.
    Ask(Asker<Q, A>),
    Answer(A),
}

/// The duty to ask for a line. Dropped, it goes to the next who waits.
#[derive(Debug)]
pub(crate) struct Asker<Q: Eq + Hash, A> {
    seat: Option<Seat<Q, A>>,
}

#[derive(Debug)]
struct Seat<Q: Eq + Hash, A> {
    lines: Arc<Lines<Q, A>>,
    question: Arc<Q>,
    number: u64,
    /// Who has come before this number shares the answer.
    covers: u64,
}

/// A place in a line: a future of what is heard there. Dropped, it leaves nothing.
#[derive(Debug)]
pub(crate) struct Waiting<Q: Eq + Hash, A> {
    lines: Arc<Lines<Q, A>>,
    question: Arc<Q>,
    number: u64,
    word: oneshot::Receiver<Heard<Q, A>>,
}

impl<Q: Eq + Hash, A> Default for Lines<Q, A> {
    fn default() -> Self {
        Self { next: AtomicU64::new(0), lines: Mutex::default() }
    }
}

impl<Q: Eq + Hash, A> Lines<Q, A> {
    /// Joins the line for a question, or begins one.
    pub(crate) fn join(self: &Arc<Self>, question: Q) -> Place<Q, A> {
        let question = Arc::new(question);
        match self.lock().entry(Arc::clone(&question)) {
            Entry::Occupied(mut line) => {
                let (number, word) = line.get_mut().waiting.add();
                Place::Wait(Waiting { lines: Arc::clone(self), question, number, word })
            }
            Entry::Vacant(vacant) => {
                let asker = self.number();
                vacant.insert(Line { asker, moved: Instant::now(), waiting: Waiters::default() });
                Place::Ask(Asker::new(self, &question, asker))
            }
        }
    }

    #[cfg(any(test, feature = "unfenced-for-tests"))]
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<Q>, Line<Q, A>>> {
        // Nothing panics while it is held, and no step leaves it half done.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Q: Eq + Hash, A> Asker<Q, A> {
    fn new(lines: &Arc<Lines<Q, A>>, question: &Arc<Q>, number: u64) -> Self {
        let (lines, question) = (Arc::clone(lines), Arc::clone(question));
        Self { seat: Some(Seat { lines, question, number, covers: 0 }) }
    }

    /// Of a question that nobody shares.
    pub(crate) fn alone() -> Self {
        Self { seat: None }
    }

    /// To be called before a question is sent: all who wait by now share its answer.
    pub(crate) fn sends(&mut self) {
        let Some(seat) = &mut self.seat else { return };
        if let Some(next) = seat.line(|line| line.waiting.next()) {
            seat.covers = next;
        }
    }

    /// Gives the answer to all who share it.
    pub(crate) fn tells(&self, answer: impl FnMut() -> A) {
        let Some(seat) = &self.seat else { return };
        send(seat.line(|line| line.waiting.take_before(seat.covers)), answer);
    }

    /// Gives all who wait an answer that is as good for those who came later: there is none.
    pub(crate) fn tells_all(&self, answer: impl FnMut() -> A) {
        let Some(seat) = &self.seat else { return };
        send(seat.line(|line| line.waiting.take_all()), answer);
    }
}

/// Not under the lock: it wakes others.
fn send<Q: Eq + Hash, A>(
    to: Option<Vec<oneshot::Sender<Heard<Q, A>>>>,
    mut answer: impl FnMut() -> A,
) {
    for one in to.into_iter().flatten() {
        // One that was cancelled does not listen.
        let _ = one.send(Heard::Answer(answer()));
    }
}

impl<Q: Eq + Hash, A> Drop for Asker<Q, A> {
    fn drop(&mut self) {
        // A loop, not recursion through `send`: those who wait may be cancelled at the same time.
        while let Some(mut seat) = self.seat.take() {
            let Some(next) = seat.next() else { return };
            match next.send(Heard::Ask(Self { seat: Some(seat) })) {
                Err(Heard::Ask(mut refused)) => self.seat = refused.seat.take(),
                _ => return,
            }
        }
    }
}

impl<Q: Eq + Hash, A> Seat<Q, A> {
    /// Has a look at the line, unless another asks there by now.
    fn line<T>(&self, look: impl FnOnce(&mut Line<Q, A>) -> T) -> Option<T> {
        let mut lines = self.lines.lock();
        let line = lines.get_mut(&self.question).filter(|line| line.asker == self.number)?;
        line.moved = Instant::now();
        Some(look(line))
    }

    /// Passes the seat on to whoever came last, who has the most time left. Without anybody, the line
    /// ends.
    fn next(&mut self) -> Option<oneshot::Sender<Heard<Q, A>>> {
        let mut lines = self.lines.lock();
        let line = lines.get_mut(&self.question).filter(|line| line.asker == self.number)?;
        let Some(next) = line.waiting.pop_last() else {
            lines.remove(&self.question);
            return None;
        };
        self.number = self.lines.number();
        self.covers = 0;
        line.asker = self.number;
        line.moved = Instant::now();
        Some(next)
    }
}

impl<Q: Eq + Hash, A> Waiting<Q, A> {
    /// Asks instead of one who has not moved for so long: a future may be kept without being polled.
    pub(crate) fn take_over(&self, after: Duration) -> Option<Asker<Q, A>> {
        let mut lines = self.lines.lock();
        let line = lines.get_mut(&self.question)?;
        if line.moved.elapsed() < after || !line.waiting.remove(self.number) {
            return None;
        }
        line.asker = self.lines.number();
        line.moved = Instant::now();
        Some(Asker::new(&self.lines, &self.question, line.asker))
    }
}

impl<Q: Eq + Hash, A> Future for Waiting<Q, A> {
    /// `None` if nobody asks any more.
    type Output = Option<Heard<Q, A>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.word).poll(context).map(Result::ok)
    }
}

impl<Q: Eq + Hash, A> Drop for Waiting<Q, A> {
    fn drop(&mut self) {
        if let Some(line) = self.lines.lock().get_mut(&self.question) {
            line.waiting.remove(self.number);
        }
    }
}

#[cfg(test)]
mod tests;
