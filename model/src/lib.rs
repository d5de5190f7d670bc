//! The cache protocol as a model whose every interleaving is checked.
//!
//! One key, a source of truth behind it, calls in several processes, writers, and a network that
//! delays and repeats. [`State`] says what there is, [`Action`] what can happen next, [`Variant`]
//! which rules hold: those that are implemented, or those with one of them broken.
//!
//! Read it beside the runtime: `lease.rs` and `store/redis/scripts.rs` (the commands,
//! [`State::acquire`] and the two below it), `flight.rs` ([`Flight`]) and `call.rs` ([`Phase`]).
//!
//! Several things that happen in the world are left out here because something that is here
//! covers them:
//!
//! - No clock. Whatever is in the store may vanish at any time, so expiry, eviction, a `DEL` by
//!   hand and a renewal that comes too late are one action ([`Action::Lose`]), and RENEW has no
//!   effect.
//! - A repeated UNLINK or RELEASE does what [`Action::Lose`] does. So only ACQUIRE and FILL are
//!   repeated.
//! - An invalidation counts as completed when its UNLINK is executed, before its reply arrives:
//!   that demands more. For the same reason a call begins at the moment of its first GET, and not
//!   earlier.
//! - A load that stores nothing reads the source after its call began, so its value is never too
//!   old: such a call ends at once.

mod check;
mod display;

pub use check::{Outcome, Story, check, counterexample, is_large};

use stateright::{Model, Property};

/// A version of the source's value; each write makes a new one.
pub type Version = u8;
/// A call of the cached function, by number.
pub type Caller = u8;

/// The part of a lease id that the client chooses: which call asks, and for the how manieth time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce {
    /// Who asks.
    pub caller: Caller,
    /// How often it had asked before.
    pub round: u8,
}

/// The id of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// For which question it was minted.
    pub nonce: Nonce,
    /// What sets the executions of one question apart; the server's clock in the implementation.
    pub stamp: u8,
}

/// What is stored under the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Record {
    /// Somebody is loading.
    Lease(Id),
    /// A value, and the lease under which it was stored, or which was granted over it since.
    Value(Id, Version),
}

/// A command on its way to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    /// Asks for the lease.
    Acquire {
        /// The client's part of its id.
        nonce: Nonce,
        /// How often this very command has been executed before.
        executed: u8,
    },
    /// Stores a value under a lease.
    Fill {
        /// Who waits for the answer.
        caller: Caller,
        /// The lease.
        id: Id,
        /// The value.
        version: Version,
    },
    /// Gives a lease up.
    Release(Nonce),
    /// The invalidation that follows the write of this version.
    Unlink(Version),
}

/// The answer to ACQUIRE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Acquired {
    /// The lease is the caller's.
    Grant(Id),
    /// Somebody else holds it.
    Wait(Id),
    /// There is a value.
    Hit(Version),
}

/// The answer to FILL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Filled {
    /// Stored.
    Stored,
    /// Refused: the lease is gone.
    Lost,
}

/// How far a call has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not begun.
    Idle,
    /// ACQUIRE is under way; the answer, once there is one.
    Asking(Nonce, Option<Acquired>),
    /// Has joined a flight of its own process.
    Following(Nonce),
    /// Has heard that its own process holds the lease, but could not join: asks again.
    Pausing(Id),
    /// Polls until the load in another process has ended.
    Waiting(Id),
    /// Leads a flight and has not read the source yet.
    Loading(Id),
    /// Leads a flight and has read the source.
    Loaded(Id, Version),
    /// FILL is under way; the answer, once there is one.
    Filling(Id, Version, Option<Filled>),
    /// Over. How does not matter any more, and each distinction would multiply the states.
    Ended,
    /// Over, with a value older than an invalidation that had completed when the call began. Must
    /// not happen.
    EndedStale,
}

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// How far it has got.
    pub phase: Phase,
    /// The newest version whose invalidation had completed when the call began.
    pub floor: Version,
    /// How often it has asked for the lease.
    pub rounds: u8,
}

