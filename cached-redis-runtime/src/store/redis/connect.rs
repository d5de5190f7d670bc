//! Making a connection and setting it up.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::{
    AsyncConnectionConfig, Client, ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError,
    Value,
};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::generations::Generations;
use super::scripts::Scripts;
use super::server_clock::ServerClock;
use super::socket::{self, Gathering, Plain};

/// A connection that has just been made.
pub(super) struct Made {
    pub(super) connection: MultiplexedConnection,
    pub(super) driver: Option<AbortOnDrop>,
    /// No more replies will come. A driver that is not ours does not tell.
    pub(super) is_over: Arc<AtomicBool>,
    /// The server tells it what changes.
    pub(super) is_tracked: bool,
    has_pushes: bool,
}

/// The task that reads and writes a connection.
pub(super) struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Held by a driver: dropped when it ends, is aborted, or its runtime is shut down.
struct OverOnDrop(Arc<AtomicBool>);

impl Drop for OverOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A connection that somebody else has made.
pub(super) fn adopt(connection: &MultiplexedConnection) -> Made {
    Made::new(connection.clone(), false)
}

/// Opens a connection to where a client points; with `tracking` over RESP3, if it is spoken there.
pub(super) async fn open(
    client: &Client,
    tracking: bool,
    generations: &Arc<Generations>,
) -> Result<Made, RedisError> {
    let settings = client.get_connection_info().redis_settings();
    if tracking && let Some(socket) = socket::open(client).await {
        let with_pushes = settings.clone().set_protocol(ProtocolVersion::RESP3);
        // Otherwise it does not speak RESP3, or hangs up on it, or this user must not.
        if let Ok(made) = greet(socket?, &with_pushes, generations).await {
            return Ok(made);
        }
    }
    match socket::open(client).await {
        Some(socket) => greet(socket?, settings, generations).await,
        // The protocol is what the client says.
        None => {
            let config = config(settings, generations);
            let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
            Ok(Made::new(connection, has_pushes(settings)))
        }
    }
}

fn has_pushes(settings: &RedisConnectionInfo) -> bool {
    settings.protocol() != ProtocolVersion::RESP2
}

fn config(settings: &RedisConnectionInfo, generations: &Arc<Generations>) -> AsyncConnectionConfig {
    // No timeouts inside: ours around each operation are shorter, and two would only cost twice.
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    if !has_pushes(settings) {
        return config;
    }
    let generations = Arc::clone(generations);
    config.set_push_sender(move |push: PushInfo| {
        generations.told(&push);
        Ok::<_, Infallible>(())
    })
}

async fn greet(
    socket: Gathering<Plain>,
    settings: &RedisConnectionInfo,
    generations: &Arc<Generations>,
) -> Result<Made, RedisError> {
    let config = config(settings, generations);
    let (connection, driver) =
        MultiplexedConnection::new_with_config(settings, socket, config).await?;
    let made = Made::new(connection, has_pushes(settings));
    let at_end = OverOnDrop(Arc::clone(&made.is_over));
    let driver = tokio::spawn(async move {
        let _at_end = at_end;
        driver.await;
    });
    Ok(Made { driver: Some(AbortOnDrop(driver)), ..made })
}

impl Made {
    fn new(connection: MultiplexedConnection, has_pushes: bool) -> Self {
        Self { connection, driver: None, is_over: Arc::default(), has_pushes, is_tracked: false }
    }

    /// Makes sure that the server answers, and makes it ready.
    pub(super) async fn set_up(
        mut self,
        tracking: bool,
        clock: &ServerClock,
    ) -> Result<Self, RedisError> {
        self.connection.send_packed_command(&redis::cmd("PING")).await?;
        // Without the right to load them, scripts travel with their first use; without the right to
        // ask the time, it comes with the first lease.
        let mut load = Scripts::get().load();
        load.cmd("TIME");
        let asked = Instant::now();
        let loaded = self.connection.req_packed_commands(&load, 0, load.len()).await;
        if let Some(millis) = loaded.ok().as_deref().and_then(<[_]>::last).and_then(time) {
            clock.set(asked, millis);
        }
        if tracking && self.has_pushes {
            let mut track = redis::cmd("CLIENT");
            track.arg("TRACKING").arg("ON").arg("OPTIN");
            let answer = self.connection.send_packed_command(&track).await;
            self.is_tracked = matches!(answer, Ok(Value::Okay));
        }
        Ok(self)
    }
}

/// The answer to TIME in milliseconds.
pub(super) fn time(answer: &Value) -> Option<u64> {
    let (seconds, micros): (u64, u64) = redis::from_redis_value_ref(answer).ok()?;
    seconds.checked_mul(1000)?.checked_add(micros / 1000)
}
