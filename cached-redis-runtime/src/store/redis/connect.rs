//! Making a connection and setting it up.

use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, Cmd, Pipeline, ProtocolVersion, PushInfo, RedisConnectionInfo,
    RedisError, ServerError, Value,
};
use tokio::time::Instant;

use super::commands::tracked_get;
use super::generations::Generations;
use super::greeting;
use super::line::{Library, Line};
use super::request::{Reply, Request};
use super::scripts::Scripts;
use super::sentinel::{Place, Unfound};
use super::server_clock::ServerClock;
use super::wire::{Failure, Wire, WireSettings, socket};
use crate::budget;
use crate::group::GENERATION_MARK;
use crate::health::Untracked;

/// The category of a failure that no error describes.
pub(super) const SILENT: &str = "no answer";
const CLUSTER: &str =
    "the server is one of a cluster: write `.cluster([url])`, or `redis+cluster://` in the URL";
const NO_CLUSTER: &str = "the server is not one of a cluster: write `.url(url)`";

/// A peer that has not answered HELLO by then swallows it: a proxy, perhaps.
const HELLO_SHARE: u32 = 3;
/// For how long the key stands that shows whether changes are reported.
const PROBE_MILLIS: u64 = 100;

/// A connection that has just been made.
pub(super) struct Made {
    pub(super) line: Line,
    /// Why changes of groups are not reported on it, if so.
    pub(super) untracked: Option<Untracked>,
    /// Where it leads, if sentinels have said so.
    pub(super) server: Option<Place>,
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum Refusal {
    Socket(io::Error),
    /// The server has said no.
    Server(ServerError),
    Library(RedisError),
    /// It does not answer.
    Silent,
    /// It hung up, or speaks something else.
    Over,
    /// There is no login, by the user's provider.
    NoLogin,
    Cluster,
    NoCluster,
    /// It is not known where the primary is.
    Sentinel(Unfound),
}

/// A connection that is to be opened.
pub(super) struct Opening<'a> {
    pub(super) client: &'a Client,
    /// Who logs in, and into which database.
    pub(super) login: RedisConnectionInfo,
    pub(super) setup: Setup<'a>,
}

/// What a connection is set up with.
pub(super) struct Setup<'a> {
    /// Whether the server is to be one of a cluster.
    pub(super) is_of_cluster: bool,
    /// Whether changes of groups are to be reported: RESP3, where the server speaks it.
    pub(super) tracking: bool,
    /// A key that shows whether they are.
    pub(super) probe: &'a str,
    pub(super) wire: WireSettings,
    pub(super) clock: &'a ServerClock,
    /// How long one attempt may take.
    pub(super) patience: Duration,
}