impl Call {
    fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended | Phase::EndedStale)
    }
}

/// A load in a process, and who waits for it there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flight {
    /// Under which nonce it asked for its lease.
    pub nonce: Nonce,
    /// Takes no more followers.
    pub sealed: bool,
    /// In the order in which they joined.
    pub followers: Vec<Caller>,
}

/// Everything, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// What a load would read now.
    pub source: Version,
    /// The newest version whose invalidation has completed.
    pub invalidated: Version,
    /// What the store holds.
    pub record: Option<Record>,
    /// All calls.
    pub calls: Vec<Call>,
    /// All flights of all processes, sorted.
    pub flights: Vec<Flight>,
    /// Commands on their way, in no order of theirs: sorted.
    pub network: Vec<Command>,
    /// How many commands may still be repeated.
    pub repeats: u8,
    /// How many faults may still happen: cancelled calls, dead processes, failed loads, answers
    /// that never come.
    pub faults: u8,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The source changes, and UNLINK is sent.
    Write,
    /// The record vanishes: expired, evicted, deleted by hand.
    Lose,
    /// The store executes a command.
    Execute {
        /// Which.
        command: Command,
        /// The command stays on its way: it will be executed again, late.
        repeated: bool,
        /// The answer arrives; where it does not, the one of the repetition does.
        answered: bool,
    },
    /// A call begins: GET, and ACQUIRE after a miss.
    Begin(Caller),
    /// A call takes the answer of the store.
    Receive(Caller),
    /// A waiting call looks again.
    Look(Caller),
    /// A leader reads the source.
    Read(Caller),
    /// A leader's load ends in something that cannot be shared.
    Fail(Caller),
    /// A leader seals its flight and sends FILL.
    Fill(Caller),
    /// A call takes over a lease of its process that no flight holds any more.
    Adopt(Caller),
    /// A follower has heard nothing for as long as a lease lives, and asks the store anew.
    AskAgain(Caller),
    /// A call gives up on the store's answer.
    TimeOut(Caller),
    /// The store refuses a FILL, or it is never sent: no time is left, or no connection.
    Refuse(Caller),
    /// A call is cancelled, or panics.
    Cancel(Caller),
    /// A process dies, with everything in it.
    Die(u8),
}

/// Where lease ids come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// Each execution of ACQUIRE mints another.
    PerExecution,
    /// The client's nonce is the id.
    Client,
    /// A counter kept in the record itself, which begins anew when that is gone.
    CounterInRecord,
}

/// Which flight a call joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// The one whose lease the store has named.
    ByLease,
    /// The one for its key, without asking the store.
    ByKey,
}

/// When followers get the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// When it has been stored.
    OnStored,
    /// As soon as it has been loaded.
    OnLoaded,
}

/// The rules of the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// FILL compares lease ids.
    pub fenced: bool,
    /// Where these come from.
    pub ids: Ids,
    /// Which flight a call joins.
    pub join: Join,
    /// A flight that has sent FILL takes no more followers.
    pub sealed: bool,
    /// When followers get the value.
    pub share: Share,
    /// A caller that is told to wait for the lease of its own question takes it: ACQUIRE was
    /// executed twice, and the answer that granted it was lost.
    pub takes_own_lease: bool,
    /// A leader whose FILL failed, or got no answer, gives its lease up.
    pub releases_after_fill: bool,
    /// A caller that is told to wait for a lease of its process that no flight holds takes it.
    pub adopts: bool,
}

impl Variant {
    /// The rules of the runtime.
    pub const IMPLEMENTED: Self = Self {
        fenced: true,
        ids: Ids::PerExecution,
        join: Join::ByLease,
        sealed: true,
        share: Share::OnStored,
        takes_own_lease: true,
        releases_after_fill: true,
        adopts: true,
    };
}

