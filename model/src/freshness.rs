//! Freshness: what stands on the [trunk](crate::trunk).
//!
//! One entry, the generations of its groups, a guard, calls in several processes, writers of
//! several kinds, and a network that delays and repeats. Not everything at once: a [`Protocol`] is a
//! scenario that switches on what it is about. [`Rules`] says which rules hold.
//!
//! Read it beside the runtime: `store.rs` here beside `store/redis/scripts/`, `call.rs` beside
//! `call.rs` and `call/`, `tracking.rs` beside the generations that a process holds, `writer.rs`
//! beside `#[invalidates]` and `#[updates]`.
//!
//! As in the trunk there is no clock: a deadline is something that happens. Further:
//!
//! - A flight is its leader: who follows it names its nonce. Leaders are not cancelled, a process
//!   does not die: the trunk has that.
//! - Random is what differs from all that anybody remembers, so a generation that everybody has
//!   forgotten may come again. That keeps the states few and takes nothing away: only comparing
//!   would tell, and who compares remembers.
//! - An invalidation, an update and the end of a guard count as completed when the last command is
//!   executed: that demands more.
//! - One value tag, which all values carry: an invalidation concerns them all, so one number
//!   ([`State::invalidated`]) says what must not be read any more.

mod call;
mod display;
mod store;
mod tracking;
mod transitions;
mod writer;

/// A version of the source's value; each write makes a new one.
pub type Version = u8;
/// A call of the cached function, by number; writers that ask for a lease have the numbers after.
pub type Caller = u8;
/// A writer, by number.
pub type Writer = u8;
/// What a generation key holds.
pub type Generation = u8;

/// The part of a lease id that the client chooses.
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

/// What can be invalidated as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Known before the load: the function, or a tag made from arguments.
    Argument,
    /// All value tags that begin alike. Also known before the load, and no reason to refuse a hit.
    Class,
    /// A tag made from the value: known after the load.
    Tag,
}

impl Group {
    /// All of them, in the order of [`Stamps`].
    pub const ALL: [Self; 3] = [Self::Argument, Self::Class, Self::Tag];
}

/// A generation for each [`Group`]: of a lease, of a value, or as a call knows them.
pub type Stamps = [Option<Generation>; 3];

/// Of a lease over a value that stays readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reload {
    /// Nobody reloads; the refresh deadline is zero or over.
    None,
    /// The record's id is that of a refresh lease.
    Running,
    /// A reload has failed; nobody shall try for a while.
    Throttled,
}

/// A stored value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value {
    /// The lease under which it was stored, or which was granted over it since; none after
    /// RELEASE.
    pub id: Option<Id>,
    /// What it is.
    pub version: Version,
    /// The soft deadline is over, or somebody has said `expire()`.
    pub stale: bool,
    /// Whether somebody reloads it.
    pub reload: Reload,
    /// The generations under which it was loaded.
    pub stamps: Stamps,
}

/// What is stored under the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Record {
    /// Somebody is loading.
    Lease {
        /// Under which lease.
        id: Id,
        /// What the holder knew of the groups.
        stamps: Stamps,
    },
    /// A value.
    Value(Value),
    /// Nothing may be stored: only where [`Fence::InEntry`] is the rule.
    Tombstone,
}

/// What ACQUIRE is to do about an entry that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Intent {
    /// Its value, if it is fresh.
    Read,
    /// The same, but the record that carries this id is worth nothing: it goes.
    Replace(Option<Id>),
    /// The lease over the value that carries this id, unless somebody reloads it already.
    Revalidate(Option<Id>),
    /// The lease in any case.
    Refresh,
}

