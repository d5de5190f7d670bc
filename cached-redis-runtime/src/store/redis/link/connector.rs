//! Making connections: the first, the next after one was lost, and better ones.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use redis::RedisConnectionInfo;
use tokio::runtime::Handle;
use tokio::time::{Instant, interval, timeout};

use super::status::{State, Up};
use super::{Line, Reports, Shared};
use crate::backoff::Backoff;
use crate::budget;
use crate::health::Tracking;
use crate::loss::Loss;
use crate::sole_task::{SoleTask, TaskToken};
use crate::store::redis::connect::{Made, Opening, Refusal, Setup, probe_key};
use crate::store::redis::line::Library;
use crate::store::redis::sentinel::{Place, check_role};
use crate::store::redis::source::Source;
use crate::store::redis::wire::WireSettings;
use crate::telemetry::event;

/// How long a connection attempt may take, the handshake included.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pause between attempts: from the first to the longest. Short enough that hits are back within
/// two seconds of the server, long enough not to hammer one that restarts.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// The same while the server refuses the login, which only people can mend.
const LONGEST_PAUSE_OF_LOGIN: Duration = Duration::from_secs(60);
/// How often a connector gives a sign of life, and after how long without one its runtime is taken to
/// be idle: then a caller makes the attempt itself.
const SIGN: Duration = Duration::from_millis(100);
const SILENCE: Duration = Duration::from_millis(500);
/// Between attempts to get a connection on which changes are reported, where the one that is up is
/// none.
const FIRST_IMPROVEMENT: Duration = Duration::from_secs(5);
const LONGEST_IMPROVEMENT: Duration = Duration::from_secs(600);

/// Who makes connections, one at a time.
pub(super) struct Connector {
    running: SoleTask,
    /// The number of the last connection.
    number: u64,
    /// While attempts fail.
    backoff: Backoff,
    /// Before that, nobody tries.
    next_attempt: Option<Instant>,
    improvement: Duration,
    /// Where the last connection leads, if sentinels have said so.
    server: Option<Place>,
}

impl Connector {
    pub(super) fn new(number: u64) -> Self {
        Self {
            running: SoleTask::new(SILENCE),
            number,
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
            next_attempt: None,
            improvement: FIRST_IMPROVEMENT,
            server: None,
        }
    }

    /// The number of the last connection.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Where the last connection leads, if sentinels have said so.
    pub(super) fn server(&self) -> Option<&Place> {
        self.server.as_ref()
    }
}

impl Shared {
    /// Sees to it that a connection is being made. Where the task for it is not driven, makes the attempt
    /// here, within `left`: whether that has led to a connection.
    pub(super) async fn connect(self: &Arc<Self>, left: Duration) -> bool {
        let running = {
            let mut connector = self.connector();
            // It may have connected since the caller looked.
            if matches!(**self.status.load(), State::Up(_)) {
                return true;
            }
            let is_due = connector.next_attempt.is_none_or(|next| Instant::now() >= next);
            if !connector.running.has_lapsed() || !is_due {
                drop(connector);
                self.start();
                return false;
            }
            let Some(token) = connector.running.take() else { return false };
            Running { shared: Arc::clone(self), token }
        };
        let began = Instant::now();
        let made = timeout(left, running.make()).await;
        budget::charge(began.elapsed());
        match made {
            Ok(Ok(made)) => running.connected(made),
            Ok(Err(refusal)) => {
                running.failed(&refusal);
                false
            }
            Err(_) => {
                running.failed(&Refusal::Silent);
                false
            }
        }
    }

    /// Starts the connector unless one is running.
    pub(super) fn start(self: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut connector = self.connector();
        if matches!(**self.status.load(), State::Up(_)) {
            return;
        }
        let Some(token) = connector.running.take() else { return };
        drop(connector);
        self.status.replace(|state| match state {
            State::Idle => Some(State::Connecting { since: Instant::now() }),
            _ => None,
        });
        runtime.spawn(Running { shared: Arc::clone(self), token }.run());
    }

    /// Tries for a connection on which changes are reported, in the place of the one that is up.
    pub(super) fn improve(self: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut connector = self.connector();
        let Some(token) = connector.running.take() else { return };
        connector.improvement = (connector.improvement * 2).min(LONGEST_IMPROVEMENT);
        let try_again = Some(Instant::now() + connector.improvement);
        drop(connector);
        // Not again meanwhile.
        self.status.amend(|up| Up { try_again, ..up.clone() });
        let running = Running { shared: Arc::clone(self), token };
        runtime.spawn(async move {
            if let Some(Ok(made)) = running.attempt().await
                && made.untracked.is_none()
            {
                running.replaced(made);
            }
        });
    }
}

/// The token of the only one who makes a connection. Dropped with its task, also when the runtime
/// that the task was spawned on goes away.
struct Running {
    shared: Arc<Shared>,
    token: TaskToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.shared.connector().running.give_back(self.token) {
            // Whoever waits for it starts the next one.
            self.shared.status.wake();
        }
    }
}

impl Running {
    async fn run(self) {
        // Two owners: this task and whoever still uses the cache.
        while Arc::strong_count(&self.shared) > 1 {
            let Some(made) = self.attempt().await else { return };
            let refusal = match made {
                Ok(made) => {
                    self.connected(made);
                    return;
                }
                Err(refusal) => refusal,
            };
            let pause = self.failed(&refusal);
            if self.alive(tokio::time::sleep(pause)).await.is_none() || self.is_needless() {
                return;
            }
        }
    }

    /// Makes a connection; `None` if this connector has lost its token meanwhile.
    async fn attempt(&self) -> Option<Result<Made, Refusal>> {
        match self.alive(timeout(PATIENCE, self.make())).await? {
            Ok(made) => Some(made),
            Err(_) => Some(Err(Refusal::Silent)),
        }
    }

