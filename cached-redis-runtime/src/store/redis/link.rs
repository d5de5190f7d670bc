//! The way to the server and its breaker: one state machine.
//!
//! ```text
//! Idle --first use--> Connecting --answered--> Up <--a byte arrives-- Silent
//!                        |  ^                  | |                     ^  |
//!                     failed |               lost  silent for a budget-+  | another connection is up
//!                        v  | back-off         v                          v
//!                       Down              Connecting                      Up
//! ```
//!
//! While `Silent` or `Down`, operations fail at once. A silent connection is kept, for its server may
//! only be busy, and a new one is tried meanwhile: whichever answers first is used. Attempts are the
//! half-open probe: it is `Up` again only after the server has answered. `docs/protocol.md` says what
//! counts as progress, and who may declare a connection silent.
//!
//! Attempts run in a task. Where that is not driven, because its runtime idles, the next caller makes the
//! attempt itself, within its own budget. The `redis` crate's own connection manager is not used: it may
//! hold a command for seconds while a server refuses, and never rebuilds a connection that has gone
//! silent.

mod connector;
mod follow;
mod status;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use redis::ServerError;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, timeout};

use super::cluster::Member;
use super::connect::SILENT;
use super::credentials::Provider;
use super::generations::Generations;
use super::line::{Library, Line};
use super::request::Request;
use super::server_clock::ServerClock;
use super::source::Source;
use super::wire::Failure;
use crate::budget;
use crate::error::{Error, ErrorKind};
use crate::health::{Condition, Tracking, Untracked};
use crate::loss::Losses;
use crate::stats::ConnectionCounters;
use crate::telemetry::event;
use connector::Connector;
use follow::Follower;
use status::{State, Status, Up};

/// How old a connection to a server that refuses writes must be before it is made again.
const RECONNECT_TO_READ_ONLY: Duration = Duration::from_secs(1);

/// The number of the first connection.
const FIRST: u64 = 1;

const READ_ONLY: &str = "READONLY";

/// How to speak with the server.
#[derive(Clone)]
pub(crate) struct LinkSettings {
    /// The whole budget of an operation.
    pub(crate) patience: Duration,
    /// Whether to have the server tell what changes: RESP3, where it speaks it.
    pub(crate) tracking: bool,
    /// Of the keys.
    pub(crate) namespace: String,
    /// The longest reply that is kept.
    pub(crate) longest_reply: usize,
    /// Who logs in, if that changes.
    pub(crate) credentials: Option<Arc<Provider>>,
    /// What there is to know if the server is one of a cluster.
    pub(crate) member: Option<Member>,
}

/// A handle; clones share the connection.
#[derive(Clone)]
pub(crate) struct Link(Arc<Shared>);

struct Shared {
    source: Source,
    settings: LinkSettings,
    status: Status,
    connector: Mutex<Connector>,
    clock: ServerClock,
    reports: OnceLock<Reports>,
    follower: Follower,
}

/// Where connections are counted.
struct Reports {
    counters: Arc<ConnectionCounters>,
    losses: Arc<Losses>,
}

/// What an operation that is about to send can do.
enum Way {
    Open(Up),
    /// A connection is being made, since then, or is to be.
    Opening(Option<Instant>),
    /// Nothing: the server is away.
    Closed(Error),
    /// Look again.
    Changed,
}

impl Link {
    pub(in crate::store) fn new(source: Source, settings: LinkSettings) -> Self {
        let state = match &source {
            Source::Client(_) | Source::Sentinel(_) => State::Idle,
            Source::Connection(connection) => State::Up(Up {
                line: Line::Library(Library::new(connection.clone(), settings.patience)),
                number: FIRST,
                since: Instant::now(),
                untracked: Some(Untracked::Foreign),
                try_again: None,
            }),
        };
        Self(Arc::new(Shared {
            source,
            settings,
            status: Status::new(state),
            connector: Mutex::new(Connector::new(FIRST)),
            clock: ServerClock::default(),
            reports: OnceLock::new(),
            follower: Follower::default(),
        }))
    }

