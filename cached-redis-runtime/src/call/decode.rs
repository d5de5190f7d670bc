//! From what was found to what the function returns.

use super::attempt::Attempt;
use crate::outcome::{Outcome, Storable};

/// How an answer is decoded.
pub(super) trait Decode<O: Outcome> {
    /// The answer that was found, if it decodes.
    fn decode(&self, attempt: &mut Attempt, outcome: &O) -> Option<O::Return>;
}

/// Nothing else is done with it.
pub(super) struct Plainly;

impl<O> Decode<O> for Plainly
where
    O: Outcome,
    O::Value: Storable,
{
    fn decode(&self, attempt: &mut Attempt, outcome: &O) -> Option<O::Return> {
        attempt.decoded(outcome)
    }
}