    /// Nobody needs another connection while one answers.
    fn is_needless(&self) -> bool {
        self.shared.status.listen();
        matches!(**self.shared.status.load(), State::Up(_))
    }

    /// Waits, giving signs of life; `None` once the token has been lost.
    async fn alive<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut signs = interval(SIGN);
        loop {
            tokio::select! {
                output = &mut future => return Some(output),
                _ = signs.tick() => {
                    if !self.shared.connector().running.renew(self.token) {
                        return None;
                    }
                }
            }
        }
    }

    async fn make(&self) -> Result<Made, Refusal> {
        let Shared { source, settings, status, clock, .. } = &*self.shared;
        let probe = match &settings.member {
            Some(member) => probe_key(&member.namespace()),
            None => probe_key(&settings.namespace),
        };
        let setup = Setup {
            is_of_cluster: settings.member.is_some(),
            tracking: settings.tracking,
            probe: &probe,
            wire: WireSettings {
                patience: settings.patience,
                longest: settings.longest_reply,
                gathers: settings.member.is_none(),
                generations: Arc::clone(status.generations()),
            },
            clock,
            patience: PATIENCE,
        };
        match source {
            Source::Connection(connection) => {
                let line = Line::Library(Library::new(connection.clone(), settings.patience));
                budget::within(PATIENCE, setup.set_up(line, false)).await
            }
            Source::Client(client) => {
                let login = self.login(client.get_connection_info().redis_settings()).await?;
                Opening { client, login, setup }.open().await
            }
            Source::Sentinel(sentinels) => {
                let place = sentinels.find().await?;
                let client = sentinels.client(&place)?;
                let login = self.login(sentinels.login()).await?;
                let made = Opening { client: &client, login, setup }.open().await?;
                budget::within(PATIENCE, check_role(&made.line)).await?;
                Ok(Made { server: Some(place), ..made })
            }
        }
    }

    async fn login(&self, given: &RedisConnectionInfo) -> Result<RedisConnectionInfo, Refusal> {
        match &self.shared.settings.credentials {
            Some(provider) => provider.login(given).await.ok_or(Refusal::NoLogin),
            None => Ok(given.clone()),
        }
    }

    /// Gives the token back in one step with the news: whoever loses the connection from now on starts
    /// the next connector. Whether it is up.
    fn connected(&self, made: Made) -> bool {
        // One that was silent and has answered first stays: what it reports has no gap.
        self.shared.status.listen();
        let mut connector = self.shared.connector();
        if !connector.running.give_back(self.token) {
            return false;
        }
        connector.backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        connector.next_attempt = None;
        connector.improvement = FIRST_IMPROVEMENT;
        let is_news = self.put_up(&mut connector, made, |state| !matches!(state, State::Up(_)));
        // Whoever listens may take its time: nobody is to wait for it.
        drop(connector);
        if is_news {
            event!(info, "connected to the cache server");
        }
        true
    }

    /// A better connection takes the place of one that is up.
    fn replaced(&self, made: Made) {
        let mut connector = self.shared.connector();
        if connector.running.give_back(self.token) {
            connector.improvement = FIRST_IMPROVEMENT;
            self.put_up(&mut connector, made, |_| true);
        }
    }

    fn put_up(
        &self,
        connector: &mut Connector,
        made: Made,
        if_state: impl FnOnce(&State) -> bool,
    ) -> bool {
        let number = connector.number + 1;
        let Made { line, untracked, server } = made;
        let try_again = untracked
            .filter(|_| self.shared.settings.tracking)
            .map(|_| Instant::now() + connector.improvement);
        let up = Up { line, number, since: Instant::now(), untracked, try_again };
        let is_news = self.shared.status.replace(|state| if_state(state).then_some(State::Up(up)));
        if is_news {
            if let Some(Reports { counters, losses }) = self.shared.reports.get() {
                // The number after the first is that of the first one that was made.
                if number > super::FIRST + 1 {
                    counters.reconnects.increment();
                }
                if let Some(why) = untracked
                    && self.shared.settings.tracking
                {
                    counters.untracked.increment();
                    losses.report(Loss::Untracked, None, &Tracking::Off(why).to_string());
                }
            }
            connector.number = number;
            connector.server = server;
            self.shared.follow();
        }
        is_news
    }

    /// How long to wait before the next attempt.
    fn failed(&self, refusal: &Refusal) -> Duration {
        let reason = refusal.category();
        if refusal.is_of_login()
            && let Some(provider) = &self.shared.settings.credentials
        {
            provider.forget();
        }
        let mut connector = self.shared.connector();
        if !connector.running.renew(self.token) {
            // Another one may have connected meanwhile.
            return Duration::ZERO;
        }
        let longest = if refusal.is_of_login() { LONGEST_PAUSE_OF_LOGIN } else { LONGEST_PAUSE };
        let pause = connector.backoff.pause_up_to(longest);
        connector.next_attempt = Some(Instant::now() + pause);
        // Once for each way to fail, not once for each attempt.
        let news = self.shared.status.replace(|state| match state {
            State::Down { reason: known } if *known == reason => None,
            // What is silent may answer yet.
            State::Silent { .. } if matches!(refusal, Refusal::Silent) => None,
            State::Up(_) => None,
            _ => Some(State::Down { reason: reason.clone().into_owned() }),
        });
        drop(connector);
        if let (Refusal::Cluster, Some(reports)) = (refusal, self.shared.reports.get()) {
            let why = "write `.cluster([url])` on the builder, or `redis+cluster://` in the URL";
            reports.losses.report(Loss::Cluster, None, why);
        }
        if news {
            event!(warn, reason = &*reason, "cannot connect to the cache server");
        }
        pause
    }
}
