//! Asking the server for the generations of groups.

use std::time::Duration;

use redis::{Cmd, Pipeline, Value};

use super::Node;
use crate::error::Error;
use crate::group::{Generation, Group, stamps};
use crate::store::redis::commands::{millis, tracked_get};
use crate::store::redis::generations::Question;
use crate::store::redis::request::Request as _;

impl Node {
    /// Asks whether stamps are current.
    pub(super) async fn compare(&self, all: &[u8]) -> Result<bool, Error> {
        let groups: Vec<_> = stamps(all).map(|stamp| stamp.group).collect();
        let current = self.ask(&groups, None).await?;
        Ok(stamps(all).zip(current).all(|(stamp, current)| current == Some(stamp.generation)))
    }

    /// Asks what the generations of groups are, and may have those made that are missing.
    pub(super) async fn ask(
        &self,
        groups: &[Group],
        made: Option<Made>,
    ) -> Result<Vec<Option<Generation>>, Error> {
        let known = &self.generations;
        let questions: Vec<_> = groups.iter().map(|group| known.ask(*group)).collect();
        let answered = self.ask_server(groups, made).await;
        for (index, question) in questions.into_iter().enumerate() {
            let answer = match &answered {
                Ok((answers, true)) => answers.get(index).copied().flatten(),
                _ => None,
            };
            match answer {
                Some(generation) => {
                    known.learn(question, generation, made.map(|made| made.lasts()))
                }
                None => known.take_back(question),
            }
        }
        answered.map(|(answers, _)| answers)
    }

    /// Reads an entry, and asks again about groups of which the knowledge is about to be too old, in one round trip.
    pub(super) async fn get_and_refresh(
        &self,
        key: &str,
        due: Vec<Question>,
    ) -> Result<Value, Error> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("GET").arg(key);
        for question in &due {
            tracked_get(&mut pipeline, &question.group().key(&self.namespace));
        }
        let mut answers = self.link.send(&pipeline).await?.into_iter();
        let record = answers.next().ok_or_else(Error::protocol)?;
        self.learn_due(due, answers);
        Cmd::accept(record)
    }

    /// The answers to the questions that were asked along with a read.
    pub(super) fn learn_due(&self, due: Vec<Question>, mut answers: impl Iterator<Item = Value>) {
        let known = &self.generations;
        for question in due {
            let is_tracked = matches!(answers.next(), Some(Value::Okay));
            let answer = answers.next().filter(|_| is_tracked);
            match answer.as_ref().and_then(generation_of) {
                Some(generation) => known.learn(question, generation, None),
                None => known.take_back(question),
            }
        }
    }

    async fn ask_server(
        &self,
        groups: &[Group],
        made: Option<Made>,
    ) -> Result<(Vec<Option<Generation>>, bool), Error> {
        let is_tracked = self.link.is_tracked();
        let keys: Vec<_> = groups.iter().map(|group| group.key(&self.namespace)).collect();
        let read = |pipeline: &mut Pipeline| {
            for key in &keys {
                if is_tracked {
                    tracked_get(pipeline, key);
                } else {
                    pipeline.cmd("GET").arg(key);
                }
            }
        };
        let mut answers = match made {
            None => {
                let mut pipeline = redis::pipe();
                read(&mut pipeline);
                self.link.send(&pipeline).await?.into_iter()
            }
            Some(Made { random, life }) => {
                let (life, least) = (millis(life), millis(least(life)));
                let arguments: [&[u8]; 3] = [&random, life.as_bytes(), least.as_bytes()];
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

/// How generations are made, and for how long they are kept.
#[derive(Clone, Copy)]
pub(super) struct Made {
    random: [u8; 8],
    life: Duration,
}

/// A shorter life would be renewed all the time.
const SHORTEST: Duration = Duration::from_secs(60);

impl Made {
    /// For what lives that long. Twice as long, so that they need not be renewed for each.
    pub(super) fn new(life: Duration) -> Self {
        let random = fastrand::u64(..).to_le_bytes();
        Self { random, life: life.max(SHORTEST).saturating_mul(2) }
    }

    /// What is left of their life at least when they have been asked for.
    fn lasts(self) -> Duration {
        least(self.life)
    }
}

/// What is left of a life when it is to be renewed.
fn least(life: Duration) -> Duration {
    life / 4 * 3
}

/// The answer to the GET of a generation.
pub(super) fn generation_of(answer: &Value) -> Option<Generation> {
    match answer {
        Value::BulkString(bytes) => Generation::from_slice(bytes),
        _ => None,
    }
}
