//! What can happen in a state, what comes of it, and what must never come of it.

use stateright::{Model, Property};

use super::{
    Action, NO_STALE_READ, OTHER, OWN, REACHABLE, Removal, Reply, Request, Rules, Scenario, State,
    Writing,
};
use crate::Readable;

impl Scenario {
    /// Two calls and a write, while the entry's bucket moves twice.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, writes: 1, calls: 2, moves: 2 }
    }
}

impl Model for Scenario {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let removals = [Removal::To(0), Removal::To(1)];
        let write = Writing { version: 0, removals, has_returned: false };
        vec![State {
            source: 0,
            entry: None,
            generations: [None; 2],
            made: 0,
            tracks: Default::default(),
            invalidated: 0,
            owner: 1,
            moving: false,
            moves: self.moves,
            requests: Default::default(),
            replies: Default::default(),
            map: 1,
            held: Default::default(),
            asking: Default::default(),
            call: None,
            calls: self.calls,
            writes: vec![write; self.writes],
            stale: false,
            hit: false,
            missed: false,
            followed: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.stale {
            return;
        }
        self.of_writers(state, actions);
        self.of_process(state, actions);
        for node in 0..2 {
            if !state.requests[node].is_empty() {
                actions.push(Action::Execute(node));
            }
        }
        // Nothing is stored in a bucket that is being moved.
        if !state.moving {
            actions.extend((state.invalidated..=state.source).map(Action::Fill));
            if state.moves > 0 {
                actions.push(Action::StartMove);
            }
        } else {
            let entry_is_left = state.entry.is_some_and(|entry| entry.node == state.owner);
            let generation_is_left =
                state.generations[OWN].is_some_and(|generation| generation.node == state.owner);
            if entry_is_left {
                actions.push(Action::CarryEntry);
            }
            if generation_is_left {
                actions.push(Action::CarryGeneration);
            }
            if !entry_is_left && !generation_is_left {
                actions.push(Action::FinishMove);
            }
        }
        if state.generations[OTHER].is_none() {
            actions.push(Action::MakeOther);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Write(writer) => {
                state.source += 1;
                state.writes[writer].version = state.source;
            }
            Action::Remove(writer, bucket) => state.remove(self, writer, bucket),
            Action::Return(writer) => state.writes[writer].has_returned = true,
            Action::Fill(version) => state.fill(self, version),
            Action::MakeOther => {
                state.make(self, OTHER);
            }
            Action::Begin => state.begin(),
            Action::AskOther => state.ask(0, OTHER, false),
            Action::Refresh => state.refresh(self),
            Action::Execute(node) => state.execute(node),
            Action::Deliver(node, place) => state.deliver(self, node, place),
            Action::StartMove => {
                state.moves -= 1;
                state.moving = true;
            }
            Action::CarryEntry => state.carry_entry(),
            Action::CarryGeneration => state.carry_generation(),
            Action::FinishMove => {
                state.moving = false;
                state.owner = 1 - state.owner;
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NO_STALE_READ, |_, state: &State| !state.stale),
            Property::sometimes(REACHABLE[0], |_, state: &State| state.hit),
            Property::sometimes(REACHABLE[1], |_, state: &State| state.missed),
            Property::sometimes(REACHABLE[2], |_, state: &State| state.followed),
            Property::sometimes(REACHABLE[3], |_, state: &State| {
                state.call.is_some_and(|call| call.found.is_some()) && state.map != 1
            }),
        ]
    }
}

impl Readable for Scenario {
    const REACHABLE: &'static [&'static str] = &REACHABLE;
}

impl Scenario {
    fn of_writers(&self, state: &State, actions: &mut Vec<Action>) {
        for (writer, write) in state.writes.iter().enumerate() {
            if write.version == 0 {
                // They are alike: the first begins first.
                if state.writes[..writer].iter().all(|earlier| earlier.version > 0) {
                    actions.push(Action::Write(writer));
                }
                continue;
            }
            for bucket in [OTHER, OWN] {
                if write.removals[bucket] != Removal::Done {
                    actions.push(Action::Remove(writer, bucket));
                }
            }
            if state.may_return(self, writer) {
                actions.push(Action::Return(writer));
            }
        }
    }

    fn of_process(&self, state: &State, actions: &mut Vec<Action>) {
        if state.call.is_none() && state.calls > 0 {
            actions.push(Action::Begin);
        }
        let is_asking =
            state.requests[0].iter().any(|request| matches!(request, Request::Ask { .. }))
                || state.replies[0].iter().any(|reply| matches!(reply, Reply::Asked { .. }));
        if state.held[0][OTHER].is_none() && !is_asking {
            actions.push(Action::AskOther);
        }
        if state.map != state.owner {
            actions.push(Action::Refresh);
        }
        let is_push = |reply: &Reply| matches!(reply, Reply::Changed(_));
        for (node, replies) in state.replies.iter().enumerate() {
            for (place, reply) in replies.iter().enumerate() {
                let overtakes = !self.rules.pushes_in_order && !is_push(reply);
                if place == 0 || overtakes && replies[..place].iter().all(is_push) {
                    actions.push(Action::Deliver(node, place));
                }
            }
        }
    }
}
