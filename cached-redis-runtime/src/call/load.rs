//! Running the body. What knows the function's types is here and in [`payload`]; what it comes to is
//! stored by [`conclude`](super::conclude), which knows only bytes.

use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::time::Instant;

use super::attempt::Attempt;
use super::body::{Begin, Body, Running};
use super::loaded::Loaded;
use crate::function::CountersOf;
use crate::loading::Context;
use crate::outcome::{Outcome, Storable};
use crate::panics::{Panic, catch_panic};
use crate::payload;

/// Loads, stores what came of it if the permit says so, and gives the answer.
pub(super) async fn load<O, B>(mut attempt: Box<Attempt>, outcome: &O, body: B) -> O::Return
where
    O: Outcome,
    O::Value: Storable,
    B: Body<O>,
    B::Running: Future<Output = O::Return> + Unpin,
{
    let mut deadline = attempt.soft_deadline();
    let body = body.begin(attempt.begins());
    let mut running = Running { attempt, body };
    let mut answer = loop {
        if let Some(returned) = running.until(deadline.take()).await {
            break returned;
        }
        // It is slow. The last good value is an answer, if the load can go on without its caller.
        if running.attempt.find_fallback().await
            && let Some(fallback) = running.attempt.decoded(outcome)
        {
            match B::go_on(running, outcome) {
                Ok(()) => return fallback,
                Err(waited_for) => running = waited_for,
            }
        }
    };
    let Running { mut attempt, .. } = running;
    attempt.settle(outcome, &answer);
    if attempt.ends().await
        && let Some(fallback) = attempt.decoded(outcome)
    {
        attempt.count();
        answer = fallback;
    }
    answer
}

/// Loads and stores, with nobody waiting. Where somebody waits it is for them to give up; here a body
/// that hangs would keep its place for ever, so it is dropped after `load_timeout`. One that panics
/// has failed like one that returns an error: nobody tries again at once.
pub(super) async fn finish<O, R>(mut running: Running<R>, outcome: &O)
where
    O: Outcome,
    O::Value: Storable,
    R: Future<Output = O::Return> + Unpin,
{
    let panic = running.until_settled(outcome).await;
    let Running { mut attempt, .. } = running;
    attempt.conclude_in_background().await;
    if let Some(panic) = panic {
        resume_unwind(panic);
    }
}

impl<R: Future + Unpin> Running<R> {
    /// Runs the body until it ends or the deadline comes, keeping its lease alive.
    fn until(&mut self, deadline: Option<Instant>) -> impl Future<Output = Option<R::Output>> {
        self.attempt.runs_until(deadline);
        poll_fn(|context| match Pin::new(&mut self.body).poll(context) {
            Poll::Ready(returned) => {
                self.attempt.has_run();
                Poll::Ready(Some(returned))
            }
            Poll::Pending => self.attempt.poll_beside(context).map(|()| None),
        })
    }

    /// Runs the body to its end, or for as long as others would wait for it. What it returns is held across no
    /// await, so that it need not be `Send`.
    async fn until_settled<O>(&mut self, outcome: &O) -> Option<Panic>
    where
        O: Outcome<Return = R::Output>,
        O::Value: Storable,
    {
        let patience = self.attempt.slot.patience_from(self.attempt.load.began);
        let ended = catch_panic(Box::pin(self.until(Some(patience)))).await;
        let (loaded, panic) = match ended {
            Ok(Some(returned)) => {
                self.attempt.settle(outcome, &returned);
                return None;
            }
            Ok(None) => (Loaded::Failed, None),
            Err(panic) => (Loaded::Failed, Some(panic)),
        };
        self.attempt.load.loaded = loaded;
        panic
    }
}

impl Attempt {
    /// The answer that was found, if it decodes.
    pub(super) fn decoded<O>(&self, outcome: &O) -> Option<O::Return>
    where
        O: Outcome,
        O::Value: Storable,
    {
        let (header, payload) = self.opened()?;
        payload::decode(outcome, header, &payload)
    }

    /// What is to be stored of what a body has returned. Who waits for a turn is answered at once.
    fn settle<O>(&mut self, outcome: &O, returned: &O::Return)
    where
        O: Outcome,
        O::Value: Storable,
    {
        let assessed = payload::assess(outcome, returned, self.slot.schema, self.gate());
        self.settled(assessed);
    }
}

/// Runs a body that is not cached, and counts it. Not `async`, which would be compiled to more for each function.
pub(super) fn uncached<B>(
    counters: CountersOf<'static>,
    body: B,
) -> impl Future<Output = <B::Running as Future>::Output>
where
    B: Begin<Running: Future + Unpin>,
{
    let started = Instant::now();
    let mut body = body.begin(Arc::new(Context::inner()));
    poll_fn(move |context| {
        let polled = Pin::new(&mut body).poll(context);
        if polled.is_ready() {
            counters.loaded(started.elapsed());
        }
        polled
    })
}
