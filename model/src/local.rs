//! The local tier: copies of entries in a process, and how long they may answer.
//!
//! One server with one entry and the generation of its group; a process that reads over one connection and keeps a
//! copy; and invalidations, by that process and elsewhere. Read it beside the runtime: `reader.rs` here beside
//! `watched.rs`, `local.rs` and `call/local.rs`, `server.rs` beside what Redis does under `CLIENT TRACKING`.
//!
//! Only copies answer here: what is read from the server is the subject of [`freshness`](crate::freshness), of which
//! this takes that an entry is at least as new as the last invalidation that the server has executed. Unlike the other
//! models this one has a clock: it ticks, and everything else may happen within a tick, or take as many as it likes.
//! Ages are remembered only as far as they make a difference.

mod display;
mod reader;
mod server;
mod transitions;

/// A version of the source's value; each write makes a new one.
pub type Version = u8;
/// What the key of a group's generation holds.
pub type Generation = u8;
/// What the key of the database holds.
pub type Number = u8;
/// A write, by its place in [`Scenario::writes`].
pub type Writer = usize;
/// How many ticks ago.
pub type Age = u8;

/// A stored value, and a copy of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// What it is.
    pub version: Version,
    /// The generation of its group when it was loaded; none where it has no group.
    pub stamp: Option<Generation>,
}

/// What the server executes, in the order in which it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// The heartbeat: asks for the number of the database.
    Prove {
        /// Since it was sent.
        age: Age,
        /// It was sent in this epoch.
        counts: bool,
    },
    /// `CLIENT CACHING YES` and `GET` of the entry.
    Get,
    /// The same of the group's generation.
    Ask,
    /// An invalidation by this process.
    Invalidate(Writer),
}

/// What arrives, in the order in which the server has sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// To [`Request::Prove`].
    Proved {
        /// Since the request was sent.
        age: Age,
        /// It was sent in this epoch.
        counts: bool,
        /// What the key of the database holds.
        number: Number,
    },
    /// To [`Request::Get`].
    Got(Option<Entry>),
    /// To [`Request::Ask`].
    Asked(Option<Generation>),
    /// To [`Request::Invalidate`].
    Invalidated(Writer),
    /// A push: the entry has changed.
    EntryChanged,
    /// A push: the group's generation has changed.
    GroupChanged,
    /// A push: everything was flushed.
    Flushed,
}

/// An entry that is being read under a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reading {
    /// The watch stands: no change was heard of since it began.
    pub stands: bool,
    /// What was read, once the reply has arrived.
    pub found: Option<Entry>,
}

/// What a call asks about before a copy is its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Check {
    /// Is there a copy?
    Copy,
    /// Does its watch stand?
    Watch,
    /// Has the server answered a command that was sent lately?
    Proof,
    /// Are its stamps the current generations, as far as is known?
    Stamps,
    /// Has no invalidation of this process failed that has not succeeded since?
    Outstanding,
}

/// A call that looks for a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// The newest version that an invalidation by this process demanded when the call began: one that had returned, or
    /// had failed.
    pub own: Version,
    /// The same of one elsewhere, which had returned a whole bound before.
    pub elsewhere: Version,
    /// Since it began, which is when it read the clock.
    pub age: Age,
    /// How many of [`Rules::checks`] it has passed.
    pub passed: usize,
    /// The copy, and whether its watch stands.
    pub copy: Option<(Entry, bool)>,
}

/// How far a write has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Not begun.
    Idle,
    /// Its invalidation was sent.
    Sent,
    /// And has been answered, of which its caller does not know yet.
    Answered,
    /// And has failed: it will be sent again.
    Failed,
    /// And has succeeded, that long ago.
    Returned(Age),
}

/// A write, and its invalidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Writing {
    /// How far it has got.
    pub step: Step,
    /// What it has written; zero before.
    pub version: Version,
    /// It has failed before, and not succeeded since.
    pub outstanding: bool,
}

/// What a copy was older than, when it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outdated {
    /// An invalidation by its own process.
    ByOwn,
    /// One elsewhere, of more than a bound ago.
    Elsewhere,
}

