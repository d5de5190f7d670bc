//! The generations that this process knows without asking.
//!
//! Under `CLIENT TRACKING`, the server tells a connection when a key that it has read changes. It
//! says so before it answers any command that came after the change, and on the same connection: so
//! what is known here when an entry's GET is answered is at least as new as that entry. The
//! knowledge ends with the connection.
//!
//! A generation can also vanish without a word: the server says nothing of `SWAPDB`, or when it is filled
//! anew from another. So knowledge ages. While a group is read, it is asked about again along with the
//! next read of any entry; what is older than [`OLDEST`] is not relied on.

mod parts;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use redis::{PushInfo, PushKind, Value};
use tokio::time::Instant;

use crate::group::{Generation, Group, Stamp, Stamps, stamps};
use crate::watched::Watched;
use parts::Parts;

/// More groups than this are not remembered: all are forgotten, and asked for again.
const MOST: usize = 100_000;

/// How old knowledge is when the server is asked again, and when it is not relied on any more.
const REFRESH_AFTER: Duration = Duration::from_secs(5);
pub(in crate::store) const OLDEST: Duration = Duration::from_secs(10);

/// When to ask again if there was no answer.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Groups that are asked about along with one read.
const MOST_AT_A_TIME: usize = 16;

/// What is known of each group.
#[derive(Debug, Default)]
pub(super) struct Generations {
    known: RwLock<HashMap<Group, Knowledge, BuildHasherDefault<ShortHasher>>>,
    next: AtomicU64,
    /// How often a change of the probe has been reported.
    probes: AtomicU64,
    /// Groups to be asked about along with the next reads, and whether there are any.
    due: Mutex<Vec<Group>>,
    is_any_due: AtomicBool,
    /// The entries that are watched on the same connection.
    watched: Arc<Watched>,
    /// What is known apart of keys with other beginnings.
    parts: Parts,
}

/// What is known of one group. A change that the server reports ends it.
#[derive(Clone, Copy, Debug)]
struct Knowledge {
    /// Tells it from what is known after a change.
    number: u64,
    answer: Option<Answer>,
    /// When it was last said to be due.
    due: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Answer {
    generation: Generation,
    /// When the server was asked.
    asked: Instant,
    /// Until when the server does not let it expire, as far as it was asked to.
    lasts: Option<Instant>,
}

/// Asked before the server is, so that a change which is reported before its answer arrives makes
/// the answer worthless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    group: Group,
    number: u64,
    asked: Instant,
}

impl Question {
    pub(super) fn group(&self) -> Group {
        self.group
    }
}

impl Answer {
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.asked)
    }
}

impl Generations {
    /// The name of what is no group: a key that is changed to see whether changes are reported.
    pub(super) const PROBE: &str = "probe";

    /// How often a change of the probe has been reported.
    pub(super) fn probes(&self) -> u64 {
        self.probes.load(Ordering::Acquire)
    }

    /// The entries that are watched on the same connection.
    pub(super) fn watched(&self) -> &Arc<Watched> {
        &self.watched
    }

    /// Whether these are the current ones; `None` if that is not known of all of them.
    pub(super) fn are_current(&self, all: &[u8]) -> Option<bool> {
        let (known, now) = (self.read(), Instant::now());
        let mut unknown = false;
        let mut due = Vec::new();
        for stamp in stamps(all) {
            match known.get(&stamp.group).and_then(|knowledge| knowledge.answer) {
                Some(answer) if answer.age(now) < OLDEST => {
                    if answer.generation != stamp.generation {
                        return Some(false);
                    }
                    if answer.age(now) >= REFRESH_AFTER {
                        due.push(stamp.group);
                    }
                }
                _ => unknown = true,
            }
        }
        drop(known);
        if !due.is_empty() {
            self.say_due(&due, now);
        }
        (!unknown).then_some(true)
    }

    /// Has groups asked about along with the next reads.
    fn say_due(&self, groups: &[Group], now: Instant) {
        let mut known = self.write();
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        for group in groups {
            let Some(knowledge) = known.get_mut(group) else { continue };
            if knowledge.due.is_none_or(|due| now >= due + ASK_AGAIN_AFTER) {
                knowledge.due = Some(now);
                due.push(*group);
            }
        }
        self.is_any_due.store(!due.is_empty(), Ordering::Relaxed);
    }