/// What a call wants of an entry that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Its value.
    Read,
    /// The lease in any case; a value stays readable until the new one is stored.
    Refresh,
    /// The lease, unless somebody else has it: the value that is there cannot be decoded.
    Replace,
}

/// A system to be checked: rules, and how much of everything there is.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// The rules.
    pub variant: Variant,
    /// The calls: in which process, and what they want. Calls that are alike stand together.
    pub calls: Vec<(u8, Intent)>,
    /// How many writes there are.
    pub writes: u8,
    /// How often a call asks for the lease before it loads for itself.
    pub rounds: u8,
    /// See [`State::repeats`].
    pub repeats: u8,
    /// See [`State::faults`].
    pub faults: u8,
    /// What becomes of leases that nobody gives up.
    pub losses: Losses,
}

/// Two worlds: a hostile one for safety, and a friendly one to see who has to wait for a lease to
/// expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Losses {
    /// Any record may vanish at any time, commands are repeated at will, and processes die. RELEASE
    /// is never sent: it could do no more than that.
    AnyTime,
    /// Nothing vanishes. Commands are repeated only because their answer was lost with a
    /// connection, no RELEASE overtakes its own ACQUIRE, and no process dies: a call that does not
    /// end in this world would wait in the real one for the lease of somebody who lives.
    Never,
}

/// No call returns a value older than an invalidation that had completed when the call began:
/// neither from the store nor by joining a flight.
pub const NO_STALE_READ: &str = "no stale read";
/// The store holds no value older than a completed invalidation.
pub const NO_STALE_FILL: &str = "no stale fill";
/// Every call ends, without faults to help it, if the leases of the dead expire.
pub const EVERY_CALL_ENDS: &str = "every call ends";
/// What must be reachable, or the model would prove nothing.
pub const REACHABLE: [&str; 7] = [
    "a call is about to hit",
    "a fill is lost",
    "a follower is about to share",
    "a follower takes over",
    "a value is readable while it is refreshed",
    "a lease is granted twice to one question",
    "a lease is about to be adopted",
];

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

impl Protocol {
    fn callers(&self) -> Caller {
        u8::try_from(self.calls.len()).unwrap_or(u8::MAX)
    }

    fn process(&self, caller: Caller) -> u8 {
        self.calls[usize::from(caller)].0
    }

    fn intent(&self, caller: Caller) -> Intent {
        self.calls[usize::from(caller)].1
    }

    fn is_next(&self, state: &State, caller: Caller) -> bool {
        let caller = usize::from(caller);
        caller == 0
            || self.calls[caller - 1] != self.calls[caller]
            || state.calls[caller - 1].phase != Phase::Idle
    }
}

/// The store: what a command does.
impl State {
    fn execute(&mut self, protocol: &Protocol, command: Command, repeated: bool, answered: bool) {
        self.network.retain(|other| *other != command);
        if repeated {
            self.repeats -= 1;
            self.send(match command {
                Command::Acquire { nonce, executed } => {
                    Command::Acquire { nonce, executed: executed + 1 }
                }
                same => same,
            });
        }
        match command {
            Command::Acquire { nonce, executed } => {
                let answer = self.acquire(protocol, nonce, executed);
                let call = self.call_mut(nonce.caller);
                if answered && call.phase == Phase::Asking(nonce, None) {
                    call.phase = Phase::Asking(nonce, Some(answer));
                }
            }
            Command::Fill { caller, id, version } => {
                let answer = self.fill(protocol.variant, id, version);
                let call = self.call_mut(caller);
                if answered && call.phase == Phase::Filling(id, version, None) {
                    call.phase = Phase::Filling(id, version, Some(answer));
                }
            }
            Command::Release(nonce) => self.release(nonce),
            Command::Unlink(version) => {
                self.record = None;
                self.invalidated = self.invalidated.max(version);
            }
        }
    }

