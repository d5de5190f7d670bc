//! Waiting for entries that others load. No lease is held meanwhile.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use tokio::time::{Instant, timeout_at};

use super::ask::again;
use super::look_up::entries;
use super::progress::{Progress, State, Tries};
use crate::backoff;
use crate::budget::timed;
use crate::call::answer::Counts;
use crate::call::ask::{FIRST_PAUSE, LONGEST_PAUSE, PAUSE_SHARE};
use crate::call::permit::{Granted, Reason};
use crate::call::slot::Slot;
use crate::call::wait::Load;
use crate::fill::Lease;
use crate::flight::{Called, Follower, Word};
use crate::invalidation::Before;
use crate::lease::LeaseId;
use crate::record::Record;
use crate::session::Session;
use crate::sharing::{Answer, Known};
use crate::store::Found;

/// An entry that somebody else loads.
pub(super) struct Held {
    pub(super) tries: Tries,
    pub(super) holder: LeaseId,
    pub(super) known: Arc<Known>,
    pub(super) wait: Wait,
    /// Since when it is waited for.
    pub(super) since: Instant,
}

/// What is heard.
enum Heard {
    /// From the leader of a load in this process; `None` if it has never said a word.
    Word(Option<Word>),
    /// In the queue for turns.
    Call(Option<Called<Answer>>),
}

/// How the end of that load is heard of.
pub(super) enum Wait {
    /// It runs in this process.
    Follow(Follower),
    /// It runs elsewhere.
    Watch,
    /// It is about to end, or has.
    AskAgain,
}

impl Progress {
    /// Waits until at least one of the loads has ended, or a turn has come, or until it is time to look at those
    /// elsewhere.
    pub(super) async fn wait(&mut self) {
        let until = self.next_look();
        let mut heard = Vec::new();
        let words = poll_fn(|context| {
            for (index, state) in self.states.iter_mut().enumerate() {
                let word = match state {
                    State::Held(held) => match &mut held.wait {
                        Wait::Follow(follower) => Pin::new(follower).poll(context).map(Heard::Word),
                        Wait::Watch | Wait::AskAgain => Poll::Pending,
                    },
                    State::Queued(queued) => {
                        Pin::new(&mut queued.place).poll(context).map(Heard::Call)
                    }
                    _ => Poll::Pending,
                };
                if let Poll::Ready(word) = word {
                    heard.push((index, word));
                }
            }
            if heard.is_empty() { Poll::Pending } else { Poll::Ready(()) }
        });
        let ended = timed(pin!(timeout_at(until, words))).await;
        if ended.is_none() {
            // Without timers.
            return self.give_up();
        }
        if heard.is_empty() {
            self.widen();
            let held = self.which(|state| matches!(state, State::Held(_)), usize::MAX);
            if Instant::now() >= self.patience {
                return self.queue_up(&held).await;
            }
            return self.look_elsewhere().await;
        }
        let mut failed = Vec::new();
        for (index, heard) in heard {
            match heard {
                Heard::Word(Some(Word::Failed) | None) => failed.push(index),
                Heard::Word(Some(word)) => self.take_word(index, word).await,
                Heard::Call(called) => self.take_call(index, called).await,
            }
        }
        // Nothing that can be shared.
        self.queue_up(&failed).await;
    }

    /// Loads elsewhere are looked at after a share of the time that was waited already; those in this process speak up
    /// by themselves, unless their leader is not polled for a whole lease.
    fn next_look(&self) -> Instant {
        let now = Instant::now();
        let share = self.began.elapsed() / PAUSE_SHARE;
        let pause = backoff::jittered(share.clamp(FIRST_PAUSE, LONGEST_PAUSE));
        let each = self.states.iter().zip(&self.slots).filter_map(|(state, slot)| match state {
            State::Held(held) => Some(match held.wait {
                Wait::Follow(_) => self.patience.min(held.since + slot.lease()),
                Wait::Watch | Wait::AskAgain => self.patience.min(now + pause),
            }),
            State::Queued(queued) => Some(queued.since + slot.bounded(slot.policy.load_timeout)),
            _ => None,
        });
        each.min().unwrap_or(now)
    }

    /// What is still waited for is loaded for this call alone.
    fn give_up(&mut self) {
        for state in &mut self.states {
            if matches!(state, State::Held(_) | State::Queued(_)) {
                *state = State::Alone(Reason::NotShareable);
            }
        }
    }

    async fn take_word(&mut self, index: usize, word: Word) {
        let Self { slots, states, budget, .. } = self;
        let State::Held(held) = std::mem::replace(&mut states[index], State::Done) else { return };
        let Held { tries, known, .. } = *held;
        let slot = &slots[index];
        states[index] = match word {
            Word::Stored(record) => {
                let mut session = slot.core().sessions.within(budget);
                let read = match Record::read(record) {
                    Some(record) => {
                        slot.read_shared(record, Counts::Coalesced, &known, &mut session).await
                    }
                    None => None,
                };
                read.map_or_else(|| again(tries, tries.intent), State::Found)
            }
            Word::Lead(leader) => {
                let lease = Lease { leader, stamps: known.stamps.clone() };
                State::Granted(Granted::taken_over(lease))
            }
            Word::StartOver => again(tries, tries.intent),
            Word::LoadAlone | Word::Failed => State::Alone(Reason::NotShareable),
        };
    }

    /// Reads the entries that are loaded elsewhere, in one round trip.
    async fn look_elsewhere(&mut self) {
        let watched =
            |state: &State| matches!(state, State::Held(held) if matches!(held.wait, Wait::Watch));
        let which = self.which(watched, self.reads_at_once());
        let Self { slots, states, budget, .. } = self;
        for (state, slot) in states.iter_mut().zip(slots.iter()) {
            let State::Held(held) = state else { continue };
            let is_over = match held.wait {
                Wait::AskAgain => true,
                // Its leader is neither polled nor dropped, and has not renewed its lease.
                Wait::Follow(_) => held.since.elapsed() >= slot.lease(),
                Wait::Watch => false,
            };
            if is_over {
                *state = State::Ask(held.tries);
            }
        }
        if which.is_empty() {
            return;
        }
        let core = Arc::clone(slots[0].core());
        let mut session = core.sessions.within(budget);
        let before = core.invalidator.before_reading();
        // Time spent waiting for a load is not time lost to the cache.
        let found = match session.read_many_free(&entries(slots, &which)).await {
            Ok(found) => found,
            Err(error) => {
                slots[0].failed(&error);
                which.iter().for_each(|index| states[*index] = State::Alone(Reason::StoreFailed));
                return;
            }
        };
        for (index, found) in which.into_iter().zip(found) {
            if let State::Held(held) = &states[index]
                && let Some(next) = slots[index].after_look(held, found, before, &mut session).await
            {
                states[index] = next;
            }
        }
    }
}

impl Slot {
    /// What comes of an entry that was loaded elsewhere; `None` if it still is.
    async fn after_look(
        &self,
        held: &Held,
        found: Option<Found>,
        before: Before,
        session: &mut Session<'_>,
    ) -> Option<State> {
        let read = match self.seen_of(&held.holder, found) {
            Load::Runs(_) => return None,
            Load::Ended(seen) => self.read_after_waiting(seen, before, session).await,
            Load::Unknown => None,
        };
        Some(read.map_or(State::Ask(held.tries), State::Found))
    }
}