/// A command on its way to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    /// Asks for the lease.
    Acquire {
        /// The client's part of its id.
        nonce: Nonce,
        /// What for.
        intent: Intent,
        /// What the asker knows of the groups.
        stamps: Stamps,
        /// How often this very command has been executed before.
        executed: u8,
    },
    /// Reads the generations that are known before a load, and makes those that are missing.
    Ensure {
        /// Who asks.
        nonce: Nonce,
    },
    /// Stores a value under a lease.
    Fill {
        /// Who waits for the answer.
        caller: Caller,
        /// The lease.
        id: Id,
        /// The value.
        version: Version,
        /// The generations under which it was loaded.
        stamps: Stamps,
    },
    /// The source says that the value under the lease has not changed: it is fresh again.
    Keep {
        /// Who waits for the answer.
        caller: Caller,
        /// The lease.
        id: Id,
        /// The generations under which it was looked at.
        stamps: Stamps,
    },
    /// Lengthens a lease.
    Renew(Id),
    /// Gives a lease up.
    Release {
        /// Which.
        nonce: Nonce,
        /// Nobody shall try again for a while.
        throttle: bool,
    },
    /// Invalidates the entry.
    Unlink(Writer),
    /// Invalidates a group.
    UnlinkGroup(Writer, Group),
    /// Plants a guard.
    Hold(Writer),
    /// Lifts it, and invalidates.
    Lift(Writer),
}

/// The answer to ACQUIRE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Acquired {
    /// The lease is the caller's.
    Grant {
        /// Which.
        id: Id,
        /// A value stays under it.
        over: bool,
    },
    /// Somebody else loads, or (no holder) nobody shall try for a while.
    Wait {
        /// Who.
        holder: Option<Id>,
        /// What the holder knew of the groups, if it is in the record.
        stamps: Option<Stamps>,
    },
    /// There is a fresh value.
    Hit(Value),
    /// Nothing may be stored.
    NoStore,
    /// To [`Intent::Revalidate`]: no need, or somebody does already.
    No,
}

/// The answer to FILL and KEEP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Filled {
    /// Stored.
    Stored,
    /// Refused: the lease is gone.
    Lost,
}

/// What a call's function says of values that are past their soft deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They are no values. Other versions of a program may think otherwise.
    Read,
    /// `stale`: they are the answer, and are reloaded behind it.
    Stale,
    /// `early`: and a fresh one is reloaded in the background, too.
    Early,
    /// `stale_if_error` with `soft_timeout`: they are the answer if a load fails, or takes long.
    Fallback,
    /// `refresh(..)`: no value is the answer.
    Refresh,
}

/// What a leader has read after the load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Checked {
    /// The generation of the value's tag.
    pub tag: Option<Generation>,
    /// Whether the class was still what it was before the load.
    pub class: Option<bool>,
}

/// How far a call has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not begun.
    Idle,
    /// GET is still to be executed, or its reply is on its way behind pushes.
    Getting,
    /// What GET has found is to be compared with the generations.
    Looking(Option<Record>),
    /// ENSURE is under way, and what GET has found waits for it.
    Ensuring(Option<Record>),
    /// Its reply has been taken from the connection, but not been looked at.
    Ensured(Option<Record>, Stamps),
    /// ACQUIRE is under way; the answer, once there is one.
    Asking(Nonce, Option<Acquired>),
    /// Has joined a flight of its own process.
    Following(Nonce),
    /// Polls until that lease is gone.
    Waiting(Id),
    /// Leads a flight and has not read the source yet.
    Loading(Id),
    /// Leads a flight and has read the source.
    Loaded(Id, Version),
    /// Has read one or both of what there is to be read after the load.
    Checking(Id, Version, Checked),
    /// FILL or KEEP is under way; the answer, once there is one.
    Filling(Id, Version, Option<Filled>),
    /// Over. How does not matter any more, and each distinction would multiply the states.
    Ended,
    /// Over, with a value older than an invalidation that had completed when the call began. Must
    /// not happen.
    EndedStale,
    /// Over, with a value past its soft deadline where the function takes none. Must not happen.
    EndedExpired,
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
    /// What it knows of the groups.
    pub stamps: Stamps,
    /// The stale value that it has found: a fallback, and what can be kept.
    pub found: Option<Version>,
    /// That value is under its lease.
    pub over: bool,
    /// It has been answered, and goes on behind that.
    pub behind: bool,
}

impl Call {
    const IDLE: Self = Self {
        phase: Phase::Idle,
        floor: 0,
        rounds: 0,
        stamps: [None; 3],
        found: None,
        over: false,
        behind: false,
    };

    fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended | Phase::EndedStale | Phase::EndedExpired)
    }

    /// The nonce of the flight that it leads and that can be joined.
    fn leads(&self) -> Option<Nonce> {
        match self.phase {
            Phase::Asking(nonce, _) => Some(nonce),
            Phase::Loading(id) | Phase::Loaded(id, _) | Phase::Checking(id, ..) => Some(id.nonce),
            _ => None,
        }
    }
}

/// What a writer does about the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Invalidates the entry after the write.
    Plain,
    /// Invalidates the argument's group after the write.
    Group,
    /// Invalidates the value's tag after the write.
    Tag,
    /// Guards [`Protocol::guarded`] during the write, and may crash at every step.
    Guarded,
    /// Writes through.
    Update,
}

/// How far a writer has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Not begun.
    Idle,
    /// HOLD is under way, or (true) answered: the body may run.
    Holding(bool),
    /// ACQUIRE is under way; the answer, once there is one.
    Beginning(Option<Acquired>),
    /// The body runs; the lease for what comes of it.
    Working(Option<Id>),
    /// FILL is under way; the answer, once there is one.
    Storing(Option<Filled>),
    /// The last command but none is under way.
    Ending,
    /// Over.
    Done,
    /// Dead; its guard has not ended.
    Crashed,
}

/// One writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Writing {
    /// How far it has got.
    pub step: Step,
    /// What it has written; zero before.
    pub version: Version,
    /// What it knows of the groups.
    pub stamps: Stamps,
}

/// What a process holds of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Held {
    /// Its generation.
    pub generation: Option<Generation>,
    /// Who has asked for it and heard of no change since: a bit for each caller.
    pub placeholders: u8,
}

/// What is on its way from the store to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// A group's generation is gone.
    Push(Group),
    /// The reply to GET.
    Got(Caller, Option<Record>),
    /// The reply to ENSURE.
    Ensured(Nonce, Option<Stamps>),
}

/// What a process holds under client tracking, and its connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    /// The generations.
    pub held: [Held; 3],
    /// What the server will tell about.
    pub tracked: [bool; 3],
    /// What is on its way, in order.
    pub inbox: Vec<Delivery>,
}

/// Everything, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// What a load would read now.
    pub source: Version,
    /// The newest version whose invalidation has completed.
    pub invalidated: Version,
    /// What the store holds under the entry's key.
    pub record: Option<Record>,
    /// What it holds under the keys of the generations.
    pub generations: Stamps,
    /// What it holds under the guard's key: the holders, sorted.
    pub guard: Vec<Writer>,
    /// All calls.
    pub calls: Vec<Call>,
    /// All writers.
    pub writers: Vec<Writing>,
    /// All processes, where generations are tracked.
    pub processes: Vec<Process>,
    /// Commands on their way, in no order of theirs: sorted.
    pub network: Vec<Command>,
    /// How many commands may still be repeated.
    pub repeats: u8,
    /// How many faults may still happen: failed loads, crashed writers, answers that never come.
    pub faults: u8,
    /// How often a soft deadline may still pass.
    pub expiries: u8,
    /// How often a generation may still be evicted.
    pub evictions: u8,
    /// How often a connection may still be lost.
    pub disconnects: u8,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The record vanishes: expired, evicted, deleted by hand.
    Lose,
    /// A generation is evicted.
    Evict(Group),
    /// The guard is evicted, or expires because nobody could renew it.
    EvictGuard,
    /// The soft deadline passes, or somebody says `expire()`.
    Expire,
    /// A refresh deadline passes.
    Lapse,
    /// The store executes a command.
    Execute {
        /// Which.
        command: Command,
        /// The command stays on its way: it will be executed again, late.
        repeated: bool,
        /// The answer arrives; where it does not, the one of the repetition does.
        answered: bool,
    },
    /// A process takes something from its connection, by the place in the queue.
    Deliver(u8, u8),
    /// A process loses its connection.
    Disconnect(u8),
    /// A call begins with GET.
    Begin(Caller),
    /// GET is executed after the generations have been read.
    Get(Caller),
    /// A call compares what it has found with the generations, if these are known.
    Compare(Caller),
    /// A call puts the generations down that it was sent.
    PutDown(Caller),
    /// A call takes the answer of the store.
    Receive(Caller),
    /// A waiting call looks again.
    Look(Caller),
    /// A waiting call takes over the lease of a writer in its process.
    Adopt(Caller),
    /// A leader reads the source.
    Read(Caller),
    /// A leader lengthens its lease.
    Renew(Caller),
    /// A leader reads the generation of the value's tag.
    ReadTag(Caller),
    /// A leader reads the class, and compares it with what it was before the load.
    ReadClass(Caller),
    /// A leader seals its flight and sends FILL, or gives up if the class has changed.
    Fill(Caller),
    /// A leader whose source has not changed seals its flight and sends KEEP.
    Keep(Caller),
    /// A leader's load fails.
    Fail(Caller),
    /// A call takes its fallback: the load takes too long.
    SoftTimeOut(Caller),
    /// A writer begins.
    Start(Writer),
    /// A writer takes the answer of the store.
    Hear(Writer),
    /// A writer gives up on an answer.
    GiveUp(Writer),
    /// A writer writes, and sends what is to follow.
    Write(Writer),
    /// A guarded writer dies.
    Crash(Writer),
    /// The guard of a dead writer ends.
    GuardEnds(Writer),
}

