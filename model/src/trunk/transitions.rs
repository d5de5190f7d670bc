//! What can happen in a state, what comes of it, and what must never come of it.

use stateright::{Model, Property};

use super::*;
use crate::Readable;

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let call = Call { phase: Phase::Idle, floor: 0, rounds: 0 };
        vec![State {
            source: 0,
            invalidated: 0,
            record: None,
            calls: vec![call; self.calls.len()],
            flights: Vec::new(),
            network: Vec::new(),
            repeats: self.repeats,
            faults: self.faults,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.source < self.writes {
            actions.push(Action::Write);
        }
        if state.record.is_some() && self.losses == Losses::AnyTime {
            actions.push(Action::Lose);
        }
        for &command in &state.network {
            if self.losses == Losses::Never && state.would_overtake(command) {
                continue;
            }
            actions.push(Action::Execute { command, repeated: false, answered: true });
            let repeatable = matches!(command, Command::Acquire { .. } | Command::Fill { .. });
            if state.repeats == 0 || !repeatable {
                continue;
            }
            if self.losses == Losses::AnyTime {
                actions.push(Action::Execute { command, repeated: true, answered: true });
            }
            if state.awaits(command) {
                actions.push(Action::Execute { command, repeated: true, answered: false });
            }
        }
        for caller in 0..self.callers() {
            let fault = state.faults > 0;
            match state.call(caller).phase {
                // Of calls that are alike, the first begins first: which is which does not matter.
                Phase::Idle if self.is_next(state, caller) => actions.push(Action::Begin(caller)),
                Phase::Asking(_, answer) => {
                    if answer.is_some() {
                        actions.push(Action::Receive(caller));
                    }
                    if fault {
                        actions.push(Action::TimeOut(caller));
                    }
                }
                Phase::Following(_) if fault => {
                    actions.extend([Action::AskAgain(caller), Action::Cancel(caller)]);
                }
                // In the runtime it asks twice first. Sooner, and without asking, demands more.
                Phase::Pausing(holder) if self.variant.adopts && !state.flies(holder.nonce) => {
                    if state.record != Some(Record::Lease(holder)) {
                        actions.push(Action::Look(caller));
                    }
                    actions.push(Action::Adopt(caller));
                }
                // Before, it would hear what it has heard before.
                Phase::Pausing(holder) | Phase::Waiting(holder)
                    if state.record != Some(Record::Lease(holder)) =>
                {
                    actions.push(Action::Look(caller));
                }
                Phase::Pausing(holder) if state.joinable(holder.nonce, self.variant) => {
                    actions.push(Action::Look(caller));
                }
                Phase::Loading(_) => {
                    actions.push(Action::Read(caller));
                    if fault {
                        actions.extend([Action::Fail(caller), Action::Cancel(caller)]);
                    }
                }
                Phase::Loaded(..) => {
                    actions.push(Action::Fill(caller));
                    if fault {
                        actions.push(Action::Cancel(caller));
                    }
                }
                Phase::Filling(_, _, answer) => {
                    if answer.is_some() {
                        actions.push(Action::Receive(caller));
                    }
                    if fault {
                        actions.extend([Action::TimeOut(caller), Action::Cancel(caller)]);
                        // Elsewhere it is a FILL that is never executed.
                        if answer.is_none() && self.losses == Losses::Never {
                            actions.push(Action::Refuse(caller));
                        }
                    }
                }
                _ => {}
            }
        }
        if state.faults > 0 && self.losses == Losses::AnyTime {
            let mut processes: Vec<u8> = self.calls.iter().map(|(process, _)| *process).collect();
            processes.dedup();
            // Only where something dies with it.
            processes.retain(|process| state.is_busy(self, *process));
            actions.extend(processes.into_iter().map(Action::Die));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Write => {
                state.source += 1;
                state.send(Command::Unlink(state.source));
            }
            Action::Lose => state.record = None,
            Action::Execute { command, repeated, answered } => {
                state.execute(self, command, repeated, answered);
            }
            Action::Begin(caller) => state.begin(self, caller),
            Action::Receive(caller) => state.receive(self, caller),
            Action::Look(caller) => state.look(self, caller),
            Action::Read(caller) => {
                let Phase::Loading(id) = state.call(caller).phase else { return None };
                state.call_mut(caller).phase = Phase::Loaded(id, state.source);
            }
            Action::Fill(caller) => state.fill_is_sent(self, caller),
            Action::Fail(caller) => {
                state.faults -= 1;
                let Phase::Loading(id) = state.call(caller).phase else { return None };
                // They load for themselves, in parallel.
                for follower in state.land(id.nonce) {
                    state.end(follower);
                }
                state.give_up(self, id.nonce);
                state.end(caller);
            }
            Action::Adopt(caller) => {
                let Phase::Pausing(holder) = state.call(caller).phase else { return None };
                state.take_off(holder.nonce);
                state.call_mut(caller).phase = Phase::Loading(holder);
            }
            Action::AskAgain(caller) => {
                state.faults -= 1;
                state.leave(caller);
                state.ask(self, caller);
            }
            Action::TimeOut(caller) => {
                state.faults -= 1;
                state.time_out(self, caller);
            }
            Action::Refuse(caller) => {
                state.faults -= 1;
                state.network.retain(|command| match command {
                    Command::Fill { caller: other, .. } => *other != caller,
                    _ => true,
                });
                state.time_out(self, caller);
            }
            Action::Cancel(caller) => {
                state.faults -= 1;
                state.cancel(self, caller);
            }
            Action::Die(process) => {
                state.faults -= 1;
                state.die(self, process);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(NO_STALE_READ, |_, state: &State| {
                !state.any(|phase| phase == Phase::EndedStale)
            }),
            Property::always(NO_STALE_FILL, |_, state: &State| match state.record {
                Some(Record::Value(_, version)) => version >= state.invalidated,
                _ => true,
            }),
            Property::eventually(EVERY_CALL_ENDS, |_, state: &State| {
                state.calls.iter().all(|call| call.has_ended())
            }),
        ];
        let reachable: [fn(&Self, &State) -> bool; 7] = [
            |protocol, state| {
                matches!(state.record, Some(Record::Value(..)))
                    && (0..).zip(&state.calls).any(|(caller, call)| {
                        call.phase == Phase::Idle && protocol.intent(caller) == Intent::Read
                    })
            },
            |_, state| state.any(|phase| matches!(phase, Phase::Filling(_, _, Some(Filled::Lost)))),
            |_, state| {
                state.any(|phase| match phase {
                    Phase::Filling(id, _, Some(Filled::Stored)) => state
                        .flights
                        .iter()
                        .any(|flight| flight.nonce == id.nonce && !flight.followers.is_empty()),
                    _ => false,
                })
            },
            |_, state| {
                (0..).zip(&state.calls).any(|(caller, call)| match call.phase {
                    Phase::Loading(id) => id.nonce.caller != caller,
                    _ => false,
                })
            },
            |protocol, state| {
                (0..).zip(&state.calls).any(|(caller, call)| {
                    protocol.intent(caller) == Intent::Refresh
                        && matches!((call.phase, state.record),
                            (Phase::Loading(held), Some(Record::Value(id, _))) if id == held)
                })
            },
            |_, state| {
                state.any(|phase| {
                    let (Phase::Loading(held) | Phase::Loaded(held, _)) = phase else {
                        return false;
                    };
                    let Some(Record::Lease(id) | Record::Value(id, _)) = state.record else {
                        return false;
                    };
                    id != held && id.nonce == held.nonce
                })
            },
            |_, state| {
                state.any(|phase| match phase {
                    Phase::Pausing(holder) => {
                        state.record == Some(Record::Lease(holder)) && !state.flies(holder.nonce)
                    }
                    _ => false,
                })
            },
        ];
        properties.extend(
            REACHABLE
                .into_iter()
                .zip(reachable)
                .map(|(name, condition)| Property::sometimes(name, condition)),
        );
        properties
    }
}

impl Readable for Protocol {
    const REACHABLE: &'static [&'static str] = &REACHABLE;
}

impl Protocol {
    pub(crate) fn callers(&self) -> Caller {
        u8::try_from(self.calls.len()).unwrap_or(u8::MAX)
    }

    pub(crate) fn process(&self, caller: Caller) -> u8 {
        self.calls[usize::from(caller)].0
    }

    pub(crate) fn intent(&self, caller: Caller) -> Intent {
        self.calls[usize::from(caller)].1
    }

    pub(crate) fn is_next(&self, state: &State, caller: Caller) -> bool {
        let caller = usize::from(caller);
        caller == 0
            || self.calls[caller - 1] != self.calls[caller]
            || state.calls[caller - 1].phase != Phase::Idle
    }
}
