//! What can be sent in one round trip: a command, or several.

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisResult, ServerError, Value};

use super::commands::server_error;
use crate::error::Error;

/// The reply to a request.
#[derive(Debug)]
pub(super) enum Reply {
    One(Value),
    /// One for each command of a pipeline.
    Many(Vec<Value>),
}

/// What can be sent in one round trip.
pub(super) trait Request: Sync {
    type Answer;

    /// Appends it as it goes over the wire.
    fn pack(&self, bytes: &mut Vec<u8>);

    /// The key, if it reads one and does nothing else: then it may be sent along with others.
    fn key(&self) -> Option<&str> {
        None
    }

    /// How many values it is answered with.
    fn replies(&self) -> usize;

    /// Sends it over a connection of the client library.
    fn send(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> impl Future<Output = RedisResult<Reply>> + Send;

    /// The reply as this kind of request is answered.
    fn answer(reply: Reply) -> Result<Self::Answer, Error>;

    /// What the server has turned down.
    fn error(answer: &Self::Answer) -> Option<&ServerError>;

    /// The answer, unless it is an error as a whole.
    fn accept(answer: Self::Answer) -> Result<Self::Answer, Error>;
}

impl Request for Cmd {
    type Answer = Value;

    fn pack(&self, bytes: &mut Vec<u8>) {
        self.write_packed_command(bytes);
    }

    fn replies(&self) -> usize {
        1
    }

    async fn send(&self, connection: &mut MultiplexedConnection) -> RedisResult<Reply> {
        connection.send_packed_command(self).await.map(Reply::One)
    }

    fn answer(reply: Reply) -> Result<Value, Error> {
        match reply {
            Reply::One(value) => Ok(value),
            Reply::Many(_) => Err(Error::protocol()),
        }
    }

    fn error(answer: &Value) -> Option<&ServerError> {
        match answer {
            Value::ServerError(error) => Some(error),
            _ => None,
        }
    }

    fn accept(answer: Value) -> Result<Value, Error> {
        match answer {
            Value::ServerError(error) => Err(server_error(error.code())),
            value => Ok(value),
        }
    }
}

/// `GET` of one key.
pub(super) struct Get<'a>(pub(super) &'a str);

impl Request for Get<'_> {
    type Answer = Value;

    fn pack(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(b"*2\r\n$3\r\nGET\r\n");
        bulk(bytes, self.0.as_bytes());
    }

    fn key(&self) -> Option<&str> {
        Some(self.0)
    }

    fn replies(&self) -> usize {
        1
    }

    async fn send(&self, connection: &mut MultiplexedConnection) -> RedisResult<Reply> {
        redis::cmd("GET").arg(self.0).send(connection).await
    }

    fn answer(reply: Reply) -> Result<Value, Error> {
        Cmd::answer(reply)
    }

    fn error(answer: &Value) -> Option<&ServerError> {
        Cmd::error(answer)
    }

    fn accept(answer: Value) -> Result<Value, Error> {
        Cmd::accept(answer)
    }
}

/// Each answer may be an error of its own: see [`Cmd::accept`](Request::accept).
impl Request for Pipeline {
    type Answer = Vec<Value>;

    fn pack(&self, bytes: &mut Vec<u8>) {
        for command in self.cmd_iter() {
            command.write_packed_command(bytes);
        }
    }

    fn replies(&self) -> usize {
        self.len()
    }

    async fn send(&self, connection: &mut MultiplexedConnection) -> RedisResult<Reply> {
        connection.send_packed_commands(self, 0, self.len()).await.map(Reply::Many)
    }

    fn answer(reply: Reply) -> Result<Vec<Value>, Error> {
        Ok(match reply {
            Reply::One(value) => vec![value],
            Reply::Many(values) => values,
        })
    }

    fn error(answer: &Vec<Value>) -> Option<&ServerError> {
        answer.iter().find_map(Cmd::error)
    }

    fn accept(answer: Vec<Value>) -> Result<Vec<Value>, Error> {
        Ok(answer)
    }
}

/// Appends a string as it goes over the wire.
pub(super) fn bulk(bytes: &mut Vec<u8>, string: &[u8]) {
    head(bytes, b'$', string.len());
    bytes.extend_from_slice(string);
    bytes.extend_from_slice(b"\r\n");
}

/// Appends how many of a kind come next.
pub(super) fn head(bytes: &mut Vec<u8>, kind: u8, length: usize) {
    bytes.push(kind);
    bytes.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    bytes.extend_from_slice(b"\r\n");
}
