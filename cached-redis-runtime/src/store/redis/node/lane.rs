//! A connection of its own for long values.
//!
//! The replies of one connection come one after another, so short ones wait behind a long one: 10 ms behind a megabyte,
//! where a hundred of them pass in a second. So entries of functions whose values have been long are read on a second
//! connection, and long values are stored there.
//!
//! The lane is a [`Node`] by itself: it knows of groups what it was told on its own connection, in the order of its
//! replies, as the other does. All other steps are taken on the first connection, among them reads of entries that are
//! watched there. What was told there may be older than what a call has read on the lane: so calls of functions that have
//! ever been read there ask for the generations of their groups, and do not go by what is known. It is opened for the first long value, and nobody waits for it: where it is not at hand, the first
//! connection carries long values too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Node;
use crate::group::{Group, Groups};
use crate::loss::Losses;
use crate::stats::ConnectionCounters;
use crate::store::redis::link::Link;

/// From this many bytes on, an entry is long. As many pass in half a millisecond where a gigabit passes in a second:
/// about a round trip.
pub(super) const LONG: usize = 64 << 10;

/// How many functions are known to have long values.
const PLACES: usize = 64;

/// After so many short entries in a row, a function has short values again.
const SHORT_ONES: u64 = 32;
/// The bits of a place that count them.
const SHORT_ONES_SEEN: u64 = SHORT_ONES - 1;
/// An empty place is zero.
const NOT_NOTHING: u64 = 1 << 63;

/// The second connection, and for which functions.
pub(super) struct Lane {
    node: Box<Node>,
    functions: Functions,
    /// Those that have ever been read there.
    read: Ever,
}

impl Lane {
    pub(super) fn new(node: Node) -> Self {
        Self { node: Box::new(node), functions: Functions::default(), read: Ever::default() }
    }

    pub(super) fn report_to(&self, counters: &Arc<ConnectionCounters>, losses: &Arc<Losses>) {
        self.node.report_to(counters, losses);
    }

    /// Where long values of these functions are read, if it is at hand.
    fn to_read(&self, functions: impl Iterator<Item = Group>, first: &Link) -> Option<&Node> {
        let node = self.at_hand(first)?;
        // Before anything is read there.
        functions.for_each(|function| self.read.insert(function));
        Some(node)
    }

    /// Beside the first connection. Where that was made again, its name may lead to another server than before: what was
    /// made earlier is not used.
    fn at_hand(&self, first: &Link) -> Option<&Node> {
        self.node.link.is_at_hand(first.made()?).then_some(&*self.node)
    }
}

impl Node {
    /// Who reads an entry of a function.
    pub(super) fn to_read(&self, function: Option<Group>) -> &Self {
        match (&self.lane, function) {
            (Some(lane), Some(function)) if lane.functions.include(function) => {
                lane.to_read([function].into_iter(), &self.link).unwrap_or(self)
            }
            _ => self,
        }
    }

    /// Who reads these entries at once, if they are as long as those that were read together before.
    pub(super) fn to_read_many(&self, entries: &[(&str, &Groups)]) -> &Self {
        match &self.lane {
            Some(lane) if self.lengths.expected(entries.len()) >= LONG => {
                let functions = entries.iter().filter_map(|(_, groups)| groups.function);
                lane.to_read(functions, &self.link).unwrap_or(self)
            }
            _ => self,
        }
    }

    /// Whether what is known of these groups may be older than what a call has read.
    pub(super) fn may_lag(&self, groups: &[Group]) -> bool {
        self.lane
            .as_ref()
            .is_some_and(|lane| groups.iter().any(|group| lane.read.may_include(*group)))
    }

    /// Who stores this much.
    pub(super) fn to_store(&self, bytes: usize) -> &Self {
        match &self.lane {
            Some(lane) if bytes >= LONG => lane.at_hand(&self.link).unwrap_or(self),
            _ => self,
        }
    }

