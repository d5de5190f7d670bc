//! What is known of keys that begin alike, apart from the rest: in a cluster, of a bucket.
//!
//! A connection brings the reports for all buckets that its node has, and its loss ends what is known of them all. That
//! one bucket moves to another node ends what is known of that one.

use std::sync::{Arc, PoisonError, RwLock, Weak};

use redis::Value;

use super::Generations;

/// The parts that a connection brings reports for.
#[derive(Debug, Default)]
pub(super) struct Parts(RwLock<Vec<Part>>);

#[derive(Debug)]
struct Part {
    /// What the keys begin with, and a colon.
    begin: String,
    /// Whoever still takes a step with it has it.
    known: Weak<Generations>,
}

impl Generations {
    /// From now on, what is reported of keys that begin so concerns a part of its own, for as long as anybody has it.
    pub(in crate::store::redis) fn part(&self, begin: &str) -> Arc<Self> {
        let part = Arc::<Self>::default();
        let mut parts = self.parts.0.write().unwrap_or_else(PoisonError::into_inner);
        parts.retain(|part| part.known.strong_count() > 0);
        parts.push(Part { begin: format!("{begin}:"), known: Arc::downgrade(&part) });
        part
    }
}

impl Parts {
    /// A key has changed. Whether it is one of a part.
    pub(super) fn changed(&self, key: &str) -> bool {
        let parts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut is_of_part = false;
        // A bucket that has left and come back has two.
        for part in parts.iter().filter(|part| key.starts_with(&part.begin)) {
            if let Some(known) = part.known.upgrade() {
                known.changed(&Value::BulkString(key.as_bytes().to_vec()));
                is_of_part = true;
            }
        }
        is_of_part
    }

    /// The connection is gone, or the database was flushed.
    pub(super) fn forget(&self) {
        let parts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for known in parts.iter().filter_map(|part| part.known.upgrade()) {
            known.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use redis::{PushInfo, PushKind, Value};

    use super::Generations;
    use crate::group::{Generation, Group, Stamp, Stamps};

    const GENERATION: [u8; 8] = [7; 8];

    fn know(part: &Generations) {
        part.learn(part.ask(Group::tag("a")), Generation::new(GENERATION, 1), None);
    }

    fn is_known(part: &Generations) -> bool {
        let generation = Generation::new(GENERATION, 1);
        let stamps: Stamps = [Stamp { group: Group::tag("a"), generation }].into_iter().collect();
        part.are_current(stamps.bytes()) == Some(true)
    }

    fn report(hub: &Generations, key: &str) {
        let keys = Value::Array(vec![Value::BulkString(key.as_bytes().to_vec())]);
        hub.told(&PushInfo { kind: PushKind::Invalidate, data: vec![keys] });
    }

    #[tokio::test]
    async fn a_report_concerns_the_part_of_its_key_and_a_lost_connection_all() {
        let hub = Generations::default();
        let [one, other] = ["ns:{1}", "ns:{2}"].map(|begin| hub.part(begin));
        know(&one);
        know(&other);
        report(&hub, &Group::tag("a").key("ns:{1}"));
        assert_eq!((is_known(&one), is_known(&other)), (false, true));
        know(&one);
        report(&hub, &Group::tag("b").key("ns:{1}"));
        assert_eq!((is_known(&one), is_known(&other)), (true, true));
        hub.forget();
        assert_eq!((is_known(&one), is_known(&other)), (false, false));
    }

    #[tokio::test]
    async fn a_part_that_has_come_back_is_told_and_so_is_the_old_one_while_it_is_used() {
        let hub = Generations::default();
        let old = hub.part("ns:{1}");
        let new = hub.part("ns:{1}");
        know(&old);
        know(&new);
        report(&hub, &Group::tag("a").key("ns:{1}"));
        assert_eq!((is_known(&old), is_known(&new)), (false, false));
    }
}
