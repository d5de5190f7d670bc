//! Running the body of a batch, without knowing what it returns.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use tokio::time::Instant;

use super::progress::{Kind, Progress, State};
use crate::budget::timed;
use crate::join::Boxed;
use crate::loading::{Context, Loading};
use crate::renewal::keep_alive;

impl Progress {
    /// What the body that is about to run knows.
    pub(super) fn begins(&mut self) -> Arc<Context> {
        let leases = self.loading.iter().filter_map(|index| match &self.states[*index] {
            State::Granted(granted) => Some(granted.lease.id()),
            _ => None,
        });
        let leases: Vec<_> = leases.collect();
        // A reload is not a part of the loads around the call that was answered.
        let mut context = if self.kind == Kind::Reload {
            self.slots[0].counters.reloads.increment();
            Context::default()
        } else {
            Context::inner()
        };
        context.leases = leases.into();
        let turns =
            self.loading.iter().filter(|index| matches!(self.states[**index], State::InTurn(_)));
        context.turns = turns.map(|index| self.slots[*index].key.clone()).collect();
        context.has_place = self.place.is_some();
        Arc::new(context)
    }

    /// Runs the body, keeping the leases alive as long as others wait for it.
    pub(super) async fn run<F: Future>(&mut self, mut body: Loading<F>) -> F::Output {
        self.load_began = Instant::now();
        let mut beside = self.renewals();
        let returned = poll_fn(|context| {
            if let Poll::Ready(returned) = Pin::new(&mut body).poll(context) {
                return Poll::Ready(returned);
            }
            if let Some(renewing) = &mut beside
                && renewing.as_mut().poll(context).is_ready()
            {
                beside = None;
            }
            Poll::Pending
        })
        .await;
        self.took = self.load_began.elapsed();
        self.slots[0].counters.loaded(self.took);
        returned
    }

    fn renewals(&self) -> Option<Boxed<'static, ()>> {
        let renewal = |index: &usize| match &self.states[*index] {
            State::Granted(granted) => Some(self.slots[*index].entry().renewal(granted.lease.id())),
            _ => None,
        };
        let renewals: Vec<_> = self.loading.iter().filter_map(renewal).collect();
        let deadline = self.slots[0].patience_from(self.load_began);
        (!renewals.is_empty()).then(|| -> Boxed<'static, ()> {
            Box::pin(async move {
                let renewing = pin!(keep_alive(&renewals, Some(deadline)));
                // A runtime without timers keeps none alive.
                timed(renewing).await;
            })
        })
    }

    /// Runs the body for all ids, where only that can be the answer.
    pub(super) async fn once_more<F: Future>(&mut self, body: F) -> F::Output {
        self.loading.clear();
        let context = Arc::new(Context::inner());
        self.run(Loading::new(context, body)).await
    }
}
