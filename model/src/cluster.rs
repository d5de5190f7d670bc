//! A group on a cluster: a generation of it for each bucket, on nodes whose reports come in no common order.
//!
//! Two nodes and two buckets. The entry is in one bucket, which may move to the other node while everything goes on; the
//! other bucket has entries of the same group, of which only the generation matters. A process reads over one connection
//! to each node; writers elsewhere invalidate the group. Read it beside the runtime: `process.rs` here beside
//! `store/redis/cluster` and what a node knows of generations, `nodes.rs` beside what Redis Cluster does.
//!
//! It takes of [`freshness`](crate::freshness) that an entry is stamped with what the generation was before its load.
//! Leases, copies and lost connections are there and in [`local`](crate::local): they concern one node.

mod display;
mod nodes;
mod process;
mod transitions;

/// A version of the source's value; each write makes a new one.
pub type Version = u8;
/// What the key of a group's generation holds.
pub type Generation = u8;
/// One of two.
pub type Node = usize;
/// A write, by its place in [`State::writes`].
pub type Writer = usize;

/// What moves from node to node together.
pub type Bucket = usize;
/// That of other entries of the group. It stays on the first node.
pub const OTHER: Bucket = 0;
/// That of the entry. It begins on the second node.
pub const OWN: Bucket = 1;

/// A stored value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// What it is.
    pub version: Version,
    /// The generation of its group before it was loaded.
    pub stamp: Generation,
}

/// A key that is there, and on which node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Placed<T> {
    /// What it holds.
    pub value: T,
    /// Where it is.
    pub node: Node,
}

/// What the process sends to a node, which executes it in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// `GET` of the entry.
    Get,
    /// The generation of a bucket, and the report of its next change.
    Ask {
        /// Which.
        bucket: Bucket,
        /// For a call that has found an entry.
        of_call: bool,
    },
}

/// What comes from a node, in the order in which it has sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// To [`Request::Get`].
    Got(Option<Entry>),
    /// To [`Request::Ask`].
    Asked {
        /// Of which bucket.
        bucket: Bucket,
        /// For a call that has found an entry.
        of_call: bool,
        /// What was there.
        generation: Option<Generation>,
    },
    /// Either, where the bucket is somewhere else.
    Moved(Bucket),
    /// Either, where the key may have been carried to the other node already (`ASK`).
    Away(Bucket),
    /// A push: the generation of a bucket has changed.
    Changed(Bucket),
}

/// A call of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// The newest version whose invalidation had returned when it began.
    pub demands: Version,
    /// What it has read, where that has to be compared yet.
    pub found: Option<Entry>,
}

/// How far a removal from a bucket has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Removal {
    /// It goes to this node.
    To(Node),
    /// It goes to this node, to which its key may have been carried already (`ASKING`).
    Asking(Node),
    /// It was executed.
    Done,
}

/// A write, and the invalidation of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Writing {
    /// What it has written; zero before.
    pub version: Version,
    /// Of the generation of each bucket.
    pub removals: [Removal; 2],
    /// Its caller knows that it has succeeded.
    pub has_returned: bool,
}

/// Everything, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// What was written last.
    pub source: Version,
    /// The nodes: the entry,
    pub entry: Option<Placed<Entry>>,
    /// and the generation of each bucket.
    pub generations: [Option<Placed<Generation>>; 2],
    /// How many generations were made.
    pub made: Generation,
    /// Which nodes will report the next change of which bucket's generation.
    pub tracks: [[bool; 2]; 2],
    /// The newest version that the entry's own bucket has been invalidated for.
    pub invalidated: Version,
    /// Who has the entry's bucket,
    pub owner: Node,
    /// and whether it is being carried to the other node.
    pub moving: bool,
    /// How often it may still move.
    pub moves: u8,
    /// What is on its way to each node.
    pub requests: [Vec<Request>; 2],
    /// What is on its way back.
    pub replies: [Vec<Reply>; 2],
    /// The process: where it takes the entry's bucket to be,
    pub map: Node,
    /// the generation of each bucket, as each node has told,
    pub held: [[Option<Generation>; 2]; 2],
    /// what it has asked each node for, and heard of no change since,
    pub asking: [[bool; 2]; 2],
    /// and its call.
    pub call: Option<Call>,
    /// How many may still begin.
    pub calls: u8,
    /// All writes.
    pub writes: Vec<Writing>,
    /// A call was answered with what it must not see.
    pub stale: bool,
    /// A call was answered with what it may see, by what was known already.
    pub hit: bool,
    /// A call has found an entry of another generation.
    pub missed: bool,
    /// A removal has followed its key to the other node.
    pub followed: bool,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A write, whose invalidation is sent.
    Write(Writer),
    /// A removal arrives where it goes.
    Remove(Writer, Bucket),
    /// The invalidation returns.
    Return(Writer),
    /// Somebody stores what they have read from the source.
    Fill(Version),
    /// Another entry of the group is loaded, which makes a generation in its bucket.
    MakeOther,
    /// A call begins.
    Begin,
    /// The process reads another entry of the group, and learns the generation of its bucket.
    AskOther,
    /// The process learns from elsewhere where the entry's bucket is (`CLUSTER SLOTS`).
    Refresh,
    /// A node executes what came first.
    Execute(Node),
    /// The process takes a reply or a push from a connection, by its place in the queue.
    Deliver(Node, usize),
    /// The entry's bucket begins to move.
    StartMove,
    /// Its entry is carried to the other node (`MIGRATE`),
    CarryEntry,
    /// and its generation.
    CarryGeneration,
    /// The other node has it.
    FinishMove,
}

/// The rules of the router.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// An entry is stamped with the generation in its own bucket. Otherwise there is one generation, in one bucket.
    pub generation_per_bucket: bool,
    /// What is known of a generation is known of its bucket. Otherwise a group has the same generation in all, and what is
    /// known of it is taken from any.
    pub knowledge_per_bucket: bool,
    /// What one node has told is not compared with what another one holds.
    pub knowledge_per_node: bool,
    /// An invalidation returns when the generations of all buckets are gone. Otherwise when one is.
    pub waits_for_all: bool,
    /// A removal goes where its bucket has moved. Otherwise it is taken for done.
    pub follows_moved: bool,
    /// A removal goes where its key may have been carried. Otherwise it is taken for done.
    pub follows_carried: bool,
    /// Replies and pushes of one node arrive in the order in which it has sent them.
    pub pushes_in_order: bool,
    /// Where a bucket has moved, what its former node has told of it is forgotten.
    pub forgets_moved: bool,
}

impl Rules {
    /// The rules of the router.
    pub const IMPLEMENTED: Self = Self {
        generation_per_bucket: true,
        knowledge_per_bucket: true,
        knowledge_per_node: true,
        waits_for_all: true,
        follows_moved: true,
        follows_carried: true,
        pushes_in_order: true,
        forgets_moved: true,
    };
}

/// Rules, and how much of everything there is.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The rules.
    pub rules: Rules,
    /// Writes.
    pub writes: usize,
    /// Calls, one after the other.
    pub calls: u8,
    /// How often the entry's bucket moves.
    pub moves: u8,
}

/// No call is answered with a value older than an invalidation that had returned when it began.
pub const NO_STALE_READ: &str = "no stale read";
/// What must be reachable, or the model would prove nothing.
pub const REACHABLE: [&str; 4] = [
    "an answer by what was known of the generation",
    "an entry of another generation is found",
    "a removal follows its key to the other node",
    "a call follows the bucket to the other node",
];
