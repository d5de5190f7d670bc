//! The generations that this process knows without asking.
//!
//! Under `CLIENT TRACKING`, the server tells a connection when a key that it has read changes. It
//! says so before it answers any command that came after the change, and on the same connection: so
//! what is known here when an entry's GET is answered is at least as new as that entry. The
//! knowledge ends with the connection.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use redis::{PushInfo, PushKind, Value};
use tokio::time::Instant;

use crate::group::{Generation, Group, Stamp, Stamps, stamps};

/// More groups than this are not remembered: all are forgotten, and asked for again.
const MOST: usize = 100_000;

/// For how long a generation is used for new entries before the server is asked again, which keeps it
/// from expiring there.
pub(super) const RENEW_AFTER: Duration = Duration::from_secs(60 * 60);

/// What is known of each group.
#[derive(Debug, Default)]
pub(super) struct Generations {
    known: RwLock<HashMap<Group, Knowledge, BuildHasherDefault<ShortHasher>>>,
    next: AtomicU64,
    /// How often a change of the probe has been reported.
    probes: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
enum Knowledge {
    /// The server is being asked.
    Asked(Question),
    Known {
        generation: Generation,
        /// When the server was last kept from letting it expire, if by this connection.
        renewed: Option<Instant>,
    },
}

impl Knowledge {
    /// What new entries can carry: it outlives them.
    fn lasting(&self) -> Option<Generation> {
        match self {
            Self::Known { generation, renewed: Some(renewed) }
                if renewed.elapsed() < RENEW_AFTER =>
            {
                Some(*generation)
            }
            _ => None,
        }
    }
}

/// Asked before the server is, so that a change which is reported before its answer arrives makes
/// the answer worthless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question(u64);

impl Generations {
    /// The name of what is no group: a key that is changed to see whether changes are reported.
    pub(super) const PROBE: &str = "probe";

    /// How often a change of the probe has been reported.
    pub(super) fn probes(&self) -> u64 {
        self.probes.load(Ordering::Acquire)
    }

    /// Whether these are the current ones; `None` if that is not known of all of them.
    pub(super) fn are_current(&self, all: &[u8]) -> Option<bool> {
        let known = self.read();
        let mut unknown = false;
        for stamp in stamps(all) {
            match known.get(&stamp.group) {
                Some(Knowledge::Known { generation, .. }) if *generation != stamp.generation => {
                    return Some(false);
                }
                Some(Knowledge::Known { .. }) => {}
                Some(Knowledge::Asked(_)) | None => unknown = true,
            }
        }
        (!unknown).then_some(true)
    }

    /// What groups are at, for a new entry; `None` if that is not known of all of them.
    pub(super) fn stamps(&self, groups: &[Group]) -> Option<Stamps> {
        let known = self.read();
        let stamp = |group: &Group| {
            let generation = known.get(group)?.lasting()?;
            Some(Stamp { group: *group, generation })
        };
        groups.iter().map(stamp).collect()
    }

    /// To be asked of the server. Nothing that is known is forgotten over it, unless it is old.
    pub(super) fn ask(&self, group: Group) -> Option<Question> {
        let mut known = self.write();
        match known.get(&group) {
            Some(Knowledge::Asked(question)) => return Some(*question),
            Some(knowledge) if knowledge.lasting().is_some() => return None,
            _ => {}
        }
        if known.len() >= MOST {
            known.clear();
        }
        let question = Question(self.next.fetch_add(1, Ordering::Relaxed));
        known.insert(group, Knowledge::Asked(question));
        Some(question)
    }

    /// The answer to a question, which may have renewed the generation's life. Worthless if the group
    /// has changed since it was asked.
    pub(super) fn learn(
        &self,
        group: Group,
        question: Question,
        generation: Generation,
        is_renewed: bool,
    ) {
        let mut known = self.write();
        if let Some(knowledge @ Knowledge::Asked(_)) = known.get_mut(&group)
            && matches!(knowledge, Knowledge::Asked(asked) if *asked == question)
        {
            let renewed = is_renewed.then(Instant::now);
            *knowledge = Knowledge::Known { generation, renewed };
        }
    }

    /// There was no answer.
    pub(super) fn take_back(&self, group: Group, question: Question) {
        let mut known = self.write();
        if matches!(known.get(&group), Some(Knowledge::Asked(asked)) if *asked == question) {
            known.remove(&group);
        }
    }

    /// What the server says unasked.
    pub(super) fn told(&self, push: &PushInfo) {
        match push.kind {
            PushKind::Invalidate => match push.data.first() {
                Some(Value::Array(keys)) => keys.iter().for_each(|key| self.changed(key)),
                // The whole database was flushed.
                _ => self.forget(),
            },
            PushKind::Disconnection => self.forget(),
            _ => {}
        }
    }