    /// What is to be asked along with a read. Nearly always nothing.
    pub(super) fn due(&self) -> Vec<Question> {
        if !self.is_any_due.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = due.len().saturating_sub(MOST_AT_A_TIME);
        let groups = due.split_off(rest);
        self.is_any_due.store(!due.is_empty(), Ordering::Relaxed);
        drop(due);
        groups.into_iter().map(|group| self.ask(group)).collect()
    }

    /// What groups are at, for a new entry that lives that long; `None` if that is not known of all of them, or
    /// if one may expire before the entry.
    pub(super) fn stamps(&self, groups: &[Group], life: Duration) -> Option<Stamps> {
        let (known, now) = (self.read(), Instant::now());
        let stamp = |group: &Group| {
            let answer = known.get(group)?.answer?;
            let generation = answer.generation;
            let is_lasting = answer.lasts.is_some_and(|lasts| lasts >= now + life);
            (is_lasting && answer.age(now) < OLDEST).then_some(Stamp { group: *group, generation })
        };
        groups.iter().map(stamp).collect()
    }

    /// To be asked of the server. Nothing that is known is forgotten over it.
    pub(super) fn ask(&self, group: Group) -> Question {
        let mut known = self.write();
        if known.len() >= MOST && !known.contains_key(&group) {
            known.clear();
            self.generations_changed();
        }
        let number = || self.next.fetch_add(1, Ordering::Relaxed);
        let new = || Knowledge { number: number(), answer: None, due: None };
        let Knowledge { number, .. } = *known.entry(group).or_insert_with(new);
        Question { group, number, asked: Instant::now() }
    }

    /// The answer to a question, which may have been to make the generation last. Worthless if the group has
    /// changed since it was asked.
    pub(super) fn learn(
        &self,
        question: Question,
        generation: Generation,
        lasts: Option<Duration>,
    ) {
        let Question { group, number, asked } = question;
        let mut known = self.write();
        let Some(knowledge) = known.get_mut(&group).filter(|known| known.number == number) else {
            return;
        };
        let mut new = Answer { generation, asked, lasts: lasts.map(|lasts| asked + lasts) };
        if let Some(old) = knowledge.answer {
            if old.generation == generation {
                new.lasts = new.lasts.max(old.lasts);
                new.asked = new.asked.max(old.asked);
            } else if old.asked > asked {
                // Another answer came earlier, to a later question.
                return;
            } else {
                self.generations_changed();
            }
        }
        knowledge.answer = Some(new);
    }

