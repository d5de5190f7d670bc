//! What can happen in a state, what comes of it, and what must never come of it.

use stateright::{Model, Property};

use super::*;
use crate::Readable;

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let writing = Writing { step: Step::Idle, version: 0, stamps: [None; 3] };
        let process = Process { held: Default::default(), tracked: [false; 3], inbox: Vec::new() };
        let processes = self.calls.iter().map(|(process, _)| *process + 1).max().unwrap_or(0);
        vec![State {
            source: 0,
            invalidated: 0,
            record: None,
            generations: [None; 3],
            guard: Vec::new(),
            calls: vec![Call::IDLE; self.calls.len()],
            writers: vec![writing; self.writers.len()],
            processes: vec![
                process;
                if self.reads == Reads::Tracked { usize::from(processes) } else { 0 }
            ],
            network: Vec::new(),
            repeats: self.repeats,
            faults: self.faults,
            expiries: self.expiries,
            evictions: self.evictions,
            disconnects: self.disconnects,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.actions_of_world(state, actions);
        for caller in 0..self.callers() {
            self.actions_of_call(state, caller, actions);
        }
        for (writer, _) in (0..).zip(&self.writers) {
            self.actions_of_writer(state, writer, actions);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Lose => state.record = None,
            Action::Evict(group) => {
                state.evictions -= 1;
                state.generations[group as usize] = None;
                if self.evictions_are_told {
                    state.push(group);
                }
            }
            Action::EvictGuard => state.guard.clear(),
            Action::Expire | Action::Lapse => {
                let Some(Record::Value(value)) = &mut state.record else { return None };
                if action == Action::Expire {
                    state.expiries -= 1;
                    value.stale = true;
                } else {
                    value.reload = Reload::None;
                }
            }
            Action::Execute { command, repeated, answered } => {
                state.execute(self, command, repeated, answered);
            }
            Action::Deliver(process, place) => state.deliver(self, process, place),
            Action::Disconnect(process) => state.disconnect(self, process),
            Action::Begin(caller) => state.begin(self, caller),
            Action::Get(caller) => state.get(self, caller),
            Action::Compare(caller) => state.compare(self, caller),
            Action::PutDown(caller) => state.put_down(self, caller),
            Action::Receive(caller) => state.receive(self, caller),
            Action::Look(caller) => state.look_again(self, caller),
            Action::Adopt(caller) => {
                let Phase::Waiting(holder) = state.call(caller).phase else { return None };
                state.call_mut(caller).phase = Phase::Loading(holder);
            }
            Action::Read(caller) => {
                let Phase::Loading(id) = state.call(caller).phase else { return None };
                state.call_mut(caller).phase = Phase::Loaded(id, state.source);
            }
            Action::Renew(caller) => {
                let Phase::Loading(id) = state.call(caller).phase else { return None };
                state.send(Command::Renew(id));
            }
            Action::ReadTag(caller) => state.read_tag(self, caller),
            Action::ReadClass(caller) => state.read_class(caller),
            Action::Fill(caller) => state.send_fill(self, caller),
            Action::Keep(caller) => state.send_keep(caller),
            Action::Fail(caller) => state.fail(caller),
            Action::SoftTimeOut(caller) => state.soft_time_out(caller),
            Action::Start(writer) => state.start(self, writer),
            Action::Hear(writer) => state.hear(self, writer),
            Action::GiveUp(writer) => state.give_up_on_answer(self, writer),
            Action::Write(writer) => state.write(self, writer),
            Action::Crash(writer) => state.crash(writer),
            Action::GuardEnds(writer) => state.guard_ends(self, writer),
        }
        state.forget_id(self);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(NO_STALE_READ, |_, state: &State| {
                !state.any(|phase| phase == Phase::EndedStale)
            }),
            Property::always(NO_STALE_FILL, |protocol: &Self, state: &State| match state.record {
                Some(Record::Value(value)) => {
                    value.version >= state.invalidated
                        || !protocol.is_current(&value, state.read_generations(protocol))
                }
                _ => true,
            }),
            Property::always(NO_EXPIRED_READ, |_, state: &State| {
                !state.any(|phase| phase == Phase::EndedExpired)
            }),
            Property::eventually(EVERY_CALL_ENDS, |_, state: &State| {
                state.calls.iter().all(Call::has_ended)
            }),
        ];
        let insists = |(_, kind): &(u8, Kind)| *kind == Kind::Refresh;
        if self.losses == Losses::Never
            && self.writers.is_empty()
            && !self.calls.iter().any(insists)
        {
            properties.push(Property::always(ONE_LOAD, |_, state: &State| {
                let loads = |call: &&Call| matches!(call.phase, Phase::Loading(_));
                state.calls.iter().filter(loads).count() <= 1
            }));
        }
        let reachable = REACHABLE.into_iter().zip(REACHED);
        properties.extend(reachable.map(|(name, condition)| Property::sometimes(name, condition)));
        properties
    }
}

type Condition = fn(&Protocol, &State) -> bool;