impl Opening<'_> {
    /// Opens a connection to where the client points.
    pub(super) async fn open(&self) -> Result<Made, Refusal> {
        if self.setup.tracking && self.login.protocol() != ProtocolVersion::RESP3 {
            match self.open_with(Some(self.setup.patience / HELLO_SHARE)).await {
                // It hangs up on HELLO, or swallows it.
                Err(Refusal::Over | Refusal::Silent) => {}
                made => return made,
            }
            let made = self.open_with(None).await?;
            let untracked = made.untracked.map(|_| Untracked::Protocol);
            return Ok(Made { untracked, ..made });
        }
        let says_resp3 = self.login.protocol() != ProtocolVersion::RESP2;
        self.open_with(says_resp3.then_some(self.setup.patience)).await
    }

    /// Opens a connection; over RESP3 with a time for HELLO.
    async fn open_with(&self, hello: Option<Duration>) -> Result<Made, Refusal> {
        let line = match socket::open(self.client).await {
            Some(socket) => {
                let socket = socket.map_err(Refusal::Socket)?;
                Line::Wire(Wire::new(socket, self.setup.wire.clone()))
            }
            None => {
                let connection = self.library().await.map_err(Refusal::Library)?;
                let line = Line::Library(Library::new(connection, self.setup.wire.patience));
                let has_pushes = self.login.protocol() != ProtocolVersion::RESP2;
                return budget::within(self.setup.patience, self.setup.set_up(line, has_pushes))
                    .await;
            }
        };
        budget::within(self.setup.patience, async {
            let has_pushes = match hello {
                Some(share) => budget::within(share, self.hello(&line)).await?,
                None => false,
            };
            if !has_pushes {
                self.log_in(&line).await?;
            }
            if self.login.db() != 0 {
                accepted(line.exchange(redis::cmd("SELECT").arg(self.login.db())).await)?;
            }
            self.setup.set_up(line, has_pushes).await
        })
        .await
    }

    /// A connection that the client library makes and logs in.
    async fn library(&self) -> Result<redis::aio::MultiplexedConnection, RedisError> {
        let info = self.client.get_connection_info().clone();
        let client = Client::open(info.set_redis_settings(self.login.clone()))?;
        // No timeouts inside: ours around each operation are shorter, and two would only cost twice.
        let mut config =
            AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        if self.login.protocol() != ProtocolVersion::RESP2 {
            let generations = Arc::clone(&self.setup.wire.generations);
            config = config.set_push_sender(move |push: PushInfo| {
                generations.told(&push);
                Ok::<_, Infallible>(())
            });
        }
        client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Asks for RESP3 and logs in. Whether the server speaks it, and this user may ask.
    async fn hello(&self, line: &Line) -> Result<bool, Refusal> {
        let mut hello = redis::cmd("HELLO");
        hello.arg(3);
        if let Some((user, password)) = self.credentials() {
            hello.arg("AUTH").arg(user.unwrap_or("default")).arg(password);
        }
        match accepted(line.exchange(&hello).await) {
            Ok(answer) => self.setup.check(is_cluster(&answer)).map(|()| true),
            Err(Refusal::Server(error)) if matches!(error.code(), "ERR" | "NOPROTO" | "NOPERM") => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn log_in(&self, line: &Line) -> Result<(), Refusal> {
        let Some((user, password)) = self.credentials() else { return Ok(()) };
        let mut auth = redis::cmd("AUTH");
        if let Some(user) = user {
            auth.arg(user);
        }
        accepted(line.exchange(auth.arg(password)).await)?;
        Ok(())
    }

    fn credentials(&self) -> Option<(Option<&str>, &str)> {
        match (self.login.username(), self.login.password()) {
            (None, None) => None,
            (user, password) => Some((user, password.unwrap_or_default())),
        }
    }
}

impl Setup<'_> {
    /// Makes sure that the server answers, and makes it ready.
    pub(super) async fn set_up(&self, line: Line, has_pushes: bool) -> Result<Made, Refusal> {
        accepted(line.exchange(&redis::cmd("PING")).await)?;
        // Without the right to load them, scripts travel with their first use; without the right to
        // ask the time, it comes with the first lease.
        let mut load = Scripts::get().load();
        load.cmd("TIME");
        if !has_pushes {
            load.cmd("INFO").arg("cluster");
        }
        let asked = Instant::now();
        let mut loaded = all(line.exchange(&load).await)?;
        // Without the right to ask, nobody knows.
        if !has_pushes && let Some(is_cluster) = loaded.pop().as_ref().and_then(says_cluster) {
            self.check(is_cluster)?;
        }
        if let Some(millis) = loaded.last().and_then(time) {
            self.clock.set(asked, millis);
        }
        let untracked = match (self.tracking, has_pushes) {
            (false, _) => Some(Untracked::SwitchedOff),
            (true, false) => Some(Untracked::Protocol),
            (true, true) => self.track(&line).await?,
        };
        Ok(Made { line, untracked, server: None })
    }

    /// Whether the server is of the kind that it was said to be.
    fn check(&self, is_cluster: bool) -> Result<(), Refusal> {
        match (is_cluster, self.is_of_cluster) {
            (true, false) => Err(Refusal::Cluster),
            (false, true) => Err(Refusal::NoCluster),
            _ => Ok(()),
        }
    }

    /// Has changes reported, and trusts it only when one has been. Why not, otherwise.
    async fn track(&self, line: &Line) -> Result<Option<Untracked>, Refusal> {
        let generations = &self.wire.generations;
        let before = generations.probes();
        let mut track = redis::pipe();
        track.cmd("CLIENT").arg("TRACKING").arg("ON").arg("OPTIN");
        tracked_get(&mut track, self.probe);
        // A change of one's own is reported too, before the next command is answered.
        track.cmd("SET").arg(self.probe).arg("").arg("PX").arg(PROBE_MILLIS);
        track.cmd("PING");
        let answers = all(line.exchange(&track).await)?;
        let refused = |index: usize| {
            let answer = answers.get(index);
            answer.is_none_or(|answer| matches!(answer, Value::ServerError(_)))
        };
        let untracked = if refused(0) || refused(1) {
            Some(Untracked::Rights)
        } else if refused(2) || refused(3) {
            Some(Untracked::Untried)
        } else if generations.probes() == before {
            Some(Untracked::Silent)
        } else {
            None
        };
        if untracked.is_some() {
            // What is tracked by halves costs the server memory.
            all(line.exchange(&single("CLIENT", &["TRACKING", "OFF"])).await)?;
        }
        Ok(untracked)
    }
}

fn single(name: &'static str, arguments: &[&str]) -> Pipeline {
    let mut pipeline = redis::pipe();
    let command = pipeline.cmd(name);
    for argument in arguments {
        command.arg(*argument);
    }
    pipeline
}

/// The answer to a command, unless the server has refused it.
pub(super) fn accepted(reply: Result<Reply, Failure>) -> Result<Value, Refusal> {
    match Cmd::answer(reply?).map_err(|_| Refusal::Over)? {
        Value::ServerError(error) => Err(Refusal::Server(error)),
        value => Ok(value),
    }
}

/// The answers to several, each of which may be refused.
fn all(reply: Result<Reply, Failure>) -> Result<Vec<Value>, Refusal> {
    Pipeline::answer(reply?).map_err(|_| Refusal::Over)
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Late | Failure::Silent | Failure::NoTimers | Failure::Full => Self::Silent,
            Failure::Over | Failure::Malformed | Failure::Refused(_) => Self::Over,
        }
    }
}