    /// An entry of a function is this long.
    pub(super) fn learn_length(&self, function: Option<Group>, bytes: usize) {
        if let (Some(lane), Some(function)) = (&self.lane, function) {
            lane.functions.learn(function, bytes);
        }
    }
}

/// The functions whose values have been long lately. Each has one place; of two that have the same one, the last is
/// known, and the other one learns again.
struct Functions([AtomicU64; PLACES]);

impl Default for Functions {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; PLACES])
    }
}

impl Functions {
    fn include(&self, function: Group) -> bool {
        let (place, mark) = self.place(function);
        place.load(Ordering::Relaxed) & !SHORT_ONES_SEEN == mark
    }

    fn learn(&self, function: Group, bytes: usize) {
        let (place, mark) = self.place(function);
        let known = place.load(Ordering::Relaxed);
        let is_known = known & !SHORT_ONES_SEEN == mark;
        // Two at the same time may lose one of them.
        if bytes >= LONG {
            if known != mark {
                place.store(mark, Ordering::Relaxed);
            }
        } else if is_known {
            let seen = (known & SHORT_ONES_SEEN) + 1;
            place.store(if seen < SHORT_ONES { mark | seen } else { 0 }, Ordering::Relaxed);
        }
    }

    fn place(&self, function: Group) -> (&AtomicU64, u64) {
        let number = function.number();
        // The bits that count, and the bits that tell functions apart, are others.
        let place = (number >> 32) as usize % PLACES;
        (&self.0[place], number & !SHORT_ONES_SEEN | NOT_NOTHING)
    }
}

/// A set of functions that only grows. It may be wrong about those that are not in it.
struct Ever([AtomicU64; PLACES]);

impl Default for Ever {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; PLACES])
    }
}

impl Ever {
    fn insert(&self, function: Group) {
        let (place, bit) = self.place(function);
        if place.load(Ordering::SeqCst) & bit == 0 {
            place.fetch_or(bit, Ordering::SeqCst);
        }
    }

    fn may_include(&self, function: Group) -> bool {
        let (place, bit) = self.place(function);
        place.load(Ordering::SeqCst) & bit != 0
    }

    fn place(&self, function: Group) -> (&AtomicU64, u64) {
        let number = function.number() as usize;
        (&self.0[number % PLACES], 1 << (number / PLACES % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::{Ever, Functions, LONG, SHORT_ONES};
    use crate::group::Group;

    #[test]
    fn a_function_with_long_values_is_known_until_they_are_short() {
        let (functions, reports) = (Functions::default(), Group::function("ns", "reports"));
        assert!(!functions.include(reports));
        functions.learn(reports, LONG - 1);
        assert!(!functions.include(reports));
        functions.learn(reports, LONG);
        assert!(functions.include(reports));
        for _ in 1..SHORT_ONES {
            functions.learn(reports, 10);
            assert!(functions.include(reports));
        }
        // They must come one after another.
        functions.learn(reports, LONG);
        for _ in 1..SHORT_ONES {
            functions.learn(reports, 10);
            assert!(functions.include(reports));
        }
        functions.learn(reports, 10);
        assert!(!functions.include(reports));
    }

    #[test]
    fn what_was_read_once_is_known_for_ever() {
        let (ever, names) = (Ever::default(), (0..500).map(|name| name.to_string()));
        let functions: Vec<_> = names.map(|name| Group::function("ns", &name)).collect();
        for (count, function) in functions.iter().enumerate() {
            ever.insert(*function);
            assert!(functions[..=count].iter().all(|function| ever.may_include(*function)));
        }
        let others = (0..500).map(|name| Group::function("other", &name.to_string()));
        assert!(others.filter(|function| ever.may_include(*function)).count() < 150);
    }

    #[test]
    fn one_function_is_not_taken_for_another() {
        let functions = Functions::default();
        functions.learn(Group::function("ns", "0"), LONG);
        let taken = (1..10_000)
            .filter(|number| functions.include(Group::function("ns", &number.to_string())));
        assert_eq!(taken.count(), 0);
    }
}
