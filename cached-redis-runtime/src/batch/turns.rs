//! Turns to load what the load of another caller has come to nothing for, as single calls take them: a few load at a
//! time, and one that succeeds answers those who wait. No lease is held meanwhile, and no turn either: what may be loaded
//! is loaded before anything is waited for.

use std::sync::Arc;

use tokio::time::Instant;

use super::ask::acquire;
use super::look_up::entries;
use super::progress::{Kind, Progress, State, Tries};
use super::store::Stored;
use crate::call::answer::{Counts, Read};
use crate::call::load_queue::share;
use crate::call::permit::{Granted, Reason};
use crate::call::slot::Slot;
use crate::fill::Acquisition;
use crate::flight::{Called, Entered};
use crate::judgement::Seen;
use crate::lease::{Intent, LeaseId};
use crate::loading;
use crate::record::Record;
use crate::session::Session;
use crate::sharing::{Answer, InQueue, Turn};

/// An entry that waits for its turn.
pub(super) struct Queued {
    pub(super) place: InQueue,
    /// Since when it has waited in vain.
    pub(super) since: Instant,
}

impl Progress {
    /// Queues up for turns to load these, unless there is a last good value that answers while nobody is to try again.
    pub(super) async fn queue_up(&mut self, which: &[usize]) {
        if self.kind == Kind::Reload {
            // Nobody waits for it.
            which.iter().for_each(|index| self.states[*index] = State::Done);
            return;
        }
        self.find_throttled(which).await;
        for &index in which {
            let slot = &self.slots[index];
            if matches!(self.states[index], State::Found(_)) {
                continue;
            }
            if loading::has_turn(&slot.key) {
                // A call inside of a load that has one would wait for itself.
                self.states[index] = State::Alone(Reason::NotShareable);
                continue;
            }
            self.states[index] = match slot.core().load_queues.enter(&slot.key, self.moment) {
                Entered::Load(turn) => State::Turn(turn),
                Entered::Wait(place) => {
                    slot.counters.queued.increment();
                    State::Queued(Box::new(Queued { place, since: Instant::now() }))
                }
            };
        }
    }

    /// Finds the last good values of these, where a load has failed shortly before.
    async fn find_throttled(&mut self, which: &[usize]) {
        let most = self.reads_at_once();
        let Self { slots, states, budget, .. } = self;
        let can_be = |index: &&usize| slots[**index].policy.stale_if_error.is_some();
        let which: Vec<usize> = which.iter().filter(can_be).copied().collect();
        let core = Arc::clone(slots[0].core());
        let mut session = core.sessions.within(budget);
        for some in which.chunks(most) {
            let before = core.invalidator.before_reading();
            let Ok(all) = session.read_many(&entries(slots, some)).await else { return };
            for (index, found) in some.iter().zip(all) {
                let Some(found) = found else { continue };
                let Some(record) = Record::read(found.record) else { continue };
                let seen = Seen { record, is_current: found.is_current };
                let read = slots[*index].read_after_waiting(seen, before, &mut session).await;
                if let Some(read) = read {
                    states[*index] = State::Found(read);
                }
            }
        }
    }

    /// Whoever has waited for a turn in vain for as long as for any load has more of them run at a time.
    pub(super) fn widen(&mut self) {
        let now = Instant::now();
        for (state, slot) in self.states.iter_mut().zip(&self.slots) {
            let patience = slot.bounded(slot.policy.load_timeout);
            if let State::Queued(queued) = state
                && now >= queued.since + patience
            {
                queued.place.widen(patience);
                queued.since = now;
            }
        }
    }

    /// What an entry has been called for.
    pub(super) async fn take_call(&mut self, index: usize, called: Option<Called<Answer>>) {
        let Self { slots, states, budget, .. } = self;
        let slot = &slots[index];
        let alone = State::Alone(Reason::NotShareable);
        states[index] = match called {
            Some(Called::Load(turn)) => State::Turn(turn),
            Some(Called::Shared(answer)) => {
                let mut session = slot.core().sessions.within(budget);
                slot.read_called(answer, &mut session).await.map_or(alone, State::Found)
            }
            Some(Called::Open) | None => alone,
        };
    }

    /// Asks for the leases of those whose turn it is: a value may have come, and one that is loaded under a lease can
    /// be stored.
    pub(super) async fn ask_in_turn(&mut self) {
        let which = self.which(|state| matches!(state, State::Turn(_)), usize::MAX);
        let mut turns: Vec<Option<Turn>> = Vec::with_capacity(which.len());
        for &index in &which {
            let state = std::mem::replace(&mut self.states[index], State::Done);
            let State::Turn(mut turn) = state else { continue };
            turn.begins();
            turns.push(Some(turn));
        }
        let asked: Vec<_> =
            which.iter().map(|index| (*index, Tries::new(Intent::Read, LeaseId::NONE))).collect();
        let Self { slots, states, budget, .. } = self;
        let core = Arc::clone(slots[0].core());
        let mut session = core.sessions.within(budget);
        let answers = match acquire(slots, &asked, &mut session).await {
            Ok(answers) => answers,
            Err(error) => {
                slots[0].failed(&error);
                Vec::new()
            }
        };
        for (position, answered) in answers.into_iter().enumerate() {
            let Some((acquired, known)) = answered else { continue };
            let index = which[position];
            let slot = &slots[index];
            match acquired {
                Ok(Acquisition::Granted { lease, over_seen }) => {
                    let turn = turns[position].take().map(Box::new);
                    let granted = Granted::new(lease, over_seen, true);
                    states[index] = State::Granted(Granted { turn, ..granted });
                }
                Ok(Acquisition::Hit(Some(record))) => {
                    let read =
                        slot.read_shared(record.clone(), Counts::Shared, &known, &mut session);
                    if let Some(read) = read.await
                        && let Some(turn) = turns[position].take()
                    {
                        turn.shares(|| Answer::Hit(Some(record.clone()), Arc::clone(&known)));
                        states[index] = State::Found(read);
                    }
                }
                Ok(_) => {}
                Err(error) => drop(slot.failed(&error)),
            }
        }
        for (index, turn) in which.into_iter().zip(turns) {
            if let Some(turn) = turn {
                states[index] = State::InTurn(turn);
            }
        }
    }
}

/// Tells those who wait for a turn what a load has come to.
pub(super) fn tell(turn: &Turn, stored: &Stored) {
    match stored {
        Stored::New(encoding) => share(turn, &encoding.record),
        Stored::Nothing | Stored::Unknown => turn.opens(),
        // The next one tries.
        Stored::Failed => {}
    }
}

impl Slot {
    /// What another caller has loaded in its turn, or has found.
    async fn read_called(&self, answer: Answer, session: &mut Session<'_>) -> Option<Read> {
        let read = match answer {
            Answer::Loaded(record) => self.read_loaded(record),
            Answer::Hit(Some(record), known) => {
                self.read_shared(record, Counts::Shared, &known, session).await
            }
            _ => None,
        }?;
        Some(Read::new(read.record, Counts::Coalesced))
    }
}
