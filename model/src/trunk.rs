//! The trunk: who may fill an entry, and who joins whom.
//!
//! One key, a source of truth behind it, calls in several processes, writers, and a network that
//! delays and repeats. [`State`] says what there is, [`Action`] what can happen next, [`Variant`]
//! which rules hold: those that are implemented, or those with one of them broken.
//!
//! Read it beside the runtime: `lease.rs` and `store/redis/scripts/` (the commands,
//! [`State::acquire`] and its like here), `flight.rs` ([`Flight`]) and `call.rs` ([`Phase`]).
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

mod display;
mod process;
mod store;
mod transitions;

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

/// Questions about a state.
impl State {
    pub(crate) fn call(&self, caller: Caller) -> &Call {
        &self.calls[usize::from(caller)]
    }

    pub(crate) fn call_mut(&mut self, caller: Caller) -> &mut Call {
        &mut self.calls[usize::from(caller)]
    }

    pub(crate) fn flight_mut(&mut self, nonce: Nonce) -> Option<&mut Flight> {
        self.flights.iter_mut().find(|flight| flight.nonce == nonce)
    }

    pub(crate) fn any(&self, condition: impl Fn(Phase) -> bool) -> bool {
        self.calls.iter().any(|call| condition(call.phase))
    }

    pub(crate) fn awaits(&self, command: Command) -> bool {
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

    pub(crate) fn would_overtake(&self, command: Command) -> bool {
        let Command::Release(released) = command else { return false };
        self.network.iter().any(|earlier| match earlier {
            Command::Acquire { nonce, .. } => *nonce == released,
            Command::Fill { id, .. } => id.nonce == released,
            _ => false,
        })
    }

    pub(crate) fn is_busy(&self, protocol: &Protocol, process: u8) -> bool {
        (0..protocol.callers()).any(|caller| {
            protocol.process(caller) == process
                && self.call(caller).phase != Phase::Idle
                && !self.call(caller).has_ended()
        })
    }
}
