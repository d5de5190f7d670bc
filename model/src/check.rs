//! Running the checker, and telling what it found.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display, Write as _};
use std::hash::Hash;
use std::time::{Duration, Instant};

use stateright::{Checker as _, HasDiscoveries, Model, Path};

/// A model whose counterexamples can be read.
pub trait Readable:
    Model<
        State: Clone + Debug + Display + Hash + PartialEq + Send + Sync,
        Action: Clone + Debug + Display + PartialEq + Send + Sync,
    > + Clone
    + Send
    + Sync
    + 'static
{
    /// What must be reachable, or the model would prove nothing. Any other property is violated
    /// where the checker finds something.
    const REACHABLE: &'static [&'static str];
}

/// What visiting all states has found.
#[derive(Debug)]
pub struct Outcome {
    /// How many different states there are.
    pub states: usize,
    /// The length of the longest of the shortest paths to them.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// A path to every violation.
    pub violations: BTreeMap<&'static str, Story>,
    /// What of [`Readable::REACHABLE`] has been reached.
    pub reached: Vec<&'static str>,
}

/// A path, to be read: a line for each thing that happened, and what there was after it.
#[derive(Clone, Debug)]
pub struct Story(Vec<String>);

/// Whether the larger sizes are asked for: `CACHED_REDIS_MODEL=large`.
#[must_use]
pub fn is_large() -> bool {
    std::env::var_os("CACHED_REDIS_MODEL").is_some_and(|size| size == "large")
}

/// Visits all states.
#[must_use]
pub fn check<M: Readable>(protocol: M) -> Outcome {
    let started = Instant::now();
    // The tests of the smaller sizes run beside each other already, and threads that hand states to
    // each other are slower.
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if is_large() { cores() } else { 1 };
    let checker = protocol.checker().threads(threads).spawn_bfs().join();
    let mut reached = Vec::new();
    let mut violations = BTreeMap::new();
    for (property, path) in checker.discoveries() {
        if M::REACHABLE.contains(&property) {
            reached.push(property);
        } else {
            violations.insert(property, Story::new(path));
        }
    }
    Outcome {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        took: started.elapsed(),
        violations,
        reached,
    }
}

/// The shortest path to a violation of `property`: the one that is understood.
#[must_use]
pub fn counterexample<M: Readable>(protocol: &M, property: &'static str) -> Option<Story> {
    let mut visited = 0;
    // Deeper step by step: the checker does not stop at once, and keeps the last path it finds.
    for depth in 1.. {
        let checker = protocol
            .clone()
            .checker()
            .finish_when(HasDiscoveries::AllOf([property].into()))
            .target_max_depth(depth)
            .spawn_bfs()
            .join();
        if let Some(path) = checker.discovery(property) {
            return Some(Story::new(path));
        }
        if checker.unique_state_count() == visited {
            break;
        }
        visited = checker.unique_state_count();
    }
    None
}

impl Story {
    fn new<S: Display, A: Display>(path: Path<S, A>) -> Self {
        let path = path.into_vec();
        let mut lines = Vec::new();
        for (number, pair) in path.windows(2).enumerate() {
            if let [(_, Some(action)), (after, _)] = pair {
                lines.push(format!("{:3}. {action:<48} {after}", number + 1));
            }
        }
        Self(lines)
    }
}

impl Display for Story {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(formatter, "{line}"))
    }
}

impl Outcome {
    /// Everything that was violated, told.
    #[must_use]
    pub fn report(&self) -> String {
        let mut report = String::new();
        for (property, story) in &self.violations {
            // Writing to a string does not fail.
            let _ = writeln!(report, "violated: {property}\n{story}");
        }
        report
    }
}
