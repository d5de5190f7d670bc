//! One entry, and how it is cached: everything about a call but what its function returns. So whatever
//! is done with it is compiled once, and not again for each function.

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::permit::Reason;
use crate::budget::{Budget, by, timed};
use crate::cache::Core;
use crate::error::Error;
use crate::fill::EntryRef;
use crate::function::CountersOf;
use crate::group::Groups;
use crate::loading::{self, Stored};
use crate::policy::Policy;
use crate::record::Record;
use crate::scope::Handle;
use crate::session::Session;

pub(crate) struct Slot {
    pub(crate) cache: Handle,
    pub(crate) counters: CountersOf<'static>,
    pub(crate) policy: Policy,
    /// As it is in the store.
    pub(crate) key: String,
    /// Of the value.
    pub(crate) schema: u64,
    pub(crate) groups: Groups,
    /// Of the value, for `previous()` and for what is reported.
    pub(crate) type_name: &'static str,
}

impl Slot {
    pub(crate) fn core(&self) -> &Arc<Core> {
        self.cache.core()
    }

    /// The store, within what is left of a call's budget.
    pub(crate) fn session<'a>(&'a self, budget: &'a mut Budget) -> Session<'a> {
        self.core().sessions.within(budget)
    }

    pub(crate) fn entry(&self) -> EntryRef<'_> {
        let Self { cache, policy, key, schema, groups, .. } = self;
        EntryRef { cache, key, policy, schema: *schema, groups }
    }

    /// What a load is about to replace, if it can be opened.
    pub(crate) fn stored(&self, record: Record) -> Option<Arc<Stored>> {
        let payload = match self.entry().sealer().open(&record).ok()? {
            Cow::Borrowed(_) => None,
            Cow::Owned(payload) => Some(payload),
        };
        Some(Stored::new(record, payload, self.type_name))
    }

    pub(crate) fn life_after_invalidation(&self) -> Option<Duration> {
        self.policy.life_after_invalidation(self.core().settings.max_ttl)
    }

    /// Whether an invalidation of this entry has failed so far.
    pub(crate) fn is_outstanding(&self) -> bool {
        self.core().invalidator.is_outstanding(&self.key, || self.life_after_invalidation())
    }

    pub(crate) fn lease(&self) -> Duration {
        self.entry().lease_life()
    }

    /// When waiting for a load, or renewing its lease, ends.
    pub(crate) fn patience_from(&self, began: Instant) -> Instant {
        began + self.bounded(self.policy.load_timeout)
    }

    /// What can be added to a time without overflow.
    pub(crate) fn bounded(&self, wait: Duration) -> Duration {
        wait.min(self.core().settings.max_ttl)
    }

    /// A place among the loads that the user allows while the store is away. Without one, if it takes as
    /// long as others wait for any load: then a load that has one waits for this one, perhaps.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if loading::has_place() {
            return None;
        }
        let bound = &self.core().loads_while_down;
        let place = Arc::clone(bound).acquire_owned();
        // Never closed, so there is always one in the end.
        match by(self.patience_from(Instant::now()), place) {
            Some(place) => timed(pin!(place)).await?.ok()?.ok(),
            None => Arc::clone(bound).acquire_owned().await.ok(),
        }
    }

    pub(crate) fn failed(&self, error: &Error) -> Reason {
        self.counters.error(error);
        Reason::StoreFailed
    }
}
