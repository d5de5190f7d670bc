//! Removing entries and generations.

use redis::{Cmd, Value};

use super::Node;
use super::batch::misses_script;
use crate::error::Error;
use crate::group::Group;
use crate::store::redis::commands::{by_digest, by_text, script_error};
use crate::store::redis::scripts::Script;

impl Node {
    /// Removes what is under the keys of each target, each with one command, in one round trip. What came of each.
    pub(in crate::store::redis) async fn remove(
        &self,
        targets: &[Vec<String>],
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let mut answers = self.send_removals(targets, by_digest).await?;
        if misses_script(&answers) {
            answers = self.send_removals(targets, by_text).await?;
        }
        self.forget(targets.iter().flatten());
        let verdict = |answer: Value| match answer {
            Value::ServerError(error) => Err(script_error(error.code(), error.details())),
            _ => Ok(()),
        };
        Ok(answers.into_iter().map(verdict).collect())
    }

    /// Removes what is under a key of a slot that is on its way to this node.
    pub(in crate::store::redis) async fn remove_asking(&self, key: &str) -> Result<(), Error> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("ASKING");
        if Group::from_key(key).is_some() {
            pipeline.add_command(by_text(&self.scripts.invalidate, &[key], &[]));
        } else {
            pipeline.cmd("UNLINK").arg(key);
        }
        match self.link.send(&pipeline).await?.pop() {
            Some(Value::ServerError(error)) => Err(script_error(error.code(), error.details())),
            Some(_) => Ok(()),
            None => Err(Error::protocol()),
        }
    }

    /// `first` is the way of the first script: the others find it by its digest.
    async fn send_removals(
        &self,
        targets: &[Vec<String>],
        first: fn(&Script, &[&str], &[&[u8]]) -> Cmd,
    ) -> Result<Vec<Value>, Error> {
        let mut command = first;
        let mut pipeline = redis::pipe();
        for keys in targets {
            if keys.iter().any(|key| Group::from_key(key).is_some()) {
                let keys: Vec<_> = keys.iter().map(String::as_str).collect();
                pipeline.add_command(command(&self.scripts.invalidate, &keys, &[]));
                command = by_digest;
            } else {
                pipeline.cmd("UNLINK").arg(keys);
            }
        }
        self.link.send(&pipeline).await
    }

    /// What has been removed is not known any more, also where the server does not say so, or says it later.
    pub(super) fn forget<'a>(&self, keys: impl IntoIterator<Item = &'a String>) {
        for key in keys {
            match Group::from_key(key) {
                Some(group) => self.generations.forget_group(group),
                None => self.changed(key),
            }
        }
    }

    /// An entry is, or may be, another one.
    pub(super) fn changed(&self, key: &str) {
        self.generations.entry_changed(key);
    }
}