    fn changed(&self, key: &Value) {
        let key = match key {
            Value::BulkString(key) => std::str::from_utf8(key).unwrap_or_default(),
            Value::SimpleString(key) => key,
            _ => "",
        };
        if key.strip_suffix('}').is_some_and(|key| key.ends_with(Self::PROBE)) {
            self.probes.fetch_add(1, Ordering::Release);
            return;
        }
        match Group::from_key(key) {
            Some(group) => drop(self.write().remove(&group)),
            None => self.forget(),
        }
    }

    /// Nothing is known any more: the connection is gone.
    pub(super) fn forget(&self) {
        self.write().clear();
    }

    // Nothing panics while these are held, and no step leaves the map half done.
    fn read(
        &self,
    ) -> RwLockReadGuard<'_, HashMap<Group, Knowledge, BuildHasherDefault<ShortHasher>>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(
        &self,
    ) -> RwLockWriteGuard<'_, HashMap<Group, Knowledge, BuildHasherDefault<ShortHasher>>> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the first bytes of a group, which is a hash already.
#[derive(Debug, Default)]
struct ShortHasher(u64);

impl Hasher for ShortHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length of the array that a group is.
    fn write_usize(&mut self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use super::Generations;
    use crate::group::{Generation, Group, Stamp, Stamps};
    use redis::{PushInfo, PushKind, Value};

    fn generation(number: u64) -> Generation {
        Generation::new([7; 8], number)
    }

    fn stamps(tag: &str, number: u64) -> Stamps {
        [Stamp { group: Group::tag(tag), generation: generation(number) }].into_iter().collect()
    }

    fn invalidate(keys: &[&str]) -> PushInfo {
        let keys = keys.iter().map(|tag| Group::tag(tag).key("ns").into_bytes());
        let keys = Value::Array(keys.map(Value::BulkString).collect());
        PushInfo { kind: PushKind::Invalidate, data: vec![keys] }
    }

    fn known() -> Generations {
        let generations = Generations::default();
        for tag in ["a", "b"] {
            let question = generations.ask(Group::tag(tag)).expect("unknown");
            generations.learn(Group::tag(tag), question, generation(1), true);
        }
        generations
    }

    #[tokio::test]
    async fn a_push_makes_one_group_unknown() {
        let generations = known();
        assert_eq!(generations.are_current(stamps("a", 1).bytes()), Some(true));
        assert_eq!(generations.are_current(stamps("a", 2).bytes()), Some(false));
        generations.told(&invalidate(&["a"]));
        assert_eq!(generations.are_current(stamps("a", 1).bytes()), None);
        assert_eq!(generations.are_current(stamps("b", 1).bytes()), Some(true));
    }

    #[tokio::test]
    async fn an_answer_that_a_push_has_overtaken_is_worthless() {
        let generations = Generations::default();
        let question = generations.ask(Group::tag("a")).expect("unknown");
        generations.told(&invalidate(&["a"]));
        let again = generations.ask(Group::tag("a")).expect("unknown");
        generations.learn(Group::tag("a"), question, generation(1), true);
        assert_eq!(generations.are_current(stamps("a", 1).bytes()), None);
        generations.learn(Group::tag("a"), again, generation(2), true);
        assert_eq!(generations.are_current(stamps("a", 2).bytes()), Some(true));
    }

    #[tokio::test]
    async fn a_flush_and_a_lost_connection_leave_nothing() {
        let flush = PushInfo { kind: PushKind::Invalidate, data: vec![Value::Nil] };
        let lost = PushInfo { kind: PushKind::Disconnection, data: Vec::new() };
        for push in [flush, lost] {
            let generations = known();
            generations.told(&push);
            assert_eq!(generations.stamps(&[Group::tag("b")]), None);
        }
    }

    #[tokio::test]
    async fn what_was_only_compared_is_renewed_before_it_is_used_for_new_entries() {
        let generations = Generations::default();
        let learn = |is_renewed| {
            let question = generations.ask(Group::tag("a")).expect("to be asked");
            generations.learn(Group::tag("a"), question, generation(1), is_renewed);
        };
        learn(false);
        assert_eq!(generations.are_current(stamps("a", 1).bytes()), Some(true));
        assert_eq!(generations.stamps(&[Group::tag("a")]), None);
        learn(true);
        assert_eq!(generations.stamps(&[Group::tag("a")]), Some(stamps("a", 1)));
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_hour_new_entries_ask_again() {
        let generations = known();
        assert_eq!(generations.stamps(&[Group::tag("a")]), Some(stamps("a", 1)));
        tokio::time::advance(super::RENEW_AFTER).await;
        assert_eq!(generations.stamps(&[Group::tag("a")]), None);
        assert_eq!(generations.are_current(stamps("a", 1).bytes()), Some(true));
    }
}