    /// ACQUIRE: who may fill the entry.
    pub fn acquire(&mut self, protocol: &Protocol, nonce: Nonce, executed: u8) -> Acquired {
        let intent = protocol.intent(nonce.caller);
        match self.record {
            Some(Record::Lease(holder)) if intent != Intent::Refresh => {
                return Acquired::Wait(holder);
            }
            Some(Record::Value(_, version)) if intent == Intent::Read => {
                return Acquired::Hit(version);
            }
            _ => {}
        }
        let stamp = match protocol.variant.ids {
            Ids::PerExecution => executed,
            Ids::Client => 0,
            Ids::CounterInRecord => match self.record {
                Some(Record::Lease(id) | Record::Value(id, _)) => id.stamp + 1,
                None => 0,
            },
        };
        let id = Id { nonce, stamp };
        self.record = Some(match self.record {
            Some(Record::Value(_, version)) if intent == Intent::Refresh => {
                Record::Value(id, version)
            }
            _ => Record::Lease(id),
        });
        Acquired::Grant(id)
    }

    /// FILL: stores a value if the record still carries the lease. What else the record is does
    /// not matter: a lease, or a value that is being refreshed.
    pub fn fill(&mut self, variant: Variant, lease: Id, version: Version) -> Filled {
        let held = match self.record {
            Some(Record::Lease(id) | Record::Value(id, _)) => match variant.ids {
                Ids::CounterInRecord => id.stamp == lease.stamp,
                Ids::PerExecution | Ids::Client => id == lease,
            },
            None => false,
        };
        if held || !variant.fenced {
            self.record = Some(Record::Value(lease, version));
            return Filled::Stored;
        }
        Filled::Lost
    }

    /// RELEASE: by the nonce, because who gives up on the answer to ACQUIRE knows no more.
    pub fn release(&mut self, nonce: Nonce) {
        if matches!(self.record, Some(Record::Lease(id)) if id.nonce == nonce) {
            self.record = None;
        }
    }

    fn send(&mut self, command: Command) {
        if let Err(place) = self.network.binary_search(&command) {
            self.network.insert(place, command);
        }
    }
}

/// The process: what a call does.
impl State {
    fn begin(&mut self, protocol: &Protocol, caller: Caller) {
        self.call_mut(caller).floor = self.invalidated;
        if protocol.intent(caller) == Intent::Read
            && let Some(Record::Value(_, version)) = self.record
        {
            return self.answer(caller, version);
        }
        if protocol.variant.join == Join::ByKey {
            let process = protocol.process(caller);
            let found = self.flights.iter().find(|flight| {
                protocol.process(flight.nonce.caller) == process
                    && self.joinable(flight.nonce, protocol.variant)
            });
            if let Some(nonce) = found.map(|flight| flight.nonce) {
                return self.join(caller, nonce);
            }
        }
        self.ask(protocol, caller);
    }

    /// Registers a flight and sends ACQUIRE; after too many rounds, loads without storing.
    fn ask(&mut self, protocol: &Protocol, caller: Caller) {
        let call = self.call_mut(caller);
        if call.rounds == protocol.rounds {
            return self.end(caller);
        }
        let nonce = Nonce { caller, round: call.rounds };
        call.rounds += 1;
        call.phase = Phase::Asking(nonce, None);
        self.take_off(nonce);
        self.send(Command::Acquire { nonce, executed: 0 });
    }

