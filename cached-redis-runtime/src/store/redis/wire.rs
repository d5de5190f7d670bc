//! One connection to a server: what is sent, what has arrived, and how long the server has kept
//! silent.
//!
//! Requests are answered in order, so a connection is a [`queue`], which callers lock for a moment. Its socket
//! never blocks, and whoever holds the lock of the [`stream`] may read and write it: usually the [`driver`], a task
//! that the runtime wakes when there is something to do; otherwise a caller that has waited for a while. So a reply
//! that is in the socket is found before a deadline is believed, also while the driver's runtime is busy or idle.
//!
//! Time is measured by a clock that runs only while somebody looks at the socket ([`Clock`]). What the
//! process spends on itself (a blocked thread, a burst of its own work, a machine that was paused) is
//! not the server's silence. `docs/protocol.md` has the states and the rules.

mod caller;
mod clock;
mod driver;
mod handle;
mod output;
mod queue;
mod reads;
mod replies;
pub(super) mod socket;
mod stream;

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::generations::Generations;
use super::request::{Reply, Request};
use crate::budget::{self, by, timed};
use crate::error::Error;
use caller::{Answered, Place};
use clock::Clock;
use queue::Queue;
use socket::Socket;
use stream::{Looked, Stream};

/// More are not taken: in a queue of this length nobody would wait to its end.
const MOST_WAITING: usize = 1 << 17;

/// Why there is no reply.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// The connection has ended.
    Over,
    /// The budget is used up, while the server answers others.
    Late,
    /// The budget is used up, and nothing at all has arrived for a whole one.
    Silent,
    /// The queue is full.
    Full,
    /// The runtime has no timers: nothing is known of the server.
    NoTimers,
    /// The client library says that the server has refused.
    Refused(Error),
    /// The client library cannot make sense of the reply.
    Malformed,
}

/// A handle; the connection is closed with the last one.
#[derive(Clone)]
pub(super) struct Wire(Arc<Shared>);

/// How a connection is used.
#[derive(Clone)]
pub(super) struct WireSettings {
    /// The whole budget of an operation: after so long without a byte, the server is silent.
    pub(super) patience: Duration,
    /// The longest reply that is kept.
    pub(super) longest: usize,
    /// Hear of what the server says unasked.
    pub(super) generations: Arc<Generations>,
}

struct Shared {
    socket: Socket,
    stream: Mutex<Stream>,
    queue: Mutex<Queue>,
    settings: WireSettings,
    /// How long a caller waits before it looks for itself.
    glance: Duration,
    made: Instant,
    /// When somebody last looked, in nanoseconds since `made`; readable without the lock.
    looked: AtomicU64,
    is_over: AtomicBool,
}

impl Wire {
    pub(super) fn new(socket: Socket, settings: WireSettings) -> Self {
        // Eight looks in a budget: what is charged is exact to that share of it.
        let longest = Duration::from_millis(50);
        let glance = (settings.patience / 8).clamp(Duration::from_millis(1), longest);
        Self(Arc::new(Shared {
            socket,
            stream: Mutex::new(Stream::new(settings.longest)),
            queue: Mutex::new(Queue::new(Clock::new(2 * glance))),
            settings,
            glance,
            made: Instant::now(),
            looked: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        }))
    }

    /// Whether no more replies will come.
    pub(super) fn is_over(&self) -> bool {
        self.0.is_over()
    }

    /// How many bytes have arrived so far, of which some may have arrived just now.
    pub(super) fn arrived(&self) -> u64 {
        self.0.look_unless_done();
        self.0.queue().arrived
    }

