//! Asking who may load the entries that are missing.

use std::sync::Arc;

use tokio::time::Instant;

use super::progress::{Kind, Progress, State, Tries};
use super::wait::{Held, Wait};
use crate::call::answer::Counts;
use crate::call::permit::{Granted, Reason};
use crate::call::slot::Slot;
use crate::error::Error;
use crate::fill::{Acquisition, Lease};
use crate::flight::Join;
use crate::lease::{Acquire, Intent, LeaseId};
use crate::loading;
use crate::session::Session;
use crate::sharing::Known;

/// What the store has answered to a question, and what was known before it was sent.
pub(super) type Answered = (Result<Acquisition, Error>, Arc<Known>);

/// Asks for the stamps of entries, which are nearly always known, and then for their leases. `None` for those of which
/// nothing may be stored.
pub(super) async fn acquire(
    slots: &[Slot],
    asked: &[(usize, Tries)],
    session: &mut Session<'_>,
) -> Result<Vec<Option<Answered>>, Error> {
    let core = slots[0].core();
    let before = core.invalidator.before_reading();
    // Before the leases are asked for, and so before the load that they allow.
    let groups: Vec<_> = asked
        .iter()
        .map(|(index, _)| (&*slots[*index].key, slots[*index].groups.of_lease()))
        .collect();
    let max_ttl = core.settings.max_ttl;
    let lives = asked.iter().map(|(index, _)| slots[*index].policy.longest_life(max_ttl));
    let stamps = session.stamp_many(&groups, lives.max().unwrap_or_default()).await?;
    let question = |((index, _), stamps): (&(usize, Tries), Option<_>)| {
        let known = Arc::new(Known { before, stamps: stamps? });
        Some((slots[*index].entry().asking(), known))
    };
    let questions: Vec<_> = asked.iter().zip(stamps).map(question).collect();
    let acquires: Vec<(&str, Acquire<'_>)> = asked
        .iter()
        .zip(&questions)
        .filter_map(|((index, Tries { intent, seen, .. }), question)| {
            let (asking, known) = question.as_ref()?;
            let slot = &slots[*index];
            Some((&*slot.key, slot.entry().question(asking, *intent, *seen, &known.stamps)))
        })
        .collect();
    let mut answers = session.acquire_many(&acquires).await?.into_iter();
    drop(acquires);
    let answered = |((index, _), question): (&(usize, Tries), Option<(_, Arc<Known>)>)| {
        // Where it has failed, the question is dropped, which takes it back.
        let (asking, known) = question?;
        let entry = slots[*index].entry();
        let acquired = |acquired| entry.acquisition(asking, acquired, &known.stamps);
        Some((answers.next()?.map(acquired), known))
    };
    Ok(asked.iter().zip(questions).map(answered).collect())
}

impl Progress {
    /// Asks for these entries.
    pub(super) async fn ask(&mut self, which: &[usize]) {
        let Self { slots, states, budget, .. } = self;
        let asked = |index: &usize| match states[*index] {
            State::Ask(tries) => Some((*index, tries)),
            _ => None,
        };
        let asked: Vec<(usize, Tries)> = which.iter().filter_map(asked).collect();
        let core = Arc::clone(slots[0].core());
        let mut session = core.sessions.within(budget);
        let answers = match acquire(slots, &asked, &mut session).await {
            Ok(answers) => answers,
            Err(error) => return fail(slots, states, &asked, &error),
        };
        for ((index, tries), answered) in asked.into_iter().zip(answers) {
            let slot = &slots[index];
            states[index] = match answered {
                Some((Ok(asked), known)) => {
                    slot.decide_one(tries, asked, known, &mut session).await
                }
                Some((Err(error), _)) => State::Alone(slot.failed(&error)),
                None => State::Alone(Reason::NotShareable),
            };
        }
        if self.kind == Kind::Reload {
            // Nobody waits for what somebody else reloads already, or what is no longer there.
            self.states
                .iter_mut()
                .filter(|state| !matches!(state, State::Granted(_) | State::Ask(_)))
                .for_each(|state| *state = State::Done);
        }
    }
}

/// The store has failed: these are loaded without it.
fn fail(slots: &[Slot], states: &mut [State], asked: &[(usize, Tries)], error: &Error) {
    for (position, (index, _)) in asked.iter().enumerate() {
        if position == 0 {
            slots[*index].failed(error);
        }
        states[*index] = State::Alone(Reason::StoreFailed);
    }
}

impl Slot {
    /// What an answer means for one entry, as for a call that is alone.
    async fn decide_one(
        &self,
        mut tries: Tries,
        asked: Acquisition,
        known: Arc<Known>,
        session: &mut Session<'_>,
    ) -> State {
        let flights = &self.core().flights;
        // By the next time it may be another.
        tries.seen = LeaseId::NONE;
        let (holder, of_holder) = match asked {
            Acquisition::Granted { lease, over_seen } => {
                return State::Granted(Granted::new(lease, over_seen, tries.replaces));
            }
            Acquisition::NoStore => return State::Alone(Reason::NotShareable),
            Acquisition::Hit(None) => return again(tries, Intent::Replace(LeaseId::NONE)),
            Acquisition::Hit(Some(record)) => {
                let lease = record.header().lease;
                let read = self.read_shared(record, Counts::Shared, &known, session).await;
                return match read {
                    Some(read) => State::Found(read),
                    None => again(tries, Intent::Replace(lease)),
                };
            }
            Acquisition::Held(holder, of_holder) => (holder, of_holder),
        };
        if !known.stamps.agree(of_holder.bytes()) {
            // One of the two is older than an invalidation of the whole group. If it is not this one, which is seen
            // by asking anew, it is that load: nothing that comes of it counts.
            let intent =
                if tries.outdated == Some(holder) { Intent::Replace(holder) } else { tries.intent };
            tries.outdated = Some(holder);
            return again(tries, intent);
        }
        if loading::is_leading(&holder) {
            return State::Alone(Reason::NotShareable);
        }
        let wait = if flights.is_ours(&holder) {
            match flights.join(&self.key, &holder) {
                Join::Follow(follower) => Wait::Follow(follower),
                // Seen twice, it is no flight that was just about to end.
                Join::Unknown if tries.orphan == Some(holder) => {
                    let release = self.entry().release_later(std::time::Duration::ZERO);
                    match flights.adopt(&self.key, holder, release) {
                        Some(leader) => {
                            let lease = Lease { leader, stamps: known.stamps.clone() };
                            return State::Granted(Granted::taken_over(lease));
                        }
                        None => Wait::AskAgain,
                    }
                }
                Join::Unknown => {
                    tries.orphan = Some(holder);
                    Wait::AskAgain
                }
                Join::Closed => Wait::AskAgain,
            }
        } else if self.policy.lease.is_none() {
            return State::Alone(Reason::NotShareable);
        } else {
            self.counters.waits.increment();
            Wait::Watch
        };
        State::Held(Box::new(Held { tries, holder, known, wait, since: Instant::now() }))
    }
}

/// To be asked for once more.
pub(super) fn again(mut tries: Tries, intent: Intent) -> State {
    tries.intent = intent;
    tries.rounds += 1;
    State::Ask(tries)
}
