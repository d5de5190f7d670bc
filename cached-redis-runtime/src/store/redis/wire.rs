//! One connection to a server: what is sent, what has arrived, and how long the server has kept
//! silent.
//!
//! Requests are answered in order, so a connection is a queue. Its socket never blocks, and whoever
//! holds the lock may read and write it: usually the [`driver`], a task that the runtime wakes when
//! there is something to do; otherwise a caller that has waited for a while. So a reply that is in the
//! socket is found before a deadline is believed, also while the driver's runtime is busy or idle.
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

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::{PushInfo, Value};
use tokio::sync::oneshot;

use super::generations::Generations;
use super::request::{Reply, Request};
use crate::budget::{self, by, timed};
use crate::error::Error;
use caller::{Answered, Place};
use clock::Clock;
use queue::Io;
use replies::{Arrived, Malformed};
use socket::Socket;

/// More are not taken: in a queue of this length nobody would wait to its end.
const MOST_WAITING: usize = 1 << 17;

/// What one look reads at most before it lets others have the lock.
const MOST_PER_LOOK: usize = 4 << 20;

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
    /// Whether reads of several keys may leave as one command. Not in a cluster, where those are to be in one slot.
    pub(super) gathers: bool,
    /// Hear of what the server says unasked.
    pub(super) generations: Arc<Generations>,
}

struct Shared {
    io: Mutex<Io>,
    settings: WireSettings,
    /// How long a caller waits before it looks for itself.
    glance: Duration,
    made: Instant,
    /// When somebody last looked, in nanoseconds since `made`; readable without the lock.
    looked: AtomicU64,
    is_over: AtomicBool,
}

/// A look at the socket, as the loop over readiness wants to know it.
enum Looked {
    /// There is nothing more to read.
    Empty,
    /// There may be more.
    More,
    Over,
}

impl Wire {
    pub(super) fn new(socket: Socket, settings: WireSettings) -> Self {
        // Eight looks in a budget: what is charged is exact to that share of it.
        let longest = Duration::from_millis(50);
        let glance = (settings.patience / 8).clamp(Duration::from_millis(1), longest);
        let mut io = Io::new(socket, settings.longest, Clock::new(2 * glance));
        if !settings.gathers {
            io.reads_one_by_one();
        }
        Self(Arc::new(Shared {
            io: Mutex::new(io),
            settings,
            glance,
            made: Instant::now(),
            looked: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        }))
    }

    /// Whether no more replies will come.
    pub(super) fn is_over(&self) -> bool {
        self.0.is_over.load(Ordering::Acquire)
    }

    /// How many bytes have arrived so far, of which some may have arrived just now.
    pub(super) fn arrived(&self) -> u64 {
        self.0.look_unless_done();
        self.0.lock().arrived
    }