/// What generations are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generations {
    /// Random, made by the script that finds none.
    Random,
    /// Random, but made by the client that asks.
    ByClient,
    /// Counters: an invalidation adds one, and missing means zero.
    Counters,
}

/// When a process holds the generation that it was sent: there may be a push between the reply and
/// the task that waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholders {
    /// If it has heard of no change since that very question.
    PerQuestion,
    /// If there is a placeholder, of whatever question.
    Shared,
    /// Always.
    None,
}

/// Where the fence of a guarded write stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// Under a key of its own.
    OwnKey,
    /// In the entry, as a tombstone.
    InEntry,
}

/// The rules of the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// FILL and KEEP compare lease ids.
    pub fenced: bool,
    /// What generations are.
    pub generations: Generations,
    /// A call knows the generations only after a reply to a question that it asked itself.
    pub knows_after_reply: bool,
    /// A living refresh lease keeps others from reloading.
    pub heeds_reload: bool,
    /// A flight is joined only by who knows the same generations as its leader did.
    pub joins_own_generation: bool,
    /// Who meets a lease of another generation takes its place, rather than waiting for it.
    pub replaces_other_generation: bool,
    /// A lease over a value leaves the value's stamps alone.
    pub grant_keeps_stamps: bool,
    /// KEEP is sent only for a value that was there when the lease was granted.
    pub keeps_what_is_there: bool,
    /// After the load, the class is compared with what it was before.
    pub compares_class: bool,
    /// And the tag's generation is read before.
    pub reads_tag_first: bool,
    /// Invalidating a tag deletes the class first.
    pub deletes_class_first: bool,
    /// A push stands in the queue where the change was made: nothing overtakes it.
    pub pushes_in_order: bool,
    /// The server tracks for a process what it has made for it, and not only what it has found.
    pub tracks_what_it_makes: bool,
    /// What a process holds goes with its connection.
    pub drops_on_disconnect: bool,
    /// When a process holds the generation that it was sent.
    pub placeholders: Placeholders,
    /// Who has waited for a reload asks whether the value is fresh.
    pub waiters_look: bool,
    /// RENEW needs a lease that is neither filled nor over.
    pub renews_leases_only: bool,
    /// Where the fence of a guarded write stands.
    pub fence: Fence,
    /// Whoever has read a generation hears of its invalidation, also if it is not there any more.
    pub tells_of_what_is_missing: bool,
    /// HOLD deletes what is there.
    pub hold_deletes: bool,
    /// LIFT deletes what is there.
    pub lift_deletes: bool,
    /// A guard ends with its last holder.
    pub guard_counts: bool,
    /// A write-through asks for its lease before it writes.
    pub update_begins: bool,
    /// A write-through that was not stored invalidates.
    pub update_invalidates: bool,
    /// The lease of a write-through is adopted by nobody.
    pub updates_are_not_adopted: bool,
}