    /// There was no answer, or no generation.
    pub(super) fn take_back(&self, question: Question) {
        let mut known = self.write();
        if known.get(&question.group).is_some_and(|known| known.number == question.number) {
            known.remove(&question.group);
            self.generations_changed();
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
        if self.parts.changed(key) {
            return;
        }
        match Group::from_key(key) {
            Some(group) => self.forget_group(group),
            None if key.is_empty() => self.forget(),
            None => self.watched.changed(key),
        }
    }

    /// Nothing is known of this group any more.
    pub(super) fn forget_group(&self, group: Group) {
        self.write().remove(&group);
        self.generations_changed();
    }

    /// Nothing is known any more: the connection is gone.
    pub(super) fn forget(&self) {
        self.write().clear();
        self.watched.forget();
        self.parts.forget();
    }

    /// This process has made an entry another one, or may have. Who waits for a change needs not be told: the report
    /// comes too.
    #[cfg_attr(not(feature = "local"), expect(clippy::unused_self, reason = "nothing is copied"))]
    pub(super) fn entry_changed(&self, _key: &str) {
        #[cfg(feature = "local")]
        self.watched.changed(_key);
    }

    fn generations_changed(&self) {
        self.watched.generations_changed();
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
    use std::time::Duration;

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

    const LONG: Duration = Duration::from_secs(600);

    fn known() -> Generations {
        let generations = Generations::default();
        for tag in ["a", "b"] {
            let question = generations.ask(Group::tag(tag));
            generations.learn(question, generation(1), Some(LONG));
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
        let question = generations.ask(Group::tag("a"));
        generations.told(&invalidate(&["a"]));
        let again = generations.ask(Group::tag("a"));
        generations.learn(question, generation(1), Some(LONG));
        assert_eq!(generations.are_current(stamps("a", 1).bytes()), None);
        generations.learn(again, generation(2), Some(LONG));
        assert_eq!(generations.are_current(stamps("a", 2).bytes()), Some(true));
        generations.take_back(question);
        assert_eq!(generations.are_current(stamps("a", 2).bytes()), Some(true));
    }

    #[tokio::test]
    async fn a_flush_and_a_lost_connection_leave_nothing() {
        let flush = PushInfo { kind: PushKind::Invalidate, data: vec![Value::Nil] };
        let lost = PushInfo { kind: PushKind::Disconnection, data: Vec::new() };
        for push in [flush, lost] {
            let generations = known();
            generations.told(&push);
            assert_eq!(generations.stamps(&[Group::tag("b")], LONG), None);
        }
    }

    #[tokio::test]
    async fn what_was_only_compared_is_renewed_before_it_is_used_for_new_entries() {
        let generations = Generations::default();
        generations.learn(generations.ask(Group::tag("a")), generation(1), None);
        assert_eq!(generations.are_current(stamps("a", 1).bytes()), Some(true));
        assert_eq!(generations.stamps(&[Group::tag("a")], LONG), None);
        generations.learn(generations.ask(Group::tag("a")), generation(1), Some(2 * LONG));
        assert_eq!(generations.stamps(&[Group::tag("a")], LONG), Some(stamps("a", 1)));
        generations.learn(generations.ask(Group::tag("a")), generation(1), None);
        assert_eq!(generations.stamps(&[Group::tag("a")], LONG), Some(stamps("a", 1)), "still");
    }

    #[tokio::test(start_paused = true)]
    async fn knowledge_that_is_used_is_asked_about_again_and_once() {
        let generations = known();
        let is_current = || generations.are_current(stamps("a", 1).bytes());
        assert_eq!((is_current(), generations.due().len()), (Some(true), 0));
        tokio::time::advance(super::REFRESH_AFTER).await;
        assert_eq!((is_current(), is_current()), (Some(true), Some(true)), "meanwhile it counts");
        let due = generations.due();
        assert_eq!(due.len(), 1, "of the one that is used");
        assert_eq!((is_current(), generations.due().len()), (Some(true), 0), "it is being asked");
        tokio::time::advance(super::ASK_AGAIN_AFTER).await;
        assert_eq!((is_current(), generations.due().len()), (Some(true), 1), "no answer");
        generations.learn(due[0], generation(1), None);
        tokio::time::advance(super::OLDEST - 2 * super::ASK_AGAIN_AFTER).await;
        assert_eq!(generations.are_current(stamps("b", 1).bytes()), None, "too old");
        assert_eq!(is_current(), Some(true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_that_nobody_reports_is_learned() {
        let generations = known();
        tokio::time::advance(super::REFRESH_AFTER).await;
        generations.learn(generations.ask(Group::tag("a")), generation(2), None);
        assert_eq!(generations.are_current(stamps("a", 1).bytes()), Some(false));
        assert_eq!(generations.stamps(&[Group::tag("a")], LONG / 2), None, "it may not last");
        generations.take_back(generations.ask(Group::tag("b")));
        assert_eq!(generations.are_current(stamps("b", 1).bytes()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn no_new_entry_carries_what_may_expire_before_it() {
        let generations = Generations::default();
        generations.learn(generations.ask(Group::tag("a")), generation(1), Some(LONG));
        let carried = |life| generations.stamps(&[Group::tag("a")], life).is_some();
        assert!(carried(LONG / 2) && !carried(LONG * 2));
        tokio::time::advance(LONG / 2 + Duration::from_secs(1)).await;
        generations.learn(generations.ask(Group::tag("a")), generation(1), None);
        assert!(!carried(LONG / 2) && carried(LONG / 4));
    }
}
