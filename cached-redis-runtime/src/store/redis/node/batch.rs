//! One script on many keys, in one round trip.

use redis::{Cmd, Pipeline, Value};

use super::Node;
use crate::error::Error;
use crate::store::fence_key;
use crate::store::redis::commands::{self, by_digest, by_text};
use crate::store::redis::request::Request as _;
use crate::store::redis::scripts::Script;

/// Whether the server has lost a script that one of these commands named by its digest.
pub(super) fn misses_script(answers: &[Value]) -> bool {
    let misses = |answer: &Value| matches!(answer, Value::ServerError(error) if error.code() == commands::NO_SCRIPT);
    answers.iter().any(misses)
}

impl Node {
    /// Runs a script on each of these keys and its fence, followed by what `append` adds, in one round trip.
    ///
    /// If the server has lost the script, everything is sent once more, in one more round trip: the
    /// first command brings the text along, which the others after it find by its digest.
    pub(super) async fn batch(
        &self,
        script: &Script,
        keys: &[String],
        arguments: &[&[u8]],
        append: impl Fn(&mut Pipeline),
    ) -> Result<Vec<Value>, Error> {
        let answers = self.send_batch(script, keys, arguments, &append, by_digest).await?;
        if !misses_script(&answers[..keys.len().min(answers.len())]) {
            return Ok(answers);
        }
        self.send_batch(script, keys, arguments, &append, by_text).await
    }

    async fn send_batch(
        &self,
        script: &Script,
        keys: &[String],
        arguments: &[&[u8]],
        append: &impl Fn(&mut Pipeline),
        first: fn(&Script, &[&str], &[&[u8]]) -> Cmd,
    ) -> Result<Vec<Value>, Error> {
        let mut pipeline = redis::pipe();
        for (index, key) in keys.iter().enumerate() {
            let keys = [key.as_str(), &fence_key(key)];
            let command = match index {
                0 => first(script, &keys, arguments),
                _ => by_digest(script, &keys, arguments),
            };
            pipeline.add_command(command);
        }
        append(&mut pipeline);
        self.link.send(&pipeline).await
    }

    /// The same where only the script's errors matter.
    pub(super) async fn on_each(
        &self,
        script: &Script,
        keys: &[String],
        arguments: &[&[u8]],
    ) -> Result<(), Error> {
        let answers = self.batch(script, keys, arguments, |_| {}).await?;
        answers.into_iter().try_for_each(|answer| Cmd::accept(answer).map(drop))
    }
}
