//! The connection and its breaker: one state machine.
//!
//! ```text
//! Idle --first use--> Connecting --answered--> Up
//!                        |  ^                   | lost, or silent several times in a row
//!                     failed |                  v
//!                        v  | back-off       Connecting
//!                       Down
//! ```
//!
//! While `Down`, operations fail at once. The connector's attempts are the half-open probe: it
//! is `Up` again only after the server has answered. The `redis` crate's own connection manager
//! is not used: it may hold a command for seconds while a server refuses, and never rebuilds a
//! connection that has gone silent.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use arc_swap::ArcSwap;
use redis::aio::MultiplexedConnection;
use redis::{Client, RedisError, ServerError};
use tokio::sync::watch;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, timeout};

use super::commands::server_error;
use super::connect::{self, AbortOnDrop, Made};
use super::generations::Generations;
use super::request::Request;
use super::server_clock::ServerClock;
use crate::backoff::Backoff;
use crate::claim::{Claim, Claims};
use crate::error::{Error, ErrorKind};
use crate::telemetry::event;

/// Unanswered operations in a row after which a connection counts as dead.
const SILENT_LIMIT: u32 = 3;
/// How long a connection attempt may take, the handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause between attempts: from the first to the longest. Short enough that hits are back within
/// two seconds of the server, long enough not to hammer one that restarts.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// How old a connection to a server that refuses writes must be before it is made again.
const RECONNECT_TO_READ_ONLY: Duration = Duration::from_secs(1);

/// The number of the first connection.
const FIRST: u64 = 1;

/// The category of a failure that no error describes.
const SILENT: &str = "no answer";

const READ_ONLY: &str = "READONLY";
const NO_SCRIPT: &str = "NOSCRIPT";
const WRONG_TYPE: &str = "WRONGTYPE";

/// How to reach the server.
pub(crate) struct LinkSettings {
    pub(crate) source: Source,
    /// How long an operation waits for a connection that is being made.
    pub(crate) patience: Duration,
    /// Whether to have the server tell what changes: RESP3, where it speaks it.
    pub(crate) tracking: bool,
}

pub(crate) enum Source {
    /// Connections are made, and made again.
    Client(Client),
    /// One that the user made, and whose loss only the user can mend.
    Connection(MultiplexedConnection),
}

/// A handle; clones share the connection.
#[derive(Clone)]
pub(crate) struct Link(Arc<Shared>);

struct Shared {
    settings: LinkSettings,
    state: ArcSwap<State>,
    /// Held while the state changes; readers never wait for it.
    changing: Mutex<()>,
    changed: watch::Sender<()>,
    connector: Mutex<Connector>,
    silent: AtomicU32,
    generations: Arc<Generations>,
    clock: ServerClock,
}

enum State {
    Idle,
    Connecting {
        since: Instant,
    },
    Up {
        line: Line,
        since: Instant,
        /// No more replies will come.
        is_over: Arc<AtomicBool>,
        /// The server tells it what changes.
        is_tracked: bool,
        /// Ends with the state: a connection that has gone silent would hang about otherwise.
        _driver: Option<AbortOnDrop>,
    },
    Down {
        /// What went wrong at the last attempt, in a few words.
        reason: String,
    },
}

/// A connection that is up.
#[derive(Clone)]
struct Line {
    connection: MultiplexedConnection,
    generation: u64,
}

struct Connector {
    running: Claims,
    generation: u64,
}

impl Link {
    pub(crate) fn new(settings: LinkSettings) -> Self {
        let state = match &settings.source {
            Source::Client(_) => State::Idle,
            Source::Connection(connection) => State::Up {
                line: Line { connection: connection.clone(), generation: FIRST },
                since: Instant::now(),
                is_over: Arc::default(),
                is_tracked: false,
                _driver: None,
            },
        };
        Self(Arc::new(Shared {
            settings,
            state: ArcSwap::from_pointee(state),
            changing: Mutex::default(),
            changed: watch::Sender::new(()),
            connector: Mutex::new(Connector { running: Claims::default(), generation: FIRST }),
            silent: AtomicU32::new(0),
            generations: Arc::default(),
            clock: ServerClock::default(),
        }))
    }

    /// Sends a command or several. Has no deadline of its own, but fails at once while the server is
    /// away.
    ///
    /// If the connection turns out to be lost, it is sent once more on the next one: every operation
    /// may be executed twice.
    pub(super) async fn send<R: Request>(&self, request: &R) -> Result<R::Answer, Error> {
        let line = self.line().await?;
        match self.send_on(line, request).await {
            Err(error) if error.kind() == ErrorKind::Unreachable => {
                let line = self.line().await?;
                self.send_on(line, request).await
            }
            answer => answer,
        }
    }