/// The conditions of [`REACHABLE`].
const REACHED: [Condition; REACHABLE.len()] = [
    |protocol, state| match state.record {
        Some(Record::Value(value)) => {
            value.stale
                && protocol.is_current(&value, state.read_generations(protocol))
                && (0..).zip(&state.calls).any(|(caller, call)| {
                    call.phase == Phase::Idle
                        && matches!(protocol.kind(caller), Kind::Stale | Kind::Early)
                })
        }
        _ => false,
    },
    |_, state| state.any(|phase| matches!(phase, Phase::Filling(_, _, Some(Filled::Lost)))),
    |_, state| {
        state.any(|phase| match phase {
            Phase::Filling(id, _, Some(Filled::Stored)) => !state.followers(id.nonce).is_empty(),
            _ => false,
        })
    },
    |_, state| {
        state.calls.iter().any(|call| call.behind && matches!(call.phase, Phase::Loaded(..)))
    },
    |_, state| {
        state.network.iter().any(|command| match command {
            Command::Keep { id, .. } => state.record.and_then(Record::id) == Some(*id),
            _ => false,
        })
    },
    |_, state| match state.record {
        Some(Record::Value(value)) => value.reload == Reload::Throttled,
        _ => false,
    },
    |protocol, state| {
        state.any(|phase| match phase {
            Phase::Looking(Some(Record::Value(value))) => {
                !protocol.is_current(&value, state.read_generations(protocol))
            }
            _ => false,
        })
    },
    |_, state| {
        (0..)
            .zip(&state.calls)
            .any(|(caller, call)| call.has_loaded().is_some() && state.has_class_changed(caller))
    },
    |_, state| {
        let pushes = |process: &Process| {
            process.inbox.iter().any(|delivery| matches!(delivery, Delivery::Push(_)))
        };
        state.processes.iter().any(pushes)
    },
    |_, state| state.guard.iter().any(|holder| state.writer(*holder).step == Step::Crashed),
    |_, state| {
        state.writers.iter().any(|writer| writer.step == Step::Storing(Some(Filled::Stored)))
    },
    |_, state| state.writers.iter().any(|writer| writer.step == Step::Storing(Some(Filled::Lost))),
];

impl Readable for Protocol {
    const REACHABLE: &'static [&'static str] = &REACHABLE;
}

impl State {
    fn any(&self, condition: impl Fn(Phase) -> bool) -> bool {
        self.calls.iter().any(|call| condition(call.phase))
    }
}

impl Protocol {
    /// Nothing happens but calls and writes, in the hostile world.
    #[must_use]
    pub fn new(rules: Rules, calls: &[(u8, Kind)], writers: &[(u8, Write)]) -> Self {
        Self {
            rules,
            groups: Vec::new(),
            reads: Reads::AfterGet,
            guarded: None,
            guard_vanishes: false,
            calls: calls.to_vec(),
            writers: writers.to_vec(),
            rounds: 2,
            repeats: 0,
            faults: 0,
            expiries: 0,
            evictions: 0,
            evictions_are_told: true,
            disconnects: 0,
            renewals: false,
            losses: Losses::AnyTime,
        }
    }
}

/// What can happen.
impl Protocol {
    fn actions_of_world(&self, state: &State, actions: &mut Vec<Action>) {
        let hostile = self.losses == Losses::AnyTime;
        if hostile && state.record.is_some() {
            actions.push(Action::Lose);
        }
        if state.evictions > 0 {
            let present = |group: &&Group| state.generations[**group as usize].is_some();
            actions.extend(self.groups.iter().filter(present).map(|group| Action::Evict(*group)));
        }
        if self.guard_vanishes && !state.guard.is_empty() {
            actions.push(Action::EvictGuard);
        }
        if let Some(Record::Value(value)) = state.record {
            if state.expiries > 0 && !value.stale {
                actions.push(Action::Expire);
            }
            // The time for which nobody shall try passes in a friendly world, too.
            let lapses = hostile && value.reload == Reload::Running;
            if lapses || value.reload == Reload::Throttled {
                actions.push(Action::Lapse);
            }
        }
        for &command in &state.network {
            actions.push(Action::Execute { command, repeated: false, answered: true });
            let repeatable = matches!(
                command,
                Command::Acquire { .. }
                    | Command::Ensure { .. }
                    | Command::Fill { .. }
                    | Command::Keep { .. }
                    | Command::Hold(_)
            );
            // Others would do again what the loss of a record or of a generation does.
            if state.repeats > 0 && repeatable {
                for answered in [true, false] {
                    actions.push(Action::Execute { command, repeated: true, answered });
                }
            }
        }
        for (number, process) in (0..).zip(&state.processes) {
            let deliverable = if self.rules.pushes_in_order { 1 } else { usize::MAX };
            let places = (0..).zip(&process.inbox).take(deliverable);
            actions.extend(places.map(|(place, _)| Action::Deliver(number, place)));
            if state.disconnects > 0 {
                actions.push(Action::Disconnect(number));
            }
        }
    }

