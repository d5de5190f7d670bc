//! A connection, whoever has made it.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::time::Instant;

use super::commands::server_error;
use super::request::{Reply, Request};
use super::wire::{Failure, Wire};
use crate::budget::{self, by, timed};

/// A connection that is up; clones share it.
#[derive(Clone)]
pub(super) enum Line {
    /// Over a plain socket.
    Wire(Wire),
    /// Of the client library: with TLS, or made by the user.
    Library(Library),
}

impl Line {
    /// Sends a request, and waits for the reply within what is left of the operation's budget.
    pub(super) async fn exchange<R: Request>(&self, request: &R) -> Result<Reply, Failure> {
        match self {
            Self::Wire(wire) => wire.exchange(request).await,
            Self::Library(library) => Box::pin(library.exchange(request)).await,
        }
    }

    /// Whether no more replies will come, as far as can be seen.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Wire(wire) => wire.is_over(),
            Self::Library(_) => false,
        }
    }

    /// How much has arrived, to see whether it is silent.
    pub(super) fn arrived(&self) -> u64 {
        match self {
            Self::Wire(wire) => wire.arrived(),
            Self::Library(library) => library.answered.load(Ordering::Relaxed),
        }
    }
}

/// A connection of the client library. Its socket is out of sight, so answers are what counts as a
/// sign of life, and all time as the server's.
#[derive(Clone)]
pub(super) struct Library {
    connection: MultiplexedConnection,
    patience: Duration,
    answered: Arc<AtomicU64>,
}

impl Library {
    pub(super) fn new(connection: MultiplexedConnection, patience: Duration) -> Self {
        Self { connection, patience, answered: Arc::default() }
    }

    async fn exchange<R: Request>(&self, request: &R) -> Result<Reply, Failure> {
        let mut connection = self.connection.clone();
        let answered = self.answered.load(Ordering::Relaxed);
        let left = budget::left_or(self.patience);
        let began = Instant::now();
        let mut sending = pin!(request.send(&mut connection));
        let mut deadline = began + left;
        for is_last in [false, true] {
            let heard = match by(deadline, sending.as_mut()) {
                Some(heard) => timed(pin!(heard)).await,
                None => None,
            };
            match heard {
                None => return Err(Failure::NoTimers),
                Some(Ok(result)) => {
                    budget::charge(began.elapsed());
                    return result.map_err(|error| self.failed(&error)).inspect(|_| {
                        self.answered.fetch_add(1, Ordering::Relaxed);
                    });
                }
                // What reads the connection may not have had its turn.
                Some(Err(_)) if !is_last => {
                    tokio::task::yield_now().await;
                    deadline = Instant::now();
                }
                Some(Err(_)) => {}
            }
        }
        budget::charge(left);
        let is_silent = left >= self.patience && answered == self.answered.load(Ordering::Relaxed);
        Err(if is_silent { Failure::Silent } else { Failure::Late })
    }

    fn failed(&self, error: &redis::RedisError) -> Failure {
        if let Some(code) = error.code() {
            // An answer, if not the one hoped for: the connection works.
            self.answered.fetch_add(1, Ordering::Relaxed);
            return Failure::Refused(server_error(code));
        }
        if error.is_unrecoverable_error() || error.is_io_error() {
            return Failure::Over;
        }
        if error.is_timeout() { Failure::Late } else { Failure::Malformed }
    }
}
