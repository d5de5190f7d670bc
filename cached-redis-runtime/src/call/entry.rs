//! The entry that a call is about, for whoever does not make the call.

use super::Call;
use crate::entry::{Entry, Parts};
use crate::outcome::{Outcome, Storable};
use crate::scope::Choice;

impl<C: Into<Choice>> Call<C> {
    /// The entry that this call is about.
    pub fn entry<O>(mut self, outcome: O) -> Entry<O::Return>
    where
        O: Outcome + Send + Sync + 'static,
        O::Value: Storable,
    {
        let groups = self.take_groups(outcome.classes());
        let Self { function, key, policy, cache, .. } = self;
        Entry::new(Parts { choice: cache.into(), function, key, policy, groups }, outcome)
    }
}
