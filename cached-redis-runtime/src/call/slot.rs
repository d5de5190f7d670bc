//! One entry, and how it is cached: everything about a call but what its function returns. So whatever
//! is done with it is compiled once, and not again for each function.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::permit::Reason;
use crate::budget::Budget;
use crate::cache::Core;
use crate::error::Error;
use crate::fill::EntryRef;
use crate::function::CountersOf;
use crate::group::Groups;
use crate::loading::Stored;
use crate::policy::Policy;
use crate::record::Record;
use crate::scope::Handle;
use crate::session::Session;

pub(super) struct Slot {
    pub(super) cache: Handle,
    pub(super) counters: CountersOf<'static>,
    pub(super) policy: Policy,
    /// As it is in the store.
    pub(super) key: String,
    /// Of the value.
    pub(super) schema: u64,
    pub(super) groups: Groups,
    /// Of the value, for `previous()` and for what is reported.
    pub(super) type_name: &'static str,
}

impl Slot {
    pub(super) fn core(&self) -> &Arc<Core> {
        self.cache.core()
    }

    /// The store, within what is left of a call's budget.
    pub(super) fn session<'a>(&'a self, budget: &'a mut Budget) -> Session<'a> {
        self.core().sessions.within(budget)
    }

    pub(super) fn entry(&self) -> EntryRef<'_> {
        let Self { cache, policy, key, schema, groups, .. } = self;
        EntryRef { cache, key, policy, schema: *schema, groups }
    }

    /// What a load is about to replace, if it can be opened.
    pub(super) fn stored(&self, record: Record) -> Option<Arc<Stored>> {
        let payload = match self.entry().sealer().open(&record).ok()? {
            Cow::Borrowed(_) => None,
            Cow::Owned(payload) => Some(payload),
        };
        Some(Stored::new(record, payload, self.type_name))
    }

    pub(super) fn life_after_invalidation(&self) -> Option<Duration> {
        self.policy.life_after_invalidation(self.core().settings.max_ttl)
    }

    /// Whether an invalidation of this entry has failed so far.
    pub(super) fn is_outstanding(&self) -> bool {
        self.core().invalidator.is_outstanding(&self.key, || self.life_after_invalidation())
    }

    pub(super) fn lease(&self) -> Duration {
        self.entry().lease_life()
    }

    /// When waiting for a load, or renewing its lease, ends.
    pub(super) fn patience_from(&self, began: Instant) -> Instant {
        began + self.bounded(self.policy.load_timeout)
    }

    /// What can be added to a time without overflow.
    pub(super) fn bounded(&self, wait: Duration) -> Duration {
        wait.min(self.core().settings.max_ttl)
    }

    pub(super) fn failed(&self, error: &Error) -> Reason {
        self.counters.error(error);
        Reason::StoreFailed
    }
}
