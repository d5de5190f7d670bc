//! Bodies that run here, and bodies that can run behind an answer.

use std::pin::Pin;
use std::sync::Arc;

use tokio::time::Instant;

use super::ask::Asked;
use super::{Attempt, Granted};
use crate::background::NoPlace;
use crate::budget::Budget;
use crate::cache::Core;
use crate::current;
use crate::error::Error;
use crate::group::Groups;
use crate::lease::{Intent, LeaseId};
use crate::outcome::{Outcome, Storable};
use crate::policy::Policy;
use crate::previous::{Loading, Stored, load_with};
use crate::stats::Counters;

/// The body of a cached function that has not begun.
///
/// Apart from [`Body`], and without a word on what comes of it: the compiler forgets lifetimes when it
/// asks whether a future is `Send`, and could no longer tell that `Result<T, &'static str>` is what the
/// function returns.
pub(super) trait Begin: Sized {
    /// Once it has begun.
    type Running;

    /// Begins, with the value that is to be replaced.
    fn begin(self, previous: Option<Arc<Stored>>) -> Self::Running;
}

/// The body of a function with this outcome.
pub(super) trait Body<O: Outcome>: Begin {
    /// Reloads, behind the answer, the value that was stored under the lease `seen`.
    fn reload(self, attempt: &Attempt<'_, O>, seen: LeaseId, previous: Vec<u8>);

    /// Lets a load go on behind an answer. Gives it back if it has to be waited for.
    fn go_on(
        attempt: &Attempt<'_, O>,
        load: Load<Self::Running>,
    ) -> Result<(), Box<Load<Self::Running>>>;
}

/// A load that has begun.
pub(super) struct Load<R> {
    pub(super) running: R,
    pub(super) granted: Granted,
    pub(super) began: Instant,
    pub(super) previous: Option<Arc<Stored>>,
}

/// A body that borrows from its caller.
pub(super) struct Here<'a, F>(pub(super) Pin<&'a mut F>);

impl<F: Future> Begin for Here<'_, F> {
    type Running = Loading<Self>;

    fn begin(self, previous: Option<Arc<Stored>>) -> Self::Running {
        load_with(previous, self)
    }
}

impl<O: Outcome, F: Future<Output = O::Return>> Body<O> for Here<'_, F> {
    /// No policy of such a function asks for it.
    fn reload(self, _: &Attempt<'_, O>, _: LeaseId, _: Vec<u8>) {}

    fn go_on(
        _: &Attempt<'_, O>,
        load: Load<Self::Running>,
    ) -> Result<(), Box<Load<Self::Running>>> {
        Err(Box::new(load))
    }
}

impl<F: Future> Future for Here<'_, F> {
    type Output = F::Output;

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<F::Output> {
        self.0.as_mut().poll(context)
    }
}

/// What makes a body that borrows from nobody.
pub(super) struct Owned<L>(pub(super) L);

impl<L, F> Begin for Owned<L>
where
    L: FnOnce() -> F,
    F: Future,
{
    type Running = Loading<F>;

    fn begin(self, previous: Option<Arc<Stored>>) -> Self::Running {
        load_with(previous, (self.0)())
    }
}

impl<O, L, F> Body<O> for Owned<L>
where
    O: Outcome + Clone + Send + Sync + 'static,
    O::Value: Storable,
    L: FnOnce() -> F,
    F: Future<Output = O::Return> + Send + 'static,
{
    fn reload(self, attempt: &Attempt<'_, O>, seen: LeaseId, previous: Vec<u8>) {
        let place = match attempt.core.background.reload(attempt.key) {
            Ok(place) => place,
            Err(NoPlace::Full) => return attempt.counters.skipped_reloads.increment(),
            Err(NoPlace::Reloading | NoPlace::Closed) => return,
        };
        let kept = attempt.kept();
        let previous = attempt.stored(previous);
        let running = self.begin(Some(Arc::clone(&previous)));
        place.run(current::inherited(async move {
            kept.attempt().reload(seen, running, previous).await;
        }));
    }

    fn go_on(
        attempt: &Attempt<'_, O>,
        load: Load<Self::Running>,
    ) -> Result<(), Box<Load<Self::Running>>> {
        let Ok(place) = attempt.core.background.go_on() else { return Err(Box::new(load)) };
        let kept = attempt.kept();
        place.run(current::inherited(async move { kept.attempt().finish(load).await }));
        Ok(())
    }
}

/// An [`Attempt`] that borrows from nobody.
struct Kept<O> {
    core: Arc<Core>,
    counters: Arc<Counters>,
    policy: Policy,
    key: String,
    schema: u64,
    outcome: O,
    groups: Groups,
}

impl<O> Kept<O> {
    fn attempt(&self) -> Attempt<'_, O> {
        Attempt {
            core: &self.core,
            counters: &self.counters,
            policy: &self.policy,
            key: &self.key,
            schema: self.schema,
            outcome: &self.outcome,
            groups: &self.groups,
        }
    }
}

impl<O: Clone> Attempt<'_, O> {
    fn kept(&self) -> Kept<O> {
        Kept {
            core: Arc::clone(self.core),
            counters: self.core.stats.same(self.counters),
            policy: *self.policy,
            key: self.key.to_owned(),
            schema: self.schema,
            outcome: self.outcome.clone(),
            groups: self.groups.clone(),
        }
    }
}

impl<O> Attempt<'_, O>
where
    O: Outcome,
    O::Value: Storable,
{
    /// Reloads a value, unless somebody else does.
    async fn reload<R>(&self, seen: LeaseId, running: R, previous: Arc<Stored>)
    where
        R: Future<Output = O::Return> + Unpin,
    {
        let granted = match self.ask_to_reload(seen, &mut self.core.budget()).await {
            Ok(Some(granted)) => granted,
            Ok(None) => return,
            Err(error) => return self.counters.error(&error),
        };
        self.counters.reloads.increment();
        self.finish(Load { running, granted, began: Instant::now(), previous: Some(previous) })
            .await;
    }

    async fn ask_to_reload(
        &self,
        seen: LeaseId,
        budget: &mut Budget,
    ) -> Result<Option<Granted>, Error> {
        let Some(stamps) = self.stamps(budget).await? else { return Ok(None) };
        Ok(match self.acquire(Intent::Reload, seen, &stamps, budget).await? {
            Asked::Granted(leader, over_seen) => {
                Some(Granted::new(leader, stamps, over_seen, true))
            }
            _ => None,
        })
    }
}
