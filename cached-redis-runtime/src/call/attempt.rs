//! One call on its way: from the look-up to an answer, or to the permit to load.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::answer::{Counts, Read};
use super::loaded::{Load, Loaded};
use super::look_up::Look;
use super::permit::{Decision, Permit, Reason};
use super::slot::Slot;
use crate::budget::Budget;
use crate::lease::{Intent, LeaseId};
use crate::loading::Context;
use crate::record::{Header, Record};
use crate::scope::{Mode, mode};

/// How often a call reads records that do not decode, before it loads for itself without storing.
const MOST_UNREADABLE: u32 = 3;

/// Boxed once for each call: what a caller's future holds of all this is one pointer.
pub(super) struct Attempt {
    pub(super) slot: Slot,
    pub(super) budget: Budget,
    /// From then on the last good value is an answer.
    soft: Option<Instant>,
    step: Step,
    /// Answers that did not decode.
    unreadable: u32,
    /// An answer, if it decodes.
    pub(super) found: Option<Read>,
    /// The value that a load is to replace.
    pub(super) previous: Option<Record>,
    pub(super) load: Load,
}

/// What is to be done next.
#[derive(Clone, Copy)]
enum Step {
    LookUp,
    /// The call wants the newest.
    Refresh,
    /// Ask who may load. The call has counted as a miss.
    Ask(Intent, LeaseId),
}

/// What has come of the look-up.
enum Begun {
    Next(Next),
    /// Ask who may load; a value that carries this lease has been seen.
    Ask(Intent, LeaseId),
    /// Load, and share and store nothing.
    Alone(Reason),
}

/// What a call does next.
pub(super) enum Next {
    /// Answer with what was found, if it decodes.
    Answer,
    /// The same, and reload it in the background.
    Reload,
    Load,
}