/// Everything, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// What was written last.
    pub source: Version,
    /// The newest version whose invalidation the server has executed.
    pub invalidated: Version,
    /// What the server holds: the entry,
    pub entry: Option<Entry>,
    /// the generation of its group,
    pub generation: Option<Generation>,
    /// and the number of the database.
    pub number: Option<Number>,
    /// It will report the next change of the entry.
    pub tracks_entry: bool,
    /// It will report the next change of the generation.
    pub tracks_group: bool,
    /// It has the connection. Otherwise the process has not noticed yet.
    pub connected: bool,
    /// What is on its way to the server.
    pub requests: Vec<Request>,
    /// What is on its way back.
    pub replies: Vec<Reply>,
    /// The process: how long ago the last command was sent that has been answered in this epoch.
    pub proof: Option<Age>,
    /// The number of the database, in this epoch.
    pub database: Option<Number>,
    /// What is read under a watch.
    pub reading: Option<Reading>,
    /// The copy, while its watch stands: one whose watch has ended is as good as none.
    pub copy: Option<Entry>,
    /// The generation of the group, as it is known.
    pub held: Option<Generation>,
    /// It has been asked for, and no change was heard of since.
    pub asking: bool,
    /// The call that looks for a copy.
    pub call: Option<Call>,
    /// All writes.
    pub writes: Vec<Writing>,
    /// A copy has answered that was older. Must not happen.
    pub outdated: Option<Outdated>,
    /// How many faults may still happen.
    pub faults: u8,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Time passes.
    Tick,
    /// Time passes of which the process knows nothing: its machine is suspended.
    Suspend,
    /// The heartbeat asks.
    Prove,
    /// A watch begins, and the entry is read.
    Read,
    /// A copy is made of what was read.
    Keep,
    /// The generation of the group is asked for.
    Ask,
    /// The server executes what was sent first.
    Execute,
    /// The process takes a reply or a push from the connection, by its place in the queue.
    Deliver(usize),
    /// A write begins. Elsewhere, all of it happens at once.
    Write(Writer),
    /// The invalidation of this process that was answered returns.
    Return(Writer),
    /// One that has failed is sent again.
    Retry(Writer),
    /// A call begins.
    Begin,
    /// A call makes its next check.
    Check,
    /// A call is answered with the copy.
    Answer,
    /// Somebody stores what they have read from the source.
    Fill(Version),
    /// Another entry of the group is loaded, which makes a generation where there is none.
    MakeGeneration,
    /// The entry expires or is evicted.
    Expire,
    /// A fault.
    Fault(Fault),
}

/// What may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The connection is lost; the process has not noticed.
    Lose,
    /// It notices, and connects again.
    Reconnect,
    /// `SWAPDB` with an empty database.
    Swap,
    /// `FLUSHALL`.
    Flush,
    /// The server's table of what it tracks is full: it forgets the entry.
    ForgetEntry,
    /// The same of the generation.
    ForgetGroup,
}

/// The rules of the tier.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A copy is made only if its watch has stood since before the entry was read.
    pub watches_before_reading: bool,
    /// The entry is read so that the server reports its next change.
    pub reads_tracked: bool,
    /// A watch begins only while it is proved that the server can be heard.
    pub begins_when_proved: bool,
    /// A copy answers only while the server has answered lately.
    pub bounds_silence: bool,
    /// How long ago is counted from when the command was sent.
    pub counts_from_sending: bool,
    /// An answer with another number of the database ends all watches.
    pub compares_database: bool,
    /// A lost connection ends all watches, and the knowledge of generations.
    pub forgets_on_disconnect: bool,
    /// So does the report of a flush.
    pub forgets_on_flush: bool,
    /// An own invalidation of the entry ends the watch before it returns.
    pub own_ends_watch: bool,
    /// An own invalidation of the group makes its generation unknown before it returns.
    pub own_forgets_group: bool,
    /// Replies and pushes arrive in the order in which the server has sent them.
    pub pushes_in_order: bool,
    /// What a call checks, in this order. A check that is missing is not made.
    pub checks: &'static [Check],
}

impl Rules {
    /// The rules of the tier.
    pub const IMPLEMENTED: Self = Self {
        watches_before_reading: true,
        reads_tracked: true,
        begins_when_proved: true,
        bounds_silence: true,
        counts_from_sending: true,
        compares_database: true,
        forgets_on_disconnect: true,
        forgets_on_flush: true,
        own_ends_watch: true,
        own_forgets_group: true,
        pushes_in_order: true,
        checks: &[Check::Outstanding, Check::Copy, Check::Proof, Check::Watch, Check::Stamps],
    };
}

/// Where a write is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// By the process that has the copy.
    Own,
    /// Elsewhere.
    Elsewhere,
}

/// What a write invalidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The entry.
    Entry,
    /// Its group.
    Group,
}

/// Rules, and how much of everything there is.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The rules.
    pub rules: Rules,
    /// The writes.
    pub writes: Vec<(Origin, Target)>,
    /// How many ticks a copy answers after the server was last heard.
    pub bound: Age,
    /// See [`State::faults`].
    pub faults: u8,
    /// Which of them there are.
    pub kinds: Vec<Fault>,
    /// The server reports a key that its table of what it tracks has no room for.
    pub evictions_are_told: bool,
    /// The machine of the process may be suspended.
    pub suspends: bool,
}

/// No copy answers a call that began after an invalidation by its own process had returned, or had failed, and that
/// outdated it.
pub const OWN_AT_ONCE: &str = "own invalidations count at once";
/// No copy answers a call that began a whole bound after an invalidation elsewhere had returned, and that outdated it.
pub const ELSEWHERE_WITHIN_BOUND: &str = "invalidations elsewhere count within the bound";
/// What must be reachable, or the model would prove nothing.
pub const REACHABLE: [&str; 7] = [
    "a copy of what was written last may answer",
    "an outdated copy may answer, within the bound",
    "an entry changes while it is read",
    "a copy of another generation is found",
    "silence keeps a copy from answering",
    "another database is about to be noticed",
    "a copy outlives an own invalidation that has failed",
];
