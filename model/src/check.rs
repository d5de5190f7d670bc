//! Running the checker, and telling what it found.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use stateright::{Checker as _, HasDiscoveries, Model as _, Path};

use crate::{Action, Protocol, REACHABLE, State};

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
    /// What of [`REACHABLE`] has been reached.
    pub reached: Vec<&'static str>,
}

/// A path, to be read: what happened, and what there was after it.
#[derive(Clone, Debug)]
pub struct Story(Vec<(State, Option<Action>)>);

/// Whether the larger sizes are asked for: `CACHED_REDIS_MODEL=large`.
#[must_use]
pub fn is_large() -> bool {
    std::env::var_os("CACHED_REDIS_MODEL").is_some_and(|size| size == "large")
}

/// Visits all states.
#[must_use]
pub fn check(protocol: Protocol) -> Outcome {
    let started = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let checker = protocol.checker().threads(threads).spawn_bfs().join();
    let mut reached = Vec::new();
    let mut violations = BTreeMap::new();
    for (property, path) in checker.discoveries() {
        if REACHABLE.contains(&property) {
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
pub fn counterexample(protocol: &Protocol, property: &'static str) -> Option<Story> {
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
    fn new(path: Path<State, Action>) -> Self {
        Self(path.into_vec())
    }
}

impl std::fmt::Display for Story {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, pair) in self.0.windows(2).enumerate() {
            if let [(_, Some(action)), (after, _)] = pair {
                writeln!(formatter, "{:3}. {action:<48} {after}", number + 1)?;
            }
        }
        Ok(())
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
