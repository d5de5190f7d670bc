//! Bodies that borrow from their caller, and bodies that can outlive the call: those can be reloaded in
//! the background, or go on there.

use std::sync::Arc;

use super::attempt::{Attempt, Phase};
use super::body::{Begin, Body, Running};
use super::load::finish;
use super::permit::{Granted, Permit};
use crate::background::NoPlace;
use crate::error::Error;
use crate::lease::{Intent, LeaseId};
use crate::loading::{Context, Loading};
use crate::outcome::{Outcome, Storable};
use crate::scope;

/// What makes a body, once, and what the body may do: be waited for, or outlive its call.
pub(super) struct Made<L, W>(pub(super) L, pub(super) W);

/// The body may borrow from its caller.
pub(super) struct Here;

/// The body borrows from nobody.
pub(super) struct Owned;

impl<L, F, W> Begin for Made<L, W>
where
    L: FnOnce() -> F,
    F: Future,
{
    type Running = Loading<F>;

    fn begin(self, context: Arc<Context>) -> Self::Running {
        Loading::new(context, (self.0)())
    }
}

impl<O, L, F> Body<O> for Made<L, Here>
where
    O: Outcome,
    L: FnOnce() -> F,
    F: Future<Output = O::Return>,
{
    /// No policy of such a function asks for it.
    fn reload(self, _: Box<Attempt>, _: &O) {}

    fn go_on(running: Running<Self::Running>, _: &O) -> Result<(), Running<Self::Running>> {
        Err(running)
    }
}

impl<O, L, F> Body<O> for Made<L, Owned>
where
    O: Outcome + Clone + Send + Sync + 'static,
    O::Value: Storable,
    L: FnOnce() -> F,
    F: Future<Output = O::Return> + Send + 'static,
{
    fn reload(self, mut attempt: Box<Attempt>, outcome: &O) {
        let slot = &attempt.slot;
        let place = match slot.core().background.reload(&slot.key) {
            Ok(place) => place,
            Err(NoPlace::Full) => return slot.counters.skipped_reloads.increment(),
            Err(NoPlace::Reloading | NoPlace::Closed) => return,
        };
        let body = self.begin(attempt.begins_reload());
        let outcome = outcome.clone();
        place.run(scope::inherited(async move {
            if attempt.may_reload().await {
                finish(Running { attempt, body }, &outcome).await;
            }
        }));
    }

    fn go_on(running: Running<Self::Running>, outcome: &O) -> Result<(), Running<Self::Running>> {
        let Ok(place) = running.attempt.slot.core().background.go_on() else { return Err(running) };
        running.attempt.count();
        let outcome = outcome.clone();
        place.run(scope::inherited(async move { finish(running, &outcome).await }));
        Ok(())
    }
}

impl Attempt {
    /// Asks for the lease of the value that a reload is to replace, unless somebody else reloads it.
    fn may_reload(&mut self) -> Phase<'_, bool> {
        Box::pin(async move {
            self.budget = self.slot.core().sessions.budget();
            let granted = match self.ask_to_reload().await {
                Ok(Some(granted)) => granted,
                Ok(None) => return false,
                Err(error) => {
                    self.slot.counters.error(&error);
                    return false;
                }
            };
            self.slot.counters.reloads.increment();
            if let Some(context) = &self.load.context {
                // Nobody else sets it.
                let _ = context.leases.set(vec![granted.lease.id()]);
            }
            self.load.began = tokio::time::Instant::now();
            self.load.permit = Permit::Lease(granted);
            true
        })
    }

    async fn ask_to_reload(&mut self) -> Result<Option<Granted>, Error> {
        let Self { slot, budget, load, .. } = self;
        let seen = load.previous().map_or(LeaseId::NONE, |stored| stored.record().header().lease);
        let reserved =
            slot.entry().reserve(Intent::Reload, seen, &mut slot.session(budget)).await?;
        Ok(reserved.map(|(lease, over_seen)| Granted::new(lease, over_seen, true)))
    }
}