    /// Sends a request, and waits for its reply within what is left of the operation's budget.
    pub(super) async fn exchange<R: Request>(&self, request: &R) -> Result<Reply, Failure> {
        let shared = &*self.0;
        let (mut answer, mut place) = self.send(request, request.key())?;
        loop {
            let left = budget::left_or(shared.settings.patience);
            let glance = Instant::now() + shared.glance.min(left.max(Duration::from_millis(1)));
            let Some(waiting) = by(glance.into(), &mut answer) else {
                return Err(Failure::NoTimers);
            };
            let heard = match timed(pin!(waiting)).await {
                None => return Err(Failure::NoTimers),
                Some(Ok(heard)) => heard,
                Some(Err(_)) => {
                    let (took, silence) = shared.look_for(place);
                    match answer.try_recv() {
                        Err(oneshot::error::TryRecvError::Empty) => {
                            // Nor does anybody wait for the end of a queue that does not move.
                            let is_silent = silence >= shared.settings.patience;
                            if took < left && !is_silent {
                                self.see_to_the_driver();
                                continue;
                            }
                            budget::charge(left);
                            return Err(if is_silent { Failure::Silent } else { Failure::Late });
                        }
                        Ok(answered) => Ok(answered),
                        Err(oneshot::error::TryRecvError::Closed) => return Err(Failure::Over),
                    }
                }
            };
            let Ok(Answered { reply, took }) = heard else { return Err(Failure::Over) };
            budget::charge(took);
            match reply {
                Some(reply) => return Ok(reply),
                None => (answer, place) = self.send(request, None)?,
            }
        }
    }

    /// Puts a request into the queue, a read of one key with others of its kind. Writes it at once if
    /// nothing else is under way.
    fn send<R: Request>(
        &self,
        request: &R,
        key: Option<&str>,
    ) -> Result<(oneshot::Receiver<Answered>, Place), Failure> {
        let (to, answer) = oneshot::channel();
        let shared = &self.0;
        let mut queue = shared.queue();
        if shared.is_over() {
            return Err(Failure::Over);
        }
        if queue.callers >= MOST_WAITING {
            return Err(Failure::Full);
        }
        let is_alone = queue.callers == 0 && !queue.is_busy;
        if queue.callers == 0 {
            // The clock has stood still while nothing was under way.
            queue.clock.tick(Instant::now());
        } else {
            queue.is_busy = true;
        }
        let place = queue.push(request, key, to);
        if !queue.driver.is_there() {
            driver::spawn(shared, &mut queue);
        }
        if is_alone {
            drop(queue);
            // Otherwise somebody looks, and is about to write; the driver makes sure of it.
            if let Ok(mut stream) = shared.stream.try_lock()
                && shared.flush(&mut stream).is_err()
            {
                shared.end();
                return Err(Failure::Over);
            }
            queue = shared.queue();
        }
        let waker = if queue.is_to_be_written() { queue.driver.wake() } else { None };
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok((answer, place))
    }

    /// A driver that has left its work to callers is on a runtime that nobody drives: another takes
    /// its place, on the runtime of this caller.
    fn see_to_the_driver(&self) {
        let mut queue = self.0.queue();
        if !self.is_over() && (!queue.driver.is_there() || queue.driver.has_overslept()) {
            driver::spawn(&self.0, &mut queue);
        }
    }
}

impl Shared {
    // Nothing panics while these are held, apart from wakers of others, and no step leaves what they guard half
    // done.

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stream(&self) -> MutexGuard<'_, Stream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    fn ends(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    fn nanos(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn note_look(&self) {
        self.looked.store(self.nanos(), Ordering::Relaxed);
    }

    /// A caller's look. For how long the server has been owing the reply of that place, and for how
    /// long it has been silent.
    fn look_for(&self, place: Place) -> (Duration, Duration) {
        self.look_unless_done();
        // Whoever looks at this moment has moved the clock on, and may be about to hand replies out.
        drop(self.stream());
        let queue = self.queue();
        (queue.took(place), queue.silence())
    }

    /// Looks, unless somebody has just done so.
    fn look_unless_done(&self) {
        let glance = u64::try_from(self.glance.as_nanos()).unwrap_or(u64::MAX);
        let since = self.nanos().saturating_sub(self.looked.load(Ordering::Relaxed));
        if since < glance / 2 || self.is_over() {
            return;
        }
        let mut stream = self.stream();
        let before = (self.queue().arrived, stream.sent());
        // As much as there is: the deadline of whoever looks may depend on it.
        while matches!(self.look(&mut stream), Looked::More) {}
        let mut queue = self.queue();
        if before != (queue.arrived, stream.sent()) {
            queue.driver.note_rescue();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The driver has the socket too, and may be on a runtime that is not driven.
        self.socket.shut_down();
    }
}

#[cfg(test)]
mod tests;