    /// Sends a command or several, within the budget of the operation that is running. Fails at once
    /// while the server is away.
    ///
    /// If the connection turns out to be lost, it is sent once more on the next one: every operation
    /// may be executed twice.
    pub(super) async fn send<R: Request>(&self, request: &R) -> Result<R::Answer, Error> {
        let up = self.up().await?;
        match self.send_on(&up, request).await {
            Err(error) if error.kind() == ErrorKind::Unreachable => {
                let again = async {
                    let up = self.up().await?;
                    self.send_on(&up, request).await
                };
                Box::pin(again).await
            }
            answer => answer,
        }
    }

    async fn send_on<R: Request>(&self, up: &Up, request: &R) -> Result<R::Answer, Error> {
        match up.line.exchange(request).await {
            Ok(reply) => {
                let answer = R::answer(reply)?;
                if let Some(error) = R::error(&answer) {
                    self.refused(up.number, error);
                    if let Some(member) = &self.0.settings.member {
                        member.refused(error);
                    }
                }
                R::accept(answer)
            }
            Err(failure) => Err(self.failed(up.number, failure)),
        }
    }

    fn refused(&self, number: u64, error: &ServerError) {
        // Redis before 7 reports what failed inside a script as part of the message.
        let inside = error.details().is_some_and(|details| details.contains(READ_ONLY));
        if inside || error.code() == READ_ONLY {
            self.demoted(number);
        }
    }

    fn failed(&self, number: u64, failure: Failure) -> Error {
        match failure {
            Failure::Over => {
                self.remake(number);
                Error::unreachable()
            }
            Failure::Silent => {
                self.lost(number, |up| match up.line {
                    Line::Wire(_) => State::Silent { up: up.clone(), arrived: up.line.arrived() },
                    Line::Library(_) => State::Down { reason: SILENT.to_owned() },
                });
                Error::timeout()
            }
            Failure::Late => Error::timeout(),
            Failure::Full => Error::unreachable_because("too many requests are waiting"),
            // Says nothing of the server.
            Failure::NoTimers => Error::unreachable(),
            Failure::Refused(error) => error,
            Failure::Malformed => Error::protocol(),
        }
    }

    /// What is known of generations, for as long as the connection is tracked.
    pub(super) fn generations(&self) -> &Arc<Generations> {
        self.0.status.generations()
    }

    /// The longest reply that is kept.
    pub(super) fn longest_reply(&self) -> usize {
        self.0.settings.longest_reply
    }

    pub(super) fn clock(&self) -> &ServerClock {
        &self.0.clock
    }

    /// Whether changes of groups are reported on the connection that is up. Where they are not, tries for another one
    /// now and then.
    pub(crate) fn is_tracked(&self) -> bool {
        match &**self.0.status.load() {
            State::Up(Up { untracked: None, .. }) => true,
            State::Up(Up { try_again: Some(when), .. }) if Instant::now() >= *when => {
                self.0.improve();
                false
            }
            _ => false,
        }
    }

    /// When the connection was made that is up.
    pub(super) fn made(&self) -> Option<Instant> {
        match &**self.0.status.load() {
            State::Up(up) => Some(up.since),
            _ => None,
        }
    }

    /// Whether there is a connection, made then or later, that can be used without a wait. Where there is none, sees to it
    /// that there will be.
    pub(super) fn is_at_hand(&self, since: Instant) -> bool {
        match self.way() {
            Way::Open(up) if up.since >= since => return true,
            Way::Open(up) => drop(self.remake(up.number)),
            _ => self.0.start(),
        }
        false
    }

    /// What is known of the connection.
    pub(crate) fn condition(&self) -> Condition {
        let tracking = match &**self.0.status.load() {
            State::Up(up) => up.untracked.map_or(Tracking::On, Tracking::Off),
            _ => Tracking::Unknown,
        };
        Condition { tracking }
    }