/// A phase that is compiled once and boxed, so that no caller's future has room for it.
pub(super) type Phase<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Attempt {
    pub(super) fn new(slot: Slot) -> Box<Self> {
        let load = Load {
            permit: Permit::Alone(None),
            began: Instant::now(),
            took: Duration::ZERO,
            context: None,
            beside: None,
            loaded: Loaded::Nothing,
        };
        let (budget, step) = (slot.core().sessions.budget(), Step::LookUp);
        let (soft, found, previous) = (None, None, None);
        Box::new(Self { slot, budget, soft, step, unreadable: 0, found, previous, load })
    }

    /// Whether the call uses the cache where it is awaited.
    pub(super) fn enters(&mut self) -> bool {
        // Who asks for the newest does not want the last good one.
        match mode() {
            Mode::Use => {
                let soft = self.slot.policy.soft_timeout;
                self.soft = soft.map(|soft| Instant::now() + self.slot.bounded(soft));
            }
            Mode::Refresh => self.step = Step::Refresh,
            Mode::Bypass => {
                self.slot.counters.bypasses.increment();
                return false;
            }
        }
        true
    }

    /// Goes on until there is an answer, or a permit to load.
    ///
    /// What only a miss needs is in boxes of its own: this one is copied to the heap by every hit.
    pub(super) fn next(&mut self) -> Phase<'_, Next> {
        Box::pin(async move {
            let begun = match self.step {
                Step::LookUp | Step::Refresh => self.begin().await,
                Step::Ask(..) if self.unreadable > MOST_UNREADABLE => {
                    Begun::Alone(Reason::NotShareable)
                }
                Step::Ask(intent, seen) => Begun::Ask(intent, seen),
            };
            match begun {
                Begun::Next(next) => next,
                Begun::Ask(intent, seen) => self.ask(intent, seen).await,
                Begun::Alone(reason) => self.alone(reason).await,
            }
        })
    }

    fn ask(&mut self, intent: Intent, seen: LeaseId) -> Phase<'_, Next> {
        Box::pin(async move {
            let mut session = self.slot.session(&mut self.budget);
            match self.slot.decide(intent, seen, self.soft, &mut session).await {
                Decision::Answer(read) => self.may_answer(read),
                Decision::Load(granted) => self.may_load(Permit::Lease(granted)),
                Decision::LoadAlone(reason) => {
                    self.slot.counters.to_store();
                    self.alone(reason).await
                }
                Decision::InTurn(turn) => self.may_load(Permit::InTurn(turn)),
            }
        })
    }

    async fn begin(&mut self) -> Begun {
        let slot = &self.slot;
        let reason = if slot.is_outstanding() {
            // An invalidation of this entry is still being retried, so the stored value may be outdated.
            Reason::NotShareable
        } else if let Step::Refresh = self.step {
            slot.counters.misses.increment();
            return Begun::Ask(Intent::Refresh, LeaseId::NONE);
        } else {
            match slot.look_up(&mut slot.session(&mut self.budget)).await {
                Ok(Look::Answer(read)) => return Begun::Next(self.may_answer(read)),
                Ok(Look::Reload(read)) => {
                    self.found = Some(read);
                    return Begun::Next(Next::Reload);
                }
                Ok(Look::Ask(intent, previous)) => {
                    slot.counters.found_nothing(slot.policy.ttl);
                    slot.counters.misses.increment();
                    let seen = previous.as_ref().map(|record| record.header().lease);
                    self.previous = previous;
                    return Begun::Ask(intent, seen.unwrap_or(LeaseId::NONE));
                }
                Ok(Look::Outstanding) => Reason::NotShareable,
                Err(error) => slot.failed(&error),
            }
        };
        slot.counters.misses.increment();
        Begun::Alone(reason)
    }

    /// The payload that was found as its codec has written it, if it can be opened.
    pub(super) fn opened(&self) -> Option<(&Header, Cow<'_, [u8]>)> {
        let record = &self.found.as_ref()?.record;
        let payload = self.slot.entry().sealer().open(record).ok()?;
        Some((record.header(), payload))
    }

    /// What was found does not decode: it is to be replaced.
    pub(super) fn cannot_decode(&mut self) {
        let Some(read) = self.found.take() else { return };
        let counters = &self.slot.counters;
        self.slot.cannot_decode(&read.record);
        if matches!(read.counts, Counts::Hit(_)) {
            counters.found_nothing(self.slot.policy.ttl);
            counters.misses.increment();
        }
        self.unreadable += 1;
        self.step = Step::Ask(Intent::Replace(read.record.header().lease), LeaseId::NONE);
    }

    /// What was found is the answer.
    pub(super) fn count(&self) {
        if let Some(read) = &self.found {
            self.slot.count(read);
        }
    }

    fn alone(&mut self, reason: Reason) -> Phase<'_, Next> {
        Box::pin(async move {
            if reason == Reason::NotShareable
                && self.unreadable == 0
                && let slot = &self.slot
                && let Some(read) = slot.throttled(&mut slot.session(&mut self.budget)).await
            {
                return self.may_answer(read);
            }
            let place = match reason {
                Reason::StoreFailed => self.slot.place().await,
                Reason::NotShareable => None,
            };
            self.may_load(Permit::Alone(place))
        })
    }

    fn may_answer(&mut self, read: Read) -> Next {
        self.found = Some(read);
        Next::Answer
    }

    fn may_load(&mut self, permit: Permit) -> Next {
        self.load.permit = permit;
        Next::Load
    }

    /// The load begins: what its body is to know.
    pub(super) fn begins(&mut self) -> Arc<Context> {
        let mut context = Context::inner();
        // The value that is there, for a body that can ask its source whether it has changed.
        let previous = self.previous.take();
        match &self.load.permit {
            Permit::Lease(granted) => {
                context.previous = previous.and_then(|record| self.slot.stored(record));
                context.leases = vec![granted.lease.id()].into();
            }
            Permit::Alone(place) => context.has_place = place.is_some(),
            Permit::InTurn(_) => context.turns = vec![self.slot.key.clone()],
        }
        self.load.began = Instant::now();
        self.load.runs_in(context)
    }

    /// A reload begins: its body is made before it is known whether it may run. The value that it is to replace
    /// is the answer of the call.
    pub(super) fn begins_reload(&mut self) -> Arc<Context> {
        let found = self.found.take();
        // Not a part of the loads around the call that was answered.
        let mut context = Context::default();
        context.previous = found.and_then(|read| self.slot.stored(read.record));
        self.load.runs_in(context)
    }

    /// From when on the last good value may stand in for the load that runs.
    pub(super) fn soft_deadline(&self) -> Option<Instant> {
        matches!(self.load.permit, Permit::Lease(_)).then_some(self.soft)?
    }

    /// Whether there is a last good value that may stand in for the load.
    pub(super) fn find_fallback(&mut self) -> Phase<'_, bool> {
        Box::pin(async {
            let slot = &self.slot;
            self.found = slot.fallback(&mut slot.session(&mut self.budget)).await;
            self.found.is_some()
        })
    }
}
