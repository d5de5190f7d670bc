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

/// A command that runs a script.
pub(super) type MakeCommand = fn(&Script, &[&str], &[&[u8]]) -> Cmd;

impl Node {
    /// Runs a script for each item, followed by what `append` adds, in one round trip.
    ///
    /// If the server has lost the script, everything is sent once more, in one more round trip: the
    /// first command brings the text along, which the others after it find by its digest.
    pub(super) async fn script_each<T>(
        &self,
        items: &[T],
        make: impl Fn(&T, MakeCommand) -> Cmd,
        append: impl Fn(&mut Pipeline),
    ) -> Result<Vec<Value>, Error> {
        let pipeline = |first: MakeCommand| {
            let mut pipeline = Pipeline::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                pipeline.add_command(make(item, if index == 0 { first } else { by_digest }));
            }
            append(&mut pipeline);
            pipeline
        };
        let answers = self.link.send(&pipeline(by_digest)).await?;
        if !misses_script(&answers[..items.len().min(answers.len())]) {
            return Ok(answers);
        }
        self.link.send(&pipeline(by_text)).await
    }

    /// Runs a script on each of these keys and its fence, followed by what `append` adds, in one round trip.
    pub(super) async fn batch(
        &self,
        script: &Script,
        keys: &[String],
        arguments: &[&[u8]],
        append: impl Fn(&mut Pipeline),
    ) -> Result<Vec<Value>, Error> {
        let on_key = |key: &String, command: MakeCommand| {
            command(script, &[key, &fence_key(key)], arguments)
        };
        self.script_each(keys, on_key, append).await
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
