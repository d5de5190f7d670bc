//! Asking who may load the entries that are missing.

use std::sync::Arc;

use tokio::time::Instant;

use super::progress::{Kind, Progress, State, Tries, is_exhausted};
use super::wait::{Held, Wait};
use crate::call::answer::Counts;
use crate::call::permit::{Granted, Reason};
use crate::call::slot::Slot;
use crate::error::Error;
use crate::fill::{Acquisition, Lease};
use crate::flight::{Asking, Join};
use crate::lease::{Acquire, Intent, LeaseId};
use crate::loading;
use crate::session::Session;
use crate::sharing::Known;

/// A question that is sent along with others.
struct Question {
    index: usize,
    tries: Tries,
    asking: Asking,
    known: Arc<Known>,
}

impl Progress {
    /// Asks for these entries: for their stamps, which are nearly always known, and then for their leases.
    pub(super) async fn ask(&mut self, which: &[usize]) {
        let Self { slots, states, budget, patience, .. } = self;
        let core = Arc::clone(slots[0].core());
        let mut session = core.sessions.within(budget);
        let before = core.invalidator.before_reading();
        let mut asked: Vec<(usize, Tries)> = Vec::with_capacity(which.len());
        for &index in which {
            match states[index] {
                State::Ask(tries) if !is_exhausted(&tries, *patience) => asked.push((index, tries)),
                _ => states[index] = State::Alone(Reason::NotShareable),
            }
        }
        // Before the leases are asked for, and so before the load that they allow.
        let groups: Vec<_> = asked
            .iter()
            .map(|(index, _)| (&*slots[*index].key, slots[*index].groups.of_lease()))
            .collect();
        let max_ttl = core.settings.max_ttl;
        let lives = asked.iter().map(|(index, _)| slots[*index].policy.longest_life(max_ttl));
        let life = lives.max().unwrap_or_default();
        let stamps = match session.stamp_many(&groups, life).await {
            Ok(stamps) => stamps,
            Err(error) => return fail(slots, states, &asked, &error),
        };
        drop(groups);
        let mut questions = Vec::with_capacity(asked.len());
        for ((index, tries), stamps) in asked.into_iter().zip(stamps) {
            let Some(stamps) = stamps else {
                states[index] = State::Alone(Reason::NotShareable);
                continue;
            };
            let asking = slots[index].entry().asking();
            questions.push(Question {
                index,
                tries,
                asking,
                known: Arc::new(Known { before, stamps }),
            });
        }
        let acquires: Vec<(&str, Acquire<'_>)> = questions
            .iter()
            .map(|Question { index, tries, asking, known }| {
                let slot = &slots[*index];
                let Tries { intent, seen, .. } = *tries;
                (&*slot.key, slot.entry().question(asking, intent, seen, &known.stamps))
            })
            .collect();
        let answers = match session.acquire_many(&acquires).await {
            Ok(answers) => answers,
            Err(error) => {
                drop(acquires);
                let asked: Vec<_> = questions.iter().map(|q| (q.index, q.tries)).collect();
                return fail(slots, states, &asked, &error);
            }
        };
        drop(acquires);
        for (question, answer) in questions.into_iter().zip(answers) {
            let Question { index, tries, asking, known } = question;
            let slot = &slots[index];
            states[index] = match answer {
                Ok(acquired) => {
                    let asked = slot.entry().acquisition(asking, acquired, &known.stamps);
                    slot.decide_one(tries, asked, known, &mut session).await
                }
                // `asking` is dropped, which takes the question back.
                Err(error) => State::Alone(slot.failed(&error)),
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
