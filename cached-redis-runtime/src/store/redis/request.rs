//! What can be sent in one round trip: a command, or several.

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisResult, ServerError, Value};

use super::commands::server_error;
use crate::error::Error;

/// What can be sent in one round trip.
pub(super) trait Request: Sync {
    type Answer;
    fn send(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> impl Future<Output = RedisResult<Self::Answer>> + Send;
    /// What the server has turned down.
    fn error(answer: &Self::Answer) -> Option<&ServerError>;
    /// The answer, unless it is an error as a whole.
    fn accept(answer: Self::Answer) -> Result<Self::Answer, Error>;
}

impl Request for Cmd {
    type Answer = Value;

    fn send(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> impl Future<Output = RedisResult<Value>> + Send {
        connection.send_packed_command(self)
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

/// Each answer may be an error of its own: see [`Cmd::accept`](Request::accept).
impl Request for Pipeline {
    type Answer = Vec<Value>;

    fn send(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> impl Future<Output = RedisResult<Vec<Value>>> + Send {
        connection.send_packed_commands(self, 0, self.len())
    }

    fn error(answer: &Vec<Value>) -> Option<&ServerError> {
        answer.iter().find_map(Cmd::error)
    }

    fn accept(answer: Vec<Value>) -> Result<Vec<Value>, Error> {
        Ok(answer)
    }
}
