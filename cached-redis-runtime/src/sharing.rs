//! What callers of one process share who have missed the same entry: a question to the store, its answer, and their turns
//! to load.

use std::sync::Arc;

use crate::error::Error;
use crate::flight::{self, Follower};
use crate::group::{Group, Stamps};
use crate::invalidation::Before;
use crate::judgement::Seen;
use crate::lease::Intent;
use crate::record::Record;

pub(crate) type Lines = flight::Lines<Question, Answer>;
pub(crate) type Asker = flight::Asker<Question, Answer>;
pub(crate) type LoadQueues = flight::LoadQueues<Answer>;
pub(crate) type Turn = flight::Turn<Answer>;
pub(crate) type InQueue = flight::Queued<Answer>;

/// What callers have to have in common to share an answer.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    pub(crate) key: Box<str>,
    pub(crate) schema: u64,
    pub(crate) intent: Intent,
    pub(crate) groups: Vec<Group>,
}

/// What was known before a question was sent.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) before: Before,
    pub(crate) stamps: Stamps,
}

/// What the caller that asks passes on to the callers in its line.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Follow this load.
    Follow(Follower, Arc<Known>),
    /// There is a value, if its record can be read.
    Hit(Option<Record>, Arc<Known>),
    /// A load in another process has ended, and this is there.
    Read(Seen, Before),
    /// A load that began later than this call has come to this record.
    Loaded(Record),
    /// Nothing may be stored, or nobody waits for loads elsewhere.
    Alone,
    /// Ask anew.
    Again,
    Failed(Error),
}
