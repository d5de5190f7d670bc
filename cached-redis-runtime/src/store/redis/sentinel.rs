//! Which server is the primary, by what the sentinels say.

use std::borrow::Cow;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ProtocolVersion, PushInfo,
    PushKind, RedisError, Value, from_redis_value_ref,
};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::connect::{Refusal, accepted};
use super::greeting;
use super::line::Line;
use super::source::SocketOptions;
use crate::error::Error;

/// How long the sentinels have to say where the primary is. Leaves time to connect to it within one attempt.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long the others have once one has answered: one that was cut off may be the first, with what was true once.
const GRACE: Duration = Duration::from_millis(50);
/// How often the sentinels are asked though nothing was heard: a report can be lost, or its sentinel cut off.
const PERIOD: Duration = Duration::from_secs(10);
/// The same without a subscription.
const PERIOD_WITHOUT_REPORTS: Duration = Duration::from_secs(1);

const SWITCHED: &str = "+switch-master";

/// Where a primary is, as sentinels name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    host: String,
    port: u16,
}

/// The sentinels that watch over one primary.
pub(in crate::store) struct Sentinels {
    /// Under which the primary goes.
    name: String,
    clients: Vec<Client>,
    /// To be asked first for reports: the one that has given some last.
    first: AtomicUsize,
    /// How to speak with the primary, wherever it is.
    primary: ConnectionInfo,
    sockets: SocketOptions,
    /// It may be elsewhere.
    changed: Arc<Notify>,
}

/// Why no primary is known.
#[derive(Debug)]
pub(super) enum Unfound {
    /// No sentinel answers.
    Silent,
    /// Those that answer know no such name.
    Unknown,
    /// A sentinel has said no, by what it is to say of that.
    Refused(String),
    /// It is, for now, not a primary.
    Replica,
    /// It cannot be a server.
    Malformed,
}

/// A subscription to what one sentinel reports, or none.
pub(super) struct Reports {
    connection: Option<MultiplexedConnection>,
    is_over: Arc<AtomicBool>,
}

impl Sentinels {
    pub(super) fn new(
        name: String,
        clients: Vec<Client>,
        primary: ConnectionInfo,
        sockets: SocketOptions,
    ) -> Self {
        let (first, changed) = Default::default();
        Self { name, clients, first, primary, sockets, changed }
    }

    /// Where the primary is. All sentinels are asked at once, and who knows of the latest failover is believed.
    pub(super) async fn find(&self) -> Result<Place, Unfound> {
        let mut asked = JoinSet::new();
        for client in &self.clients {
            let (client, name) = (client.clone(), self.name.clone());
            asked.spawn(async move { ask(&client, &name).await });
        }
        let mut deadline = Instant::now() + PATIENCE;
        let mut found: Option<(u64, Place)> = None;
        let mut unfound = Unfound::Silent;
        while let Ok(Some(answer)) = timeout_at(deadline, asked.join_next()).await {
            match answer {
                Ok(Ok((epoch, place))) => {
                    deadline = deadline.min(Instant::now() + GRACE);
                    if found.as_ref().is_none_or(|(known, _)| epoch > *known) {
                        found = Some((epoch, place));
                    }
                }
                // One that says why is worth more than one that is away.
                Ok(Err(Unfound::Silent)) | Err(_) => {}
                Ok(Err(why)) => unfound = why,
            }
        }
        found.map(|(_, place)| place).ok_or(unfound)
    }