    fn actions_of_call(&self, state: &State, caller: Caller, actions: &mut Vec<Action>) {
        let call = state.call(caller);
        let falls_back =
            call.found.is_some() && !call.behind && self.kind(caller) == Kind::Fallback;
        match call.phase {
            // Of calls that are alike, the first begins first: which is which does not matter.
            Phase::Idle if self.is_next(state, caller) => actions.push(Action::Begin(caller)),
            Phase::Getting if self.reads == Reads::BeforeGet => actions.push(Action::Get(caller)),
            Phase::Looking(_) => actions.push(Action::Compare(caller)),
            Phase::Ensured(..) => actions.push(Action::PutDown(caller)),
            Phase::Asking(_, Some(_)) => actions.push(Action::Receive(caller)),
            Phase::Following(_) if falls_back => actions.push(Action::SoftTimeOut(caller)),
            Phase::Waiting(holder) => {
                // Before, it would hear what it has heard before.
                if !state.record.is_some_and(|record| record.is_held_by(holder)) {
                    actions.push(Action::Look(caller));
                }
                if falls_back {
                    actions.push(Action::SoftTimeOut(caller));
                }
                let of_writer = self.writer(holder.nonce.caller).is_some();
                if of_writer
                    && !self.rules.updates_are_not_adopted
                    && self.process(holder.nonce.caller) == self.process(caller)
                {
                    actions.push(Action::Adopt(caller));
                }
            }
            Phase::Loading(_) => {
                actions.push(Action::Read(caller));
                if state.faults > 0 {
                    actions.push(Action::Fail(caller));
                }
                if falls_back {
                    actions.push(Action::SoftTimeOut(caller));
                }
                if self.renewals {
                    actions.push(Action::Renew(caller));
                }
            }
            Phase::Loaded(_, version) if !self.groups.contains(&Group::Tag) => {
                actions.push(Action::Fill(caller));
                let is_there = call.over || !self.rules.keeps_what_is_there;
                if call.found == Some(version) && is_there {
                    actions.push(Action::Keep(caller));
                }
            }
            Phase::Loaded(..) | Phase::Checking(..) => {
                let checked = call.has_loaded().map(|(_, _, checked)| checked).unwrap_or_default();
                actions.push(match (checked.tag, checked.class) {
                    (Some(_), Some(_)) => Action::Fill(caller),
                    (None, None) if self.rules.reads_tag_first => Action::ReadTag(caller),
                    (None, Some(_)) => Action::ReadTag(caller),
                    (_, None) => Action::ReadClass(caller),
                });
            }
            Phase::Filling(_, _, Some(_)) => actions.push(Action::Receive(caller)),
            _ => {}
        }
    }

    fn actions_of_writer(&self, state: &State, writer: Writer, actions: &mut Vec<Action>) {
        let fault = state.faults > 0;
        match state.writer(writer).step {
            Step::Idle if self.is_next_writer(state, writer) => actions.push(Action::Start(writer)),
            Step::Holding(answered) => {
                if answered {
                    actions.push(Action::Write(writer));
                }
                if fault {
                    actions.push(Action::Crash(writer));
                }
            }
            Step::Beginning(answer) => {
                if answer.is_some() {
                    actions.push(Action::Hear(writer));
                }
                if fault {
                    actions.push(Action::GiveUp(writer));
                }
            }
            Step::Storing(answer) => {
                if answer.is_some() {
                    actions.push(Action::Hear(writer));
                }
                if fault {
                    actions.push(Action::GiveUp(writer));
                }
            }
            Step::Working(_) => actions.push(Action::Write(writer)),
            Step::Ending if fault && self.write(writer) == Write::Guarded => {
                actions.push(Action::Crash(writer));
            }
            Step::Crashed => actions.push(Action::GuardEnds(writer)),
            // A HOLD that was executed late, or again.
            Step::Done if state.guard.contains(&writer) => actions.push(Action::GuardEnds(writer)),
            _ => {}
        }
    }

    pub(crate) fn callers(&self) -> Caller {
        u8::try_from(self.calls.len()).unwrap_or(u8::MAX)
    }

    /// The writer who asks under that number.
    pub(crate) fn writer(&self, caller: Caller) -> Option<Writer> {
        caller.checked_sub(self.callers())
    }

    pub(crate) fn process(&self, caller: Caller) -> u8 {
        match self.writer(caller) {
            Some(writer) => self.writers[usize::from(writer)].0,
            None => self.calls[usize::from(caller)].0,
        }
    }

    pub(crate) fn kind(&self, caller: Caller) -> Kind {
        self.calls[usize::from(caller)].1
    }

    pub(crate) fn write(&self, writer: Writer) -> Write {
        self.writers[usize::from(writer)].1
    }

    fn is_next(&self, state: &State, caller: Caller) -> bool {
        let caller = usize::from(caller);
        caller == 0
            || self.calls[caller - 1] != self.calls[caller]
            || state.calls[caller - 1].phase != Phase::Idle
    }

    fn is_next_writer(&self, state: &State, writer: Writer) -> bool {
        let writer = usize::from(writer);
        writer == 0
            || self.writers[writer - 1] != self.writers[writer]
            || state.writers[writer - 1].step != Step::Idle
    }
}