    /// Where to count connections, and to report what is lost with them.
    pub(crate) fn report_to(&self, counters: &Arc<ConnectionCounters>, losses: &Arc<Losses>) {
        let reports = Reports { counters: Arc::clone(counters), losses: Arc::clone(losses) };
        // Said once.
        let _ = self.0.reports.set(reports);
    }

    /// A connection to send on. Waits while the first one, or the next, is being made.
    async fn up(&self) -> Result<Up, Error> {
        match self.way() {
            Way::Open(up) => Ok(up),
            // On the heap: what connecting takes would be in the future of every hit, which is copied.
            _ => Box::pin(self.connected()).await,
        }
    }

    async fn connected(&self) -> Result<Up, Error> {
        let mut changed = None;
        let mut has_tried = false;
        loop {
            let since = match self.way() {
                Way::Open(up) => return Ok(up),
                Way::Changed => continue,
                Way::Closed(error) => Err(error),
                Way::Opening(since) => Ok(since),
            };
            // Also while one connects: a connector dies with the runtime that it was started on.
            let left = budget::left_or(self.0.settings.patience);
            if !std::mem::replace(&mut has_tried, true) && self.0.connect(left).await {
                continue;
            }
            // Whoever calls in a loop, and fails at once, lets the connector run now and then.
            consume_budget().await;
            let Some(since) = since? else { continue };
            let left = self.0.settings.patience.saturating_sub(since.elapsed()).min(left);
            if left.is_zero() {
                return Err(Error::unreachable());
            }
            let receiver = changed.get_or_insert_with(|| self.0.status.changes());
            if matches!(**self.0.status.load(), State::Connecting { .. }) {
                let began = Instant::now();
                let _ = timeout(left, receiver.changed()).await;
                budget::charge(began.elapsed());
            }
        }
    }

    /// What the state means to an operation that is about to send.
    fn way(&self) -> Way {
        match &**self.0.status.load() {
            State::Up(up) if !up.line.is_over() => Way::Open(up.clone()),
            // Seen before anything was sent: the next connection will do.
            State::Up(up) => self.remake(up.number),
            State::Silent { up, .. } if up.line.is_over() => self.remake(up.number),
            State::Silent { .. } if self.0.status.listen() => Way::Changed,
            State::Silent { .. } => Way::Closed(Error::unreachable_because(SILENT)),
            State::Down { reason } => Way::Closed(Error::unreachable_because(reason)),
            State::Idle => Way::Opening(None),
            State::Connecting { since } => Way::Opening(Some(*since)),
        }
    }

    /// A server that refuses writes may have been a primary when the connection was made; its name
    /// may lead elsewhere by now. Not for a young connection: it may be a replica for good, unless sentinels
    /// have named it.
    fn demoted(&self, number: u64) {
        if let State::Up(up) = &**self.0.status.load()
            && (matches!(self.0.source, Source::Sentinel(_))
                || up.since.elapsed() > RECONNECT_TO_READ_ONLY)
        {
            self.remake(number);
        }
    }

    /// Gives a connection up for the next one.
    fn remake(&self, number: u64) -> Way {
        self.lost(number, |_| State::Connecting { since: Instant::now() });
        Way::Changed
    }

    /// Gives a connection up, unless it has been replaced already.
    fn lost(&self, number: u64, next: impl FnOnce(&Up) -> State) {
        let given_up = self.0.status.replace(|state| match state {
            State::Up(up) | State::Silent { up, .. } if up.number == number => match next(up) {
                State::Silent { .. } if matches!(state, State::Silent { .. }) => None,
                next => Some(next),
            },
            _ => None,
        });
        if given_up {
            event!(warn, "connection to the cache server lost");
            self.0.start();
        }
    }
}

impl Shared {
    fn connector(&self) -> MutexGuard<'_, Connector> {
        self.connector.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