    /// Sends a request, and waits for its reply within what is left of the operation's budget.
    pub(super) async fn exchange<R: Request>(&self, request: &R) -> Result<Reply, Failure> {
        let shared = &*self.0;
        let mut now = Instant::now();
        let (mut answer, mut place) = self.send(now, request, request.key())?;
        loop {
            let left = budget::left_or(shared.settings.patience);
            let glance = now + shared.glance.min(left.max(Duration::from_millis(1)));
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
                                now = Instant::now();
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
                None => {
                    now = Instant::now();
                    (answer, place) = self.send(now, request, None)?;
                }
            }
        }
    }

    /// Puts a request into the queue, a read of one key with others of its kind. Writes it at once if
    /// nothing else is under way.
    fn send<R: Request>(
        &self,
        now: Instant,
        request: &R,
        key: Option<&str>,
    ) -> Result<(oneshot::Receiver<Answered>, Place), Failure> {
        let (to, answer) = oneshot::channel();
        let mut io = self.0.lock();
        if self.is_over() {
            return Err(Failure::Over);
        }
        if io.callers >= MOST_WAITING {
            return Err(Failure::Full);
        }
        let is_alone = io.callers == 0 && !io.is_busy;
        if io.callers == 0 {
            // The clock has stood still while nothing was under way.
            io.clock.tick(now);
        } else {
            io.is_busy = true;
        }
        let place = io.push(now, request, key, to);
        if is_alone && io.flush().is_err() {
            self.0.end(&mut io);
            return Err(Failure::Over);
        }
        let waker = if io.is_to_be_written() { io.driver.wake() } else { None };
        if !io.driver.is_there() {
            driver::spawn(&self.0, &mut io);
        }
        drop(io);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok((answer, place))
    }

    /// A driver that has left its work to callers is on a runtime that nobody drives: another takes
    /// its place, on the runtime of this caller.
    fn see_to_the_driver(&self) {
        let mut io = self.0.lock();
        if !self.is_over() && (!io.driver.is_there() || io.driver.has_overslept()) {
            driver::spawn(&self.0, &mut io);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Io> {
        // Nothing panics while it is held, apart from wakers of others, and no step leaves it half
        // done.
        self.io.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nanos(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// A caller's look. For how long the server has been owing the reply of that place, and for how
    /// long it has been silent.
    fn look_for(&self, place: Place) -> (Duration, Duration) {
        self.look_unless_done();
        let io = self.lock();
        (io.took(place), io.silence())
    }

    /// Looks, unless somebody has just done so.
    fn look_unless_done(&self) {
        let glance = u64::try_from(self.glance.as_nanos()).unwrap_or(u64::MAX);
        let since = self.nanos().saturating_sub(self.looked.load(Ordering::Relaxed));
        if since < glance / 2 || self.is_over.load(Ordering::Acquire) {
            return;
        }
        let mut io = self.lock();
        let before = (io.arrived, io.output.sent());
        // As much as there is: the deadline of whoever looks may depend on it.
        while matches!(self.look(&mut io), Looked::More) {}
        if before != (io.arrived, io.output.sent()) {
            io.driver.note_rescue();
        }
    }

    /// Reads what has arrived, hands out replies, and writes what waits to be written.
    fn look(&self, io: &mut Io) -> Looked {
        io.clock.tick(Instant::now());
        self.looked.store(self.nanos(), Ordering::Relaxed);
        let arrived = io.arrived;
        let read = self.read(io);
        if io.arrived != arrived {
            io.heard = io.clock.now();
        }
        let flushed = if matches!(read, Looked::Over) { Ok(()) } else { io.flush() };
        if matches!(read, Looked::Over) || flushed.is_err() {
            self.end(io);
            return Looked::Over;
        }
        read
    }

    fn read(&self, io: &mut Io) -> Looked {
        let mut most = MOST_PER_LOOK;
        loop {
            let read = match io.replies.read(&io.socket) {
                Ok(0) => return Looked::Over,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Looked::Empty,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Looked::Over,
            };
            io.arrived += read as u64;
            loop {
                match io.replies.next(io.expects_array()) {
                    Ok(Some(Arrived::Reply(Value::Push { kind, data }))) => {
                        self.settings.generations.told(&PushInfo { kind, data });
                    }
                    Ok(Some(arrived)) => {
                        // A reply that nobody has asked for makes sense of none that follows.
                        if io.hand_out(arrived).is_err() {
                            return Looked::Over;
                        }
                    }
                    Ok(None) => break,
                    Err(Malformed) => return Looked::Over,
                }
            }
            most = most.saturating_sub(read);
            if most == 0 {
                return Looked::More;
            }
        }
    }

    /// Ends the connection: whoever waits is told so.
    fn end(&self, io: &mut Io) {
        self.is_over.store(true, Ordering::Release);
        io.end();
        if let Some(waker) = io.driver.wake() {
            waker.wake();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The driver has the socket too, and may be on a runtime that is not driven.
        self.io.get_mut().unwrap_or_else(PoisonError::into_inner).socket.shut_down();
    }
}

#[cfg(test)]
mod tests;
