//! What can happen in a state, what comes of it, and what must never come of it.

use stateright::{Model, Property};

use super::*;
use crate::Readable;

impl Scenario {
    /// The rules of the tier, one tick of bound, and no faults.
    #[must_use]
    pub fn new(rules: Rules, writes: &[(Origin, Target)]) -> Self {
        Self {
            rules,
            writes: writes.to_vec(),
            bound: 1,
            faults: 0,
            kinds: Vec::new(),
            evictions_are_told: true,
            suspends: false,
        }
    }

    pub(super) fn has_group(&self) -> bool {
        self.writes.iter().any(|(_, target)| *target == Target::Group)
    }

    /// Older makes no difference: no call takes longer than a bound.
    fn oldest(&self) -> Age {
        2 * self.bound
    }
}

impl Model for Scenario {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let write = Writing { step: Step::Idle, version: 0, outstanding: false };
        vec![State {
            source: 0,
            invalidated: 0,
            entry: None,
            generation: None,
            number: None,
            tracks_entry: false,
            tracks_group: false,
            connected: true,
            requests: Vec::new(),
            replies: Vec::new(),
            proof: None,
            database: None,
            reading: None,
            copy: None,
            held: None,
            asking: false,
            call: None,
            writes: vec![write; self.writes.len()],
            outdated: None,
            faults: self.faults,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.outdated.is_some() {
            return;
        }
        if state.call.is_none_or(|call| call.age < self.bound) {
            actions.push(Action::Tick);
            if self.suspends {
                actions.push(Action::Suspend);
            }
        }
        self.in_process(state, actions);
        self.on_server(state, actions);
        for (writer, write) in state.writes.iter().enumerate() {
            match write.step {
                Step::Idle if self.is_next(state, writer) => actions.push(Action::Write(writer)),
                Step::Answered => actions.push(Action::Return(writer)),
                Step::Failed => actions.push(Action::Retry(writer)),
                _ => {}
            }
        }
        for &fault in &self.kinds {
            let may_happen = match fault {
                Fault::Reconnect => !state.connected,
                Fault::Lose => state.connected && state.faults > 0,
                Fault::Swap | Fault::Flush => state.faults > 0,
                Fault::ForgetEntry => state.tracks_entry && state.faults > 0,
                Fault::ForgetGroup => state.tracks_group && state.faults > 0,
            };
            if may_happen {
                actions.push(Action::Fault(fault));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => state.tick(self, false),
            Action::Suspend => state.tick(self, true),
            Action::Prove => state.requests.push(Request::Prove { age: 0, counts: true }),
            Action::Read => state.read(),
            Action::Keep => state.keep(self),
            Action::Ask => {
                state.asking = true;
                state.requests.push(Request::Ask);
            }
            Action::Execute => state.execute(self),
            Action::Deliver(place) => state.deliver(self, place),
            Action::Write(writer) => {
                state.source += 1;
                state.writes[writer].version = state.source;
                match self.writes[writer].0 {
                    Origin::Own => state.send_invalidation(writer),
                    Origin::Elsewhere => {
                        state.invalidate(self, writer);
                        state.writes[writer].step = Step::Returned(0);
                    }
                }
            }
            Action::Return(writer) => state.return_invalidation(self, writer),
            Action::Retry(writer) => state.send_invalidation(writer),
            Action::Begin => state.call = state.call_now(self),
            Action::Check => state.check(self),
            Action::Answer => state.answer(),
            Action::Fill(version) => state.fill(self, version),
            Action::MakeGeneration => state.make_generation(),
            Action::Expire => {
                state.entry = None;
                state.report_entry();
            }
            Action::Fault(fault) => {
                if fault != Fault::Reconnect {
                    state.faults -= 1;
                }
                state.fault(self, fault);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(OWN_AT_ONCE, |_, state: &State| {
                state.outdated != Some(Outdated::ByOwn)
            }),
            Property::always(ELSEWHERE_WITHIN_BOUND, |_, state: &State| {
                state.outdated != Some(Outdated::Elsewhere)
            }),
            Property::sometimes(REACHABLE[0], |scenario: &Self, state: &State| {
                state.copy.is_some_and(|copy| copy.version == state.source)
                    && state.source != 0
                    && state.proof.is_some_and(|age| age < scenario.bound)
                    && state.copy.is_some_and(|copy| copy.stamp == state.held)
            }),
            Property::sometimes(REACHABLE[1], |scenario: &Self, state: &State| {
                state.copy.is_some_and(|copy| copy.version < state.invalidated)
                    && state.proof.is_some_and(|age| age < scenario.bound)
                    && state.copy.is_some_and(|copy| copy.stamp == state.held)
            }),
            Property::sometimes(REACHABLE[2], |_, state: &State| {
                state.reading.is_some_and(|reading| !reading.stands && reading.found.is_some())
            }),
            Property::sometimes(REACHABLE[3], |scenario: &Self, state: &State| {
                scenario.is_about_to_check(state, Check::Stamps)
                    && state.held.is_some()
                    && state.copy.is_some_and(|copy| copy.stamp != state.held)
            }),
            Property::sometimes(REACHABLE[4], |scenario: &Self, state: &State| {
                scenario.is_about_to_check(state, Check::Proof)
                    && state.copy.is_some()
                    && state.proof.is_some_and(|age| age >= scenario.bound)
            }),
            Property::sometimes(REACHABLE[5], |_, state: &State| {
                state.copy.is_some()
                    && matches!(
                        state.replies.first().copied(),
                        Some(Reply::Proved { number, counts: true, .. })
                            if state.database.is_some_and(|known| known != number)
                    )
            }),
            Property::sometimes(REACHABLE[6], |_, state: &State| {
                state.copy.is_some_and(|copy| copy.version < state.source) && state.is_outstanding()
            }),
        ]
    }
}

impl Readable for Scenario {
    const REACHABLE: &'static [&'static str] = &REACHABLE;
}

impl Scenario {
    fn is_about_to_check(&self, state: &State, check: Check) -> bool {
        state.call.is_some_and(|call| self.rules.checks.get(call.passed) == Some(&check))
    }

    /// Of writes that are alike, the first begins first.
    fn is_next(&self, state: &State, writer: Writer) -> bool {
        (0..writer).all(|earlier| {
            self.writes[earlier] != self.writes[writer] || state.writes[earlier].step != Step::Idle
        })
    }

    fn in_process(&self, state: &State, actions: &mut Vec<Action>) {
        let is_proving =
            state.requests.iter().any(|request| matches!(request, Request::Prove { .. }))
                || state.replies.iter().any(|reply| matches!(reply, Reply::Proved { .. }));
        if state.connected && !is_proving {
            actions.push(Action::Prove);
        }
        if state.may_read(self) {
            actions.push(Action::Read);
        }
        if state.reading.is_some_and(|reading| reading.found.is_some()) {
            actions.push(Action::Keep);
        }
        let is_asking = state.requests.contains(&Request::Ask)
            || state.replies.iter().any(|reply| matches!(reply, Reply::Asked(_)));
        if self.has_group() && state.connected && state.held.is_none() && !is_asking {
            actions.push(Action::Ask);
        }
        match state.call {
            None if state.copy.is_some() && state.call_now(self).is_some() => {
                actions.push(Action::Begin);
            }
            Some(call) if call.passed < self.rules.checks.len() => actions.push(Action::Check),
            Some(_) => actions.push(Action::Answer),
            None => {}
        }
        let is_push = |reply: &Reply| {
            matches!(reply, Reply::EntryChanged | Reply::GroupChanged | Reply::Flushed)
        };
        for (place, reply) in state.replies.iter().enumerate() {
            let overtakes = !self.rules.pushes_in_order && !is_push(reply);
            if place == 0 || overtakes && state.replies[..place].iter().all(is_push) {
                actions.push(Action::Deliver(place));
            }
        }
    }

    fn on_server(&self, state: &State, actions: &mut Vec<Action>) {
        if !state.requests.is_empty() {
            actions.push(Action::Execute);
        }
        if self.has_group() && state.generation.is_none() {
            actions.push(Action::MakeGeneration);
        }
        let counts = state.entry.is_some_and(|entry| entry.stamp == state.generation);
        if counts {
            actions.push(Action::Expire);
        } else {
            actions.extend((state.invalidated..=state.source).map(Action::Fill));
        }
    }
}

impl State {
    fn tick(&mut self, scenario: &Scenario, suspended: bool) {
        let older = |age: &mut Age, oldest: Age| *age = (*age + 1).min(oldest);
        for (write, (origin, _)) in self.writes.iter_mut().zip(&scenario.writes) {
            if let (Step::Returned(age), Origin::Elsewhere) = (&mut write.step, origin) {
                older(age, scenario.bound);
            }
        }
        if suspended {
            return;
        }
        if let Some(age) = &mut self.proof {
            older(age, scenario.oldest());
        }
        if let Some(call) = &mut self.call {
            call.age += 1;
        }
        for request in &mut self.requests {
            if let Request::Prove { age, .. } = request {
                older(age, scenario.oldest());
            }
        }
        for reply in &mut self.replies {
            if let Reply::Proved { age, .. } = reply {
                older(age, scenario.oldest());
            }
        }
    }
}
