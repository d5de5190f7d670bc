//! Whether a record counts for a function: the one place that judges it, for calls, for callers that have waited, and for
//! entries.

use crate::group::Groups;
use crate::record::{Record, State};

/// A record as it was read from the store.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(super) record: Record,
    /// Its stamps were the current generations of its groups.
    pub(super) is_current: bool,
}

/// Whether a record counts for a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It is a value, to be judged by its freshness.
    Value,
    /// There is nothing to read: somebody loads, or it is of another schema.
    Nothing,
    /// A group of it has been invalidated, or is not among its stamps.
    Void,
    /// An invalidation of it has failed so far: it may be outdated.
    Outstanding,
}

/// Judges a record that was read with these facts. Pure.
pub(crate) fn judge(
    record: &Record,
    schema: u64,
    groups: &Groups,
    is_current: bool,
    was_outstanding: impl FnOnce(&[u8]) -> bool,
) -> Judgement {
    let header = record.header();
    if header.state == State::Lease || header.schema != schema {
        return Judgement::Nothing;
    }
    // One that lacks a group was stored by a version of the function that was not in it, and would
    // outlive an invalidation of that group.
    if !is_current || !groups.are_in(record.stamps()) {
        return Judgement::Void;
    }
    if was_outstanding(record.stamps()) { Judgement::Outstanding } else { Judgement::Value }
}

#[cfg(test)]
mod tests {
    use super::{Judgement, judge};
    use crate::group::{Generation, Group, Groups, Stamp, Stamps};
    use crate::lease::{LeaseId, Nonce};
    use crate::record::{self, Codec, Kind, Record};

    const SCHEMA: u64 = 7;

    fn stamps(tags: &[&str]) -> Stamps {
        let generation = Generation::new([1; 8], 2);
        tags.iter().map(|tag| Stamp { group: Group::tag(tag), generation }).collect()
    }

    /// A value that is in these groups.
    fn value(schema: u64, tags: &[&str]) -> Record {
        let mut bytes = record::value(Kind::Value, Codec::Json, schema);
        record::stamp(&mut bytes, &stamps(tags));
        Record::read(bytes).expect("ours")
    }

    fn lease() -> Record {
        let id = LeaseId::new(Nonce { process: 1, sequence: 2 }, 3);
        Record::read(record::lease(&id, SCHEMA, &stamps(&["a"]), false)).expect("ours")
    }

    #[test]
    fn what_a_record_counts_for() {
        let groups = Groups { tags: vec![Group::tag("a")], ..Groups::default() };
        let (current, outdated, outstanding) = (true, false, true);
        for (what, record, is_current, is_outstanding, judgement) in [
            ("a value", value(SCHEMA, &["a"]), current, false, Judgement::Value),
            ("in one more group", value(SCHEMA, &["a", "b"]), current, false, Judgement::Value),
            ("not in its group", value(SCHEMA, &["b"]), current, false, Judgement::Void),
            ("outdated", value(SCHEMA, &["a"]), outdated, false, Judgement::Void),
            ("outstanding", value(SCHEMA, &["a"]), current, outstanding, Judgement::Outstanding),
            ("both", value(SCHEMA, &["a"]), outdated, outstanding, Judgement::Void),
            ("of another schema", value(8, &["a"]), current, false, Judgement::Nothing),
            ("of another, outdated", value(8, &["a"]), outdated, false, Judgement::Nothing),
            ("a lease", lease(), current, false, Judgement::Nothing),
            ("a lease, outstanding", lease(), outdated, outstanding, Judgement::Nothing),
        ] {
            let judged = judge(&record, SCHEMA, &groups, is_current, |_| is_outstanding);
            assert_eq!(judged, judgement, "{what}");
        }
    }
}