    fn receive(&mut self, protocol: &Protocol, caller: Caller) {
        match self.call(caller).phase {
            Phase::Asking(_, Some(Acquired::Grant(id))) => {
                self.call_mut(caller).phase = Phase::Loading(id);
            }
            Phase::Asking(nonce, Some(Acquired::Wait(holder)))
                if protocol.variant.takes_own_lease && holder.nonce == nonce =>
            {
                self.call_mut(caller).phase = Phase::Loading(holder);
            }
            Phase::Asking(nonce, Some(Acquired::Wait(holder))) => {
                self.not_granted(nonce);
                if protocol.process(caller) != protocol.process(holder.nonce.caller) {
                    self.call_mut(caller).phase = Phase::Waiting(holder);
                } else if self.joinable(holder.nonce, protocol.variant) {
                    self.join(caller, holder.nonce);
                } else {
                    self.call_mut(caller).phase = Phase::Pausing(holder);
                }
            }
            Phase::Asking(nonce, Some(Acquired::Hit(version))) => {
                self.not_granted(nonce);
                self.answer(caller, version);
            }
            Phase::Filling(id, version, Some(Filled::Stored)) => {
                self.share(id.nonce, version);
                self.answer(caller, version);
            }
            Phase::Filling(id, version, Some(Filled::Lost)) => {
                self.start_over(protocol, id.nonce);
                self.answer(caller, version);
            }
            _ => {}
        }
    }

    fn look(&mut self, protocol: &Protocol, caller: Caller) {
        match (self.call(caller).phase, self.record) {
            // A GET, and what it finds was stored after the call began, or was there then.
            (Phase::Waiting(_), Some(Record::Value(_, version))) => {
                self.answer(caller, version);
            }
            _ => self.ask(protocol, caller),
        }
    }

    fn fill_is_sent(&mut self, protocol: &Protocol, caller: Caller) {
        let Phase::Loaded(id, version) = self.call(caller).phase else { return };
        if protocol.variant.share == Share::OnLoaded {
            self.share(id.nonce, version);
        }
        if let Some(flight) = self.flight_mut(id.nonce) {
            flight.sealed = true;
        }
        self.call_mut(caller).phase = Phase::Filling(id, version, None);
        self.send(Command::Fill { caller, id, version });
    }

    /// No answer from the store. It may have executed the command, and may still do so.
    fn time_out(&mut self, protocol: &Protocol, caller: Caller) {
        match self.call(caller).phase {
            Phase::Asking(nonce, _) => {
                self.start_over(protocol, nonce);
                self.give_up(protocol, nonce);
            }
            Phase::Filling(id, ..) => {
                self.start_over(protocol, id.nonce);
                if protocol.variant.releases_after_fill {
                    self.give_up(protocol, id.nonce);
                }
            }
            _ => {}
        }
        self.end(caller);
    }

    /// A leader hands its lease over to the next follower, or gives it up.
    fn cancel(&mut self, protocol: &Protocol, caller: Caller) {
        match self.call(caller).phase {
            Phase::Following(_) => self.leave(caller),
            Phase::Loading(id) | Phase::Loaded(id, _) | Phase::Filling(id, ..) => {
                let next = self.flight_mut(id.nonce).and_then(|flight| {
                    // The new leader loads anew, so there is something to join again.
                    flight.sealed = false;
                    (!flight.followers.is_empty()).then(|| flight.followers.remove(0))
                });
                if let Some(next) = next {
                    self.call_mut(next).phase = Phase::Loading(id);
                } else {
                    self.land(id.nonce);
                    self.give_up(protocol, id.nonce);
                }
            }
            _ => {}
        }
        self.end(caller);
    }

    fn die(&mut self, protocol: &Protocol, process: u8) {
        for caller in 0..protocol.callers() {
            if protocol.process(caller) == process && self.call(caller).phase != Phase::Idle {
                self.end(caller);
            }
        }
        self.flights.retain(|flight| protocol.process(flight.nonce.caller) != process);
    }

    /// The store has granted another lease, or none. Followers there can be only if ACQUIRE was
    /// executed twice; they load for themselves.
    fn not_granted(&mut self, nonce: Nonce) {
        for follower in self.land(nonce) {
            self.end(follower);
        }
    }