    /// A client of the server at a place.
    pub(super) fn client(&self, place: &Place) -> Result<Client, Unfound> {
        let (host, port) = (place.host.clone(), place.port);
        let addr = match self.primary.addr().clone() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure, tls_params }
            }
            _ => ConnectionAddr::Tcp(host, port),
        };
        let info = self.primary.clone().set_addr(addr);
        self.sockets.client(info).map_err(|_: Error| Unfound::Malformed)
    }

    /// The login that is given for the primary.
    pub(super) fn login(&self) -> &redis::RedisConnectionInfo {
        self.primary.redis_settings()
    }

    /// The primary may be elsewhere: whoever listens is to ask again.
    pub(super) fn ring(&self) {
        self.changed.notify_one();
    }

    /// Subscribes to the failovers that a sentinel reports: the first that lets it.
    pub(super) async fn listen(&self) -> Reports {
        let first = self.first.load(Ordering::Relaxed);
        for index in (first..first + self.clients.len()).map(|index| index % self.clients.len()) {
            if let Ok(Ok(reports)) = timeout(PATIENCE, self.subscribe(&self.clients[index])).await {
                self.first.store(index, Ordering::Relaxed);
                return reports;
            }
        }
        Reports { connection: None, is_over: Arc::default() }
    }

    async fn subscribe(&self, client: &Client) -> Result<Reports, RedisError> {
        let info = client.get_connection_info().clone();
        let login = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_redis_settings(login))?;
        let is_over = Arc::new(AtomicBool::new(false));
        let config = config().set_push_sender({
            let (changed, is_over) = (Arc::clone(&self.changed), Arc::clone(&is_over));
            let prefix = format!("{} ", self.name);
            move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    is_over.store(true, Ordering::Relaxed);
                    changed.notify_one();
                } else if reports_switch(&push, &prefix) {
                    changed.notify_one();
                }
                Ok::<_, Infallible>(())
            }
        });
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        connection.subscribe(SWITCHED).await?;
        Ok(Reports { connection: Some(connection), is_over })
    }

    /// Waits until the primary may be elsewhere. Whether the subscription goes on.
    pub(super) async fn changed(&self, reports: &Reports) -> bool {
        let has_reports = reports.connection.is_some();
        let period = if has_reports { PERIOD } else { PERIOD_WITHOUT_REPORTS };
        let _ = timeout(period, self.changed.notified()).await;
        has_reports && !reports.is_over.load(Ordering::Relaxed)
    }
}

fn config() -> AsyncConnectionConfig {
    // Whoever asks waits for so long, and no longer.
    AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None)
}

/// Whether a sentinel reports that a primary, whose name the prefix begins with, is elsewhere.
fn reports_switch(push: &PushInfo, prefix: &str) -> bool {
    let [Value::BulkString(channel), Value::BulkString(message)] = &push.data[..] else {
        return false;
    };
    push.kind == PushKind::Message
        && channel == SWITCHED.as_bytes()
        && message.starts_with(prefix.as_bytes())
}

/// What a sentinel says: where the primary is, and since which failover.
async fn ask(client: &Client, name: &str) -> Result<(u64, Place), Unfound> {
    let refused = |error: RedisError| Unfound::of(&error);
    let mut connection =
        client.get_multiplexed_async_connection_with_config(&config()).await.map_err(refused)?;
    let mut question = redis::cmd("SENTINEL");
    question.arg("get-master-addr-by-name").arg(name);
    let place: Option<(String, u16)> =
        question.query_async(&mut connection).await.map_err(refused)?;
    let (host, port) = place.ok_or(Unfound::Unknown)?;
    let mut question = redis::cmd("SENTINEL");
    question.arg("master").arg(name);
    // Without the right to ask, all are believed alike.
    let details: Result<Value, _> = question.query_async(&mut connection).await;
    Ok((details.ok().and_then(|details| epoch(&details)).unwrap_or_default(), Place { host, port }))
}

fn epoch(details: &Value) -> Option<u64> {
    let details: HashMap<String, String> = from_redis_value_ref(details).ok()?;
    details.get("config-epoch")?.parse().ok()
}

/// Makes sure that a server is a primary: it may have been one when the sentinels were last sure.
pub(super) async fn check_role(line: &Line) -> Result<(), Refusal> {
    let role = match accepted(line.exchange(&redis::cmd("ROLE")).await) {
        // Without the right to ask, the sentinels are believed.
        Err(Refusal::Server(_)) => return Ok(()),
        role => role?,
    };
    let role = match &role {
        Value::Array(role) => role.first().and_then(|role| from_redis_value_ref(role).ok()),
        _ => None,
    };
    match role {
        Some::<String>(role) if role != "master" => Err(Refusal::Sentinel(Unfound::Replica)),
        _ => Ok(()),
    }
}

impl Unfound {
    fn of(error: &RedisError) -> Self {
        match error.code() {
            Some(code) => {
                let text = error.detail().unwrap_or_default();
                Self::Refused(greeting::meaning(code, text).into_owned())
            }
            None if error.kind() == redis::ErrorKind::AuthenticationFailed => {
                Self::Refused("the user or the password is not accepted".to_owned())
            }
            None => Self::Silent,
        }
    }

    /// What is wrong, never a text that may quote something.
    pub(super) fn category(&self) -> Cow<'static, str> {
        match self {
            Self::Silent => "no sentinel answers".into(),
            Self::Unknown => "the sentinels know no primary of that name".into(),
            Self::Refused(why) => {
                format!("a sentinel refuses to say where the primary is: {why}").into()
            }
            Self::Replica => "the server that the sentinels name is not a primary now".into(),
            Self::Malformed => "the sentinels name a primary that cannot be connected to".into(),
        }
    }
}
