//! Asking the server for the generations of groups.

use redis::{Cmd, Pipeline, Value};

use super::RedisStore;
use super::commands::millis;
use super::request::Request as _;
use crate::error::Error;
use crate::group::{Generation, Group, stamps};

impl RedisStore {
    /// Asks whether stamps are current.
    pub(super) async fn compare(&self, all: &[u8]) -> Result<bool, Error> {
        let groups: Vec<_> = stamps(all).map(|stamp| stamp.group).collect();
        let current = self.ask(&groups, None).await?;
        Ok(stamps(all).zip(current).all(|(stamp, current)| current == Some(stamp.generation)))
    }

    /// Asks what the generations of groups are; with random bytes, has those made that are missing.
    pub(super) async fn ask(
        &self,
        groups: &[Group],
        random: Option<[u8; 8]>,
    ) -> Result<Vec<Option<Generation>>, Error> {
        let known = self.link.generations();
        let questions: Vec<_> = groups.iter().map(|group| (*group, known.ask(*group))).collect();
        let answered = self.ask_server(groups, random).await;
        for (index, (group, question)) in questions.into_iter().enumerate() {
            let Some(question) = question else { continue };
            match &answered {
                Ok((answers, true)) => match answers.get(index) {
                    Some(Some(generation)) => {
                        known.learn(group, question, *generation, random.is_some());
                    }
                    _ => known.take_back(group, question),
                },
                _ => known.take_back(group, question),
            }
        }
        answered.map(|(answers, _)| answers)
    }

    async fn ask_server(
        &self,
        groups: &[Group],
        random: Option<[u8; 8]>,
    ) -> Result<(Vec<Option<Generation>>, bool), Error> {
        let is_tracked = self.link.is_tracked();
        let keys: Vec<_> = groups.iter().map(|group| group.key(&self.namespace)).collect();
        let read = |pipeline: &mut Pipeline| {
            for key in &keys {
                if is_tracked {
                    pipeline.cmd("CLIENT").arg("CACHING").arg("YES");
                }
                pipeline.cmd("GET").arg(key);
            }
        };
        let mut answers = match random {
            None => {
                let mut pipeline = redis::pipe();
                read(&mut pipeline);
                self.link.send(&pipeline).await?.into_iter()
            }
            Some(random) => {
                let life = millis(self.generation_life);
                let arguments: [&[u8]; 2] = [&random, life.as_bytes()];
                let script = &self.scripts.generation;
                let mut answers = self.batch(script, &keys, &arguments, read).await?.into_iter();
                for answer in answers.by_ref().take(keys.len()) {
                    Cmd::accept(answer)?;
                }
                answers
            }
        };
        let mut was_tracked = is_tracked;
        let mut current = Vec::with_capacity(keys.len());
        for _ in &keys {
            if is_tracked {
                // On a connection that has changed meanwhile, this may be refused.
                was_tracked &= matches!(answers.next(), Some(Value::Okay));
            }
            let answer = answers.next().ok_or_else(Error::protocol)?;
            current.push(generation_of(&Cmd::accept(answer)?));
        }
        Ok((current, was_tracked))
    }
}

/// The answer to the GET of a generation.
pub(super) fn generation_of(answer: &Value) -> Option<Generation> {
    match answer {
        Value::BulkString(bytes) => Generation::from_slice(bytes),
        _ => None,
    }
}