impl Rules {
    /// The rules of the runtime.
    pub const IMPLEMENTED: Self = Self {
        fenced: true,
        generations: Generations::Random,
        knows_after_reply: true,
        heeds_reload: true,
        joins_own_generation: true,
        replaces_other_generation: true,
        grant_keeps_stamps: true,
        keeps_what_is_there: true,
        compares_class: true,
        reads_tag_first: true,
        deletes_class_first: true,
        pushes_in_order: true,
        tracks_what_it_makes: true,
        drops_on_disconnect: true,
        placeholders: Placeholders::PerQuestion,
        waiters_look: true,
        renews_leases_only: true,
        fence: Fence::OwnKey,
        tells_of_what_is_missing: true,
        hold_deletes: true,
        lift_deletes: true,
        guard_counts: true,
        update_begins: true,
        update_invalidates: true,
        updates_are_not_adopted: true,
    };
}

/// Where generations come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// They are read with each GET (RESP2), and the server that has them is asked after.
    AfterGet,
    /// The same, but asked before: a pipeline over several nodes has no order.
    BeforeGet,
    /// They are held in process under client tracking (RESP3).
    Tracked,
}

/// What becomes of what nobody gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Losses {
    /// Entries and leases may vanish at any time.
    AnyTime,
    /// They do not: who does not end in this world waits in the real one for a deadline.
    Never,
}

/// A scenario: rules, and how much of everything there is.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// The rules.
    pub rules: Rules,
    /// The groups of the entry. [`Group::Tag`] goes with its [`Group::Class`].
    pub groups: Vec<Group>,
    /// Where generations come from.
    pub reads: Reads,
    /// What guarded writers guard: the entry, or a group.
    pub guarded: Option<Group>,
    /// The guard may be evicted, or expire under a writer that lives.
    pub guard_vanishes: bool,
    /// The calls: in which process, and of which kind. Calls that are alike stand together.
    pub calls: Vec<(u8, Kind)>,
    /// The writers: in which process, and of which kind. Writers that are alike stand together.
    pub writers: Vec<(u8, Write)>,
    /// How often a call asks for the lease before it loads for itself.
    pub rounds: u8,
    /// See [`State::repeats`].
    pub repeats: u8,
    /// See [`State::faults`].
    pub faults: u8,
    /// See [`State::expiries`].
    pub expiries: u8,
    /// See [`State::evictions`].
    pub evictions: u8,
    /// The server tells those who have read a generation that it is evicted.
    pub evictions_are_told: bool,
    /// See [`State::disconnects`].
    pub disconnects: u8,
    /// Leaders lengthen their leases.
    pub renewals: bool,
    /// What becomes of what nobody gives up.
    pub losses: Losses,
}

/// No call returns a value older than an invalidation, an update or a guard that had ended when
/// the call began: not from the store, fresh or stale, not as a fallback, not by joining a flight.
pub const NO_STALE_READ: &str = "no stale read";
/// The store holds no such value that anybody would take for one.
pub const NO_STALE_FILL: &str = "no stale fill";
/// No call of a function without a grace returns a value that is past its soft deadline.
pub const NO_EXPIRED_READ: &str = "no read past the soft deadline";
/// Where nothing vanishes and nobody insists, one call loads at a time.
pub const ONE_LOAD: &str = "one load";
/// Every call ends, without faults to help it.
pub const EVERY_CALL_ENDS: &str = "every call ends";
/// What must be reachable, or the model would prove nothing.
pub const REACHABLE: [&str; 12] = [
    "a stale value is about to be the answer",
    "a fill is lost",
    "a fill is about to be shared",
    "a reload runs behind an answer",
    "a value is about to be kept",
    "nobody shall try for a while",
    "a value of another generation is found",
    "a class has changed during the load",
    "a push is on its way",
    "a guard outlives its writer",
    "an update is stored",
    "an update is lost",
];