    async fn send_on<R: Request>(&self, line: Line, request: &R) -> Result<R::Answer, Error> {
        let Line { mut connection, generation } = line;
        let mut answer = pin!(request.send(&mut connection));
        let answer = poll_fn(|context| match answer.as_mut().poll(context) {
            // A request that is queued in the instant in which the driver ends stays in the queue,
            // and would wait for ever: <https://github.com/tokio-rs/tokio/issues/7714>. Nobody is woken by
            // that: to be told would cost each hit two locks that all hits share. So the budget wakes
            // whoever waits for long, to look here.
            Poll::Pending if self.0.is_over(generation) => Poll::Ready(None),
            answer => answer.map(Some),
        });
        match answer.await {
            None => Err(self.ended(generation)),
            Some(Ok(answer)) => {
                self.0.answered();
                if let Some(error) = R::error(&answer) {
                    self.refused(generation, error);
                }
                R::accept(answer)
            }
            Some(Err(error)) => Err(self.failed(generation, &error)),
        }
    }

    fn refused(&self, generation: u64, error: &ServerError) {
        // Redis before 7 reports what failed inside a script as part of the message.
        let inside = error.details().is_some_and(|details| details.contains(READ_ONLY));
        if inside || error.code() == READ_ONLY {
            self.demoted(generation);
        }
    }

    /// What is known of generations, for as long as the connection is tracked.
    pub(super) fn generations(&self) -> &Generations {
        &self.0.generations
    }

    pub(super) fn clock(&self) -> &ServerClock {
        &self.0.clock
    }

    /// Whether the server tells the connection that is up what changes.
    pub(crate) fn is_tracked(&self) -> bool {
        matches!(**self.0.state.load(), State::Up { is_tracked: true, .. })
    }

    /// The connection that is up, by number; 0 while there is none.
    pub(crate) fn generation(&self) -> u64 {
        match **self.0.state.load() {
            State::Up { ref line, .. } => line.generation,
            _ => 0,
        }
    }

    /// Counts an operation that got no answer from a connection.
    pub(crate) fn unanswered(&self, generation: u64) {
        if generation != 0 && generation == self.generation() {
            let silent = self.0.silent.fetch_add(1, Ordering::Relaxed) + 1;
            if silent >= SILENT_LIMIT {
                self.lost(generation, State::Down { reason: SILENT.to_owned() });
            }
        }
    }

    async fn line(&self) -> Result<Line, Error> {
        let mut changed = None;
        loop {
            let since = match &**self.0.state.load() {
                State::Up { line, .. } => return Ok(line.clone()),
                State::Idle => Ok(None),
                State::Connecting { since } => Ok(Some(*since)),
                State::Down { reason } => Err(Error::unreachable_because(reason)),
            };
            // Also while one connects: a connector dies with the runtime that it was started on.
            self.connect();
            // Whoever calls in a loop, and fails at once, lets the connector run now and then.
            consume_budget().await;
            let Some(since) = since? else { continue };
            let left = self.0.settings.patience.saturating_sub(since.elapsed());
            if left.is_zero() {
                return Err(Error::unreachable());
            }
            let receiver = changed.get_or_insert_with(|| self.0.changed.subscribe());
            if matches!(**self.0.state.load(), State::Connecting { .. }) {
                let _ = timeout(left, receiver.changed()).await;
            }
        }
    }

    /// Starts the connector unless one is running.
    fn connect(&self) {
        let mut connector = self.0.connector();
        // It may have connected since the caller looked.
        if matches!(**self.0.state.load(), State::Up { .. }) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let Some(claim) = connector.running.take() else { return };
        drop(connector);
        self.0.replace(|state| match state {
            State::Idle => Some(State::Connecting { since: Instant::now() }),
            _ => None,
        });
        let running = Running { shared: Arc::clone(&self.0), claim };
        runtime.spawn(running.connect());
    }

    fn failed(&self, generation: u64, error: &RedisError) -> Error {
        if let Some(code) = error.code() {
            // An answer, if not the one hoped for: the connection works.
            self.0.answered();
            return server_error(code);
        }
        if error.is_unrecoverable_error() || error.is_io_error() {
            return self.ended(generation);
        }
        if error.is_timeout() {
            return Error::timeout();
        }
        Error::protocol()
    }

    fn ended(&self, generation: u64) -> Error {
        self.lost(generation, State::Connecting { since: Instant::now() });
        Error::unreachable()
    }

    /// A server that refuses writes may have been a primary when the connection was made; its name
    /// may lead elsewhere by now. Not for a young connection: it may be a replica for good.
    fn demoted(&self, generation: u64) {
        if let State::Up { since, .. } = &**self.0.state.load()
            && since.elapsed() > RECONNECT_TO_READ_ONLY
        {
            self.lost(generation, State::Connecting { since: Instant::now() });
        }
    }