impl From<Unfound> for Refusal {
    fn from(unfound: Unfound) -> Self {
        Self::Sentinel(unfound)
    }
}

impl Refusal {
    /// What kind of failure it is, never a text that may quote something.
    pub(super) fn category(&self) -> Cow<'static, str> {
        match self {
            Self::Socket(error) => of_socket(error),
            Self::Server(error) => {
                greeting::meaning(error.code(), error.details().unwrap_or_default())
            }
            Self::Library(error) => of_library(error),
            Self::Silent => SILENT.into(),
            Self::Over => "the server hung up".into(),
            Self::NoLogin => "no credentials".into(),
            Self::Cluster => CLUSTER.into(),
            Self::NoCluster => NO_CLUSTER.into(),
            Self::Sentinel(unfound) => unfound.category(),
        }
    }

    /// Whether the server knows this user not, or not with this password.
    pub(super) fn is_of_login(&self) -> bool {
        let code = match self {
            Self::Server(error) => error.code(),
            Self::Library(error) => error.code().unwrap_or_default(),
            Self::NoLogin => return true,
            _ => return false,
        };
        matches!(code, "WRONGPASS" | "NOAUTH" | "NOPERM")
    }
}

fn of_socket(error: &io::Error) -> Cow<'static, str> {
    match error.kind() {
        // Of a socket's path, or of a name.
        io::ErrorKind::NotFound => "not found".into(),
        kind => kind.to_string().into(),
    }
}

fn of_library(error: &RedisError) -> Cow<'static, str> {
    // The source is said to be the pointer that it is behind.
    let source =
        error.source().and_then(|source| source.downcast_ref::<Arc<dyn StdError + Send + Sync>>());
    match source.and_then(|source| source.downcast_ref::<io::Error>()) {
        Some(error) => of_socket(error),
        None => error.code().unwrap_or_else(|| error.category()).to_owned().into(),
    }
}

/// Whether the answer to HELLO is that of a cluster.
fn is_cluster(hello: &Value) -> bool {
    let text = |value: &Value, expected: &str| match value {
        Value::BulkString(bytes) => bytes == expected.as_bytes(),
        Value::SimpleString(text) => text == expected,
        _ => false,
    };
    let Value::Map(pairs) = hello else { return false };
    pairs.iter().any(|(name, value)| text(name, "mode") && text(value, "cluster"))
}

/// Whether the answer to INFO is that of a cluster; `None` if it does not say.
fn says_cluster(info: &Value) -> Option<bool> {
    let text = match info {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes),
        Value::VerbatimString { text, .. } => text.as_str().into(),
        _ => return None,
    };
    Some(text.lines().any(|line| line.trim() == "cluster_enabled:1"))
}

/// The answer to TIME in milliseconds.
pub(super) fn time(answer: &Value) -> Option<u64> {
    let (seconds, micros): (u64, u64) = redis::from_redis_value_ref(answer).ok()?;
    seconds.checked_mul(1000)?.checked_add(micros / 1000)
}

/// A key that is written and read once at each connection.
pub(super) fn probe_key(namespace: &str) -> String {
    format!("{namespace}{GENERATION_MARK}{}}}", Generations::PROBE)
}