    fn share(&mut self, nonce: Nonce, version: Version) {
        for follower in self.land(nonce) {
            self.answer(follower, version);
        }
    }

    fn start_over(&mut self, protocol: &Protocol, nonce: Nonce) {
        for follower in self.land(nonce) {
            self.ask(protocol, follower);
        }
    }

    fn give_up(&mut self, protocol: &Protocol, nonce: Nonce) {
        if protocol.losses == Losses::Never {
            self.send(Command::Release(nonce));
        }
    }

    fn flies(&self, nonce: Nonce) -> bool {
        self.flights.iter().any(|flight| flight.nonce == nonce)
    }

    fn joinable(&self, nonce: Nonce, variant: Variant) -> bool {
        self.flights
            .iter()
            .any(|flight| flight.nonce == nonce && !(flight.sealed && variant.sealed))
    }

    fn join(&mut self, caller: Caller, nonce: Nonce) {
        if let Some(flight) = self.flight_mut(nonce) {
            flight.followers.push(caller);
            self.call_mut(caller).phase = Phase::Following(nonce);
        }
    }

    fn leave(&mut self, caller: Caller) {
        if let Phase::Following(nonce) = self.call(caller).phase
            && let Some(flight) = self.flight_mut(nonce)
        {
            flight.followers.retain(|follower| *follower != caller);
        }
    }

    /// Begins a flight.
    fn take_off(&mut self, nonce: Nonce) {
        let flight = Flight { nonce, sealed: false, followers: Vec::new() };
        let place = self.flights.partition_point(|other| other.nonce < nonce);
        self.flights.insert(place, flight);
    }

    /// Ends a flight.
    fn land(&mut self, nonce: Nonce) -> Vec<Caller> {
        match self.flights.iter().position(|flight| flight.nonce == nonce) {
            Some(at) => self.flights.remove(at).followers,
            None => Vec::new(),
        }
    }

    /// Ends a call with a value that might be too old.
    fn answer(&mut self, caller: Caller, version: Version) {
        let stale = version < self.call(caller).floor;
        self.end(caller);
        if stale {
            self.call_mut(caller).phase = Phase::EndedStale;
        }
    }

    /// Ends a call with a value of its own, or none.
    fn end(&mut self, caller: Caller) {
        *self.call_mut(caller) = Call { phase: Phase::Ended, floor: 0, rounds: 0 };
    }
}

/// Questions about a state.
impl State {
    fn call(&self, caller: Caller) -> &Call {
        &self.calls[usize::from(caller)]
    }

    fn call_mut(&mut self, caller: Caller) -> &mut Call {
        &mut self.calls[usize::from(caller)]
    }

    fn flight_mut(&mut self, nonce: Nonce) -> Option<&mut Flight> {
        self.flights.iter_mut().find(|flight| flight.nonce == nonce)
    }

    fn any(&self, condition: impl Fn(Phase) -> bool) -> bool {
        self.calls.iter().any(|call| condition(call.phase))
    }

    fn awaits(&self, command: Command) -> bool {
        match command {
            Command::Acquire { nonce, .. } => {
                self.call(nonce.caller).phase == Phase::Asking(nonce, None)
            }
            Command::Fill { caller, id, version } => {
                self.call(caller).phase == Phase::Filling(id, version, None)
            }
            Command::Release(_) | Command::Unlink(_) => false,
        }
    }

    fn would_overtake(&self, command: Command) -> bool {
        let Command::Release(released) = command else { return false };
        self.network.iter().any(|earlier| match earlier {
            Command::Acquire { nonce, .. } => *nonce == released,
            Command::Fill { id, .. } => id.nonce == released,
            _ => false,
        })
    }

    fn is_busy(&self, protocol: &Protocol, process: u8) -> bool {
        (0..protocol.callers()).any(|caller| {
            protocol.process(caller) == process
                && self.call(caller).phase != Phase::Idle
                && !self.call(caller).has_ended()
        })
    }
}