    /// Gives a connection up, unless it has been replaced already.
    fn lost(&self, lost: u64, next: State) {
        let given_up = self.0.replace(|state| match state {
            State::Up { line, .. } if line.generation == lost => Some(next),
            _ => None,
        });
        if given_up {
            event!(warn, "connection to the cache server lost");
            self.connect();
        }
    }
}

impl Shared {
    fn connector(&self) -> MutexGuard<'_, Connector> {
        self.connector.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no more replies will come on that connection.
    fn is_over(&self, generation: u64) -> bool {
        match &**self.state.load() {
            State::Up { line, is_over, .. } if line.generation == generation => {
                is_over.load(Ordering::Acquire)
            }
            _ => true,
        }
    }

    fn answered(&self) {
        // A load is cheaper than a store to a cache line that all tasks share.
        if self.silent.load(Ordering::Relaxed) != 0 {
            self.silent.store(0, Ordering::Relaxed);
        }
    }

    /// Moves to the state that `next` gives, if any, and wakes those who wait for a change.
    fn replace(&self, next: impl FnOnce(&State) -> Option<State>) -> bool {
        let only_one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(next) = next(&self.state.load()) else { return false };
        // Before the next connection is used, and after the last one was.
        self.generations.forget();
        self.state.store(Arc::new(next));
        drop(only_one);
        self.silent.store(0, Ordering::Relaxed);
        self.changed.send_replace(());
        true
    }
}

/// The connector's claim to be the only one. Dropped with its task, also when the runtime that
/// the task was spawned on goes away.
struct Running {
    shared: Arc<Shared>,
    claim: Claim,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.shared.connector().running.give_back(self.claim) {
            // Whoever waits for it starts the next one.
            self.shared.changed.send_replace(());
        }
    }
}

impl Running {
    async fn connect(self) {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        // Two owners: this task and whoever still uses the cache.
        while Arc::strong_count(&self.shared) > 1
            && self.shared.connector().running.renew(self.claim)
        {
            match timeout(CONNECT_TIMEOUT, self.make()).await {
                Ok(Ok(made)) => return self.connected(made),
                Ok(Err(error)) => self.failed(&category(&error)),
                Err(_) => self.failed(SILENT),
            }
            tokio::time::sleep(backoff.pause()).await;
        }
    }

    /// Ends the claim in one step with the news: whoever loses the connection from now on starts
    /// the next connector.
    fn connected(self, made: Made) {
        let mut connector = self.shared.connector();
        if !connector.running.give_back(self.claim) {
            return;
        }
        connector.generation += 1;
        let generation = connector.generation;
        self.shared.replace(|_| {
            Some(State::Up {
                line: Line { connection: made.connection, generation },
                since: Instant::now(),
                is_over: made.is_over,
                is_tracked: made.is_tracked,
                _driver: made.driver,
            })
        });
        // Whoever listens may take its time: nobody is to wait for it.
        drop(connector);
        event!(info, "connected to the cache server");
    }

    async fn make(&self) -> Result<Made, RedisError> {
        let LinkSettings { source, tracking, .. } = &self.shared.settings;
        let made = match source {
            Source::Connection(connection) => connect::adopt(connection),
            Source::Client(client) => {
                connect::open(client, *tracking, &self.shared.generations).await?
            }
        };
        made.set_up(*tracking, &self.shared.clock).await
    }

    fn failed(&self, reason: &str) {
        let mut connector = self.shared.connector();
        if !connector.running.renew(self.claim) {
            // Another one may have connected meanwhile.
            return;
        }
        // Once for each way to fail, not once for each attempt.
        let news = self.shared.replace(|state| match state {
            State::Down { reason: known } if known == reason => None,
            _ => Some(State::Down { reason: reason.to_owned() }),
        });
        drop(connector);
        if news {
            event!(warn, reason = reason, "cannot connect to the cache server");
        }
    }
}

/// What kind of failure it is, never its text: that may quote something.
fn category(error: &RedisError) -> Cow<'_, str> {
    // The source is said to be the pointer that it is behind.
    let source =
        error.source().and_then(|source| source.downcast_ref::<Arc<dyn StdError + Send + Sync>>());
    let of_socket = source.and_then(|source| source.downcast_ref::<io::Error>());
    match of_socket.map(io::Error::kind) {
        // Of a socket's path, or of a name.
        Some(io::ErrorKind::NotFound) => "not found".into(),
        Some(kind) => kind.to_string().into(),
        None => error.code().unwrap_or_else(|| error.category()).into(),
    }
}

pub(super) fn is_no_script(error: &Error) -> bool {
    is_server_error(error, NO_SCRIPT)
}

pub(super) fn is_wrong_type(error: &Error) -> bool {
    is_server_error(error, WRONG_TYPE)
}

fn is_server_error(error: &Error, code: &str) -> bool {
    error.kind() == ErrorKind::Server && error.to_string().ends_with(code)
}
