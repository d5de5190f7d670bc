//! ACQUIRE as a table: the stored entry, the question, and the decision. It holds for the decision by itself, for the
//! in-process store, and for the script on every server.

use super::*;
use crate::group::{Generation, Stamp};
use crate::lease::LONGEST_LEASE;
use crate::record::layout::IS_WRITE;
use crate::store::acquire::{Decision, Entry, decide};

/// Of the caller.
const NONCE: Nonce = Nonce { process: 1, sequence: 7 };
const TOO_LONG: Duration = Duration::from_secs(48 * 60 * 60);

/// A time, as seen from now.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    Never,
    Past,
    Soon,
    TooFar,
}

/// Under which lease a record is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Holder {
    Nobody,
    /// The one that the caller has seen.
    Seen,
    Another,
    /// A lease that was granted to the very question of the caller.
    Caller,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kept {
    Nothing,
    Rubbish,
    Record,
}

/// What is under the key.
#[derive(Clone, Copy, Debug)]
struct Given {
    kept: Kept,
    state: State,
    is_write: bool,
    schema: u64,
    holder: Holder,
    soft: When,
    refresh: When,
    /// `None`: it never expires.
    life: Option<Duration>,
    is_oversized: bool,
    is_fenced: bool,
}

const VALUE: Given = Given {
    kept: Kept::Record,
    state: State::Value,
    is_write: false,
    schema: SCHEMA,
    holder: Holder::Seen,
    soft: When::Never,
    refresh: When::Never,
    life: Some(LONG),
    is_oversized: false,
    is_fenced: false,
};
const OVERDUE: Given = Given { soft: When::Past, ..VALUE };
const LEASE: Given = Given { state: State::Lease, holder: Holder::Another, ..VALUE };
const NOTHING: Given = Given { kept: Kept::Nothing, ..VALUE };
const RUBBISH: Given = Given { kept: Kept::Rubbish, ..VALUE };

impl Holder {
    fn lease(self) -> LeaseId {
        match self {
            Self::Nobody => LeaseId::NONE,
            Self::Seen => LeaseId::new(Nonce { process: 2, sequence: 1 }, 1),
            Self::Another => LeaseId::new(Nonce { process: 3, sequence: 1 }, 1),
            Self::Caller => LeaseId::new(NONCE, 1),
        }
    }
}

impl Given {
    /// The record at this time of the store's clock.
    fn record(&self, now: u64) -> Option<Vec<u8>> {
        let at = |when| match when {
            When::Never => 0,
            When::Past => 1,
            When::Soon => now + 60_000,
            When::TooFar => now + 1000 * TOO_LONG.as_secs(),
        };
        match self.kept {
            Kept::Nothing => return None,
            Kept::Rubbish => return Some(b"CR\x01Vrubbish".to_vec()),
            Kept::Record => {}
        }
        let lease = self.holder.lease();
        let mut record = if self.state == State::Lease {
            record::lease(&lease, self.schema, &stamps("before"), self.is_write)
        } else {
            let mut record = record::value(Kind::Value, Codec::Json, self.schema);
            record::stamp(&mut record, &stamps("before"));
            record::set_stale(&mut record, self.state == State::Stale);
            record
        };
        record.extend_from_slice(b"payload");
        if self.is_oversized {
            record.resize(LONGEST_RECORD + 1, b' ');
        }
        record[IS_WRITE] = self.is_write.into();
        record::sign(&mut record, &lease);
        record::set_soft(&mut record, Some(at(self.soft)));
        record::set_refresh(&mut record, at(self.refresh));
        Some(record)
    }

    fn entry(&self, now: u64) -> Option<Entry> {
        let record = self.record(now)?;
        Some(Entry { header: Header::read(&record)?, length: record.len(), left: self.life })
    }

    fn decision(&self, acquire: &Acquire<'_>) -> Decision {
        let now = 1_000_000;
        decide(self.is_fenced, self.entry(now), acquire, now)
    }
}

fn stamps(tag: &str) -> Stamps {
    [Stamp { group: Group::tag(tag), generation: Generation::new([1; 8], 2) }].into_iter().collect()
}

fn asked<'a>(intent: Intent, seen: Holder, stamps: &'a Stamps) -> Acquire<'a> {
    Acquire {
        nonce: NONCE,
        lease: LONG,
        schema: SCHEMA,
        intent,
        seen: seen.lease(),
        stamps,
        longest: LONGEST_RECORD,
    }
}

/// Asks a store, and holds its answer and what it has made of the entry against a decision.
async fn assert_decided(
    subject: &Subject,
    given: &Given,
    acquire: Acquire<'_>,
    decision: Decision,
) {
    let case = format!("{given:?}: {:?} of {:?}", acquire.intent, acquire.seen_lease());
    let (store, keys) = (&subject.store, std::slice::from_ref(&subject.key));
    let fence = Nonce { process: 9, sequence: 9 };
    if given.is_fenced {
        store.hold(keys, fence, LONG).await.expect("an answer");
    }
    let now = store.ask_time(&subject.key).await.expect("an answer");
    let before = given.record(now);
    match &before {
        Some(record) => subject.set_for(&subject.key, record, given.life),
        None => subject.delete().await,
    }
    let answer = store.acquire(&subject.key, acquire).await.expect("an answer");
    let after = subject.find().await.map(|found| found.record);
    if given.is_fenced {
        store.lift(keys, fence).await.expect("an answer");
    }
    let record = before.clone().unwrap_or_default();
    let (is_granted, over_seen) = match decision {
        Decision::NoStore => (answer == Acquired::NoStore, None),
        Decision::Nothing => (answer == Acquired::Nothing, None),
        Decision::Hit => (answer == Acquired::Hit(record), None),
        Decision::Wait => {
            let (holder, stamps) = (given.holder.lease(), stamps("before"));
            (answer == Acquired::Wait { holder, stamps }, None)
        }
        Decision::Again { over_seen } => {
            (answer == Acquired::Grant { lease: given.holder.lease(), over_seen }, None)
        }
        Decision::Over { over_seen } => (true, Some(over_seen)),
        Decision::Anew => (true, Some(false)),
    };
    assert!(is_granted, "{case}: {answer:?}, not {decision:?}");
    let Some(over_seen) = over_seen else {
        // An oversized record is not read by the store.
        assert!(given.is_oversized || after == before, "{case}");
        return;
    };
    let Acquired::Grant { lease, .. } = answer else { panic!("{case}: {answer:?}") };
    assert_eq!(answer, Acquired::Grant { lease, over_seen }, "{case}");
    assert!(lease.nonce() == NONCE && lease != Holder::Caller.lease(), "{case}: of this execution");
    let after = after.expect("an entry");
    let header = Header::read(&after).expect("ours");
    let is_write = acquire.intent == Intent::Write;
    if decision == Decision::Anew {
        let expected = record::lease(&lease, SCHEMA, acquire.stamps, is_write);
        assert_eq!(after, expected, "{case}");
    } else {
        assert_eq!(header.lease, lease, "{case}");
        assert_eq!(
            (header.state, header.payload(&after)),
            (given.state, &b"payload"[..]),
            "{case}"
        );
        assert_eq!(header.refresh > now, !is_write, "{case}");
    }
}

fn table() -> Vec<(Given, Intent, Holder, Decision)> {
    use Decision::{Again, Anew, Hit, NoStore, Nothing, Over, Wait};
    use Holder::{Another, Caller, Nobody, Seen};
    use Intent::{Read, Refresh, Reload, Write};
    let replace = |holder: Holder| Intent::Replace(holder.lease());
    let over = |over_seen| Over { over_seen };
    let by_write = Given { is_write: true, ..LEASE };
    let endless = Given { life: None, ..LEASE };
    let too_long = Given { life: Some(TOO_LONG), ..LEASE };
    let oversized = Given { is_oversized: true, ..VALUE };
    let of_other_schema = Given { schema: SCHEMA + 1, ..VALUE };
    let fresh = Given { soft: When::Soon, ..VALUE };
    let stale = Given { state: State::Stale, ..fresh };
    let reloaded = Given { holder: Another, refresh: When::Soon, ..OVERDUE };
    let paused = Given { holder: Nobody, refresh: When::Soon, ..OVERDUE };
    let given_up = Given { holder: Nobody, ..OVERDUE };
    let busy_for_ever = Given { refresh: When::TooFar, ..OVERDUE };
    let mut table = vec![
        (LEASE, Read, Nobody, Wait),
        (LEASE, replace(Seen), Nobody, Wait),
        (LEASE, replace(Another), Nobody, Anew),
        (LEASE, Reload, Another, Nothing),
        (LEASE, Refresh, Nobody, Anew),
        (LEASE, Write, Nobody, Anew),
        (Given { schema: SCHEMA + 1, ..LEASE }, Read, Nobody, Wait),
        (by_write, Read, Nobody, NoStore),
        (by_write, replace(Seen), Nobody, NoStore),
        (by_write, replace(Another), Nobody, Anew),
        (by_write, Reload, Another, Nothing),
        (by_write, Refresh, Nobody, Anew),
        (endless, Read, Nobody, Anew),
        (too_long, Read, Nobody, Anew),
        (Given { life: Some(LONGEST_LEASE), ..LEASE }, Read, Nobody, Wait),
        (VALUE, Read, Nobody, Hit),
        (VALUE, replace(Another), Nobody, Hit),
        (VALUE, replace(Seen), Nobody, Anew),
        (VALUE, Reload, Seen, over(true)),
        (VALUE, Reload, Another, Nothing),
        (VALUE, Refresh, Nobody, over(false)),
        (VALUE, Refresh, Seen, over(true)),
        (VALUE, Write, Nobody, over(false)),
        (VALUE, Write, Seen, over(true)),
        (Given { life: None, ..VALUE }, Read, Nobody, Hit),
        (fresh, Read, Seen, Hit),
        (fresh, Reload, Seen, over(true)),
        (OVERDUE, Read, Seen, over(true)),
        (OVERDUE, Read, Another, over(false)),
        (OVERDUE, Reload, Seen, over(true)),
        // Only a lease can be one of a write.
        (Given { is_write: true, ..OVERDUE }, Read, Seen, over(true)),
        (stale, Read, Seen, over(true)),
        (stale, Read, Nobody, over(false)),
        (stale, Reload, Seen, over(true)),
        (of_other_schema, Read, Seen, Anew),
        (of_other_schema, Reload, Seen, Nothing),
        (of_other_schema, Refresh, Seen, Anew),
        (reloaded, Read, Seen, Wait),
        (reloaded, replace(Seen), Nobody, Wait),
        (reloaded, replace(Another), Nobody, Anew),
        (reloaded, Reload, Seen, Nothing),
        (reloaded, Reload, Another, Nothing),
        (reloaded, Refresh, Seen, over(false)),
        (reloaded, Write, Seen, over(false)),
        (Given { soft: When::Soon, ..reloaded }, Read, Seen, Hit),
        (Given { holder: Caller, ..reloaded }, Reload, Seen, Again { over_seen: true }),
        (Given { holder: Caller, ..reloaded }, Reload, Nobody, Again { over_seen: false }),
        (Given { holder: Caller, ..reloaded }, Read, Seen, Wait),
        (paused, Read, Nobody, over(false)),
        (paused, Reload, Nobody, Nothing),
        (given_up, Read, Nobody, over(false)),
        (given_up, Reload, Nobody, over(false)),
        (busy_for_ever, Read, Seen, over(true)),
        (busy_for_ever, Reload, Seen, over(true)),
        (Given { refresh: When::Past, ..OVERDUE }, Reload, Seen, over(true)),
    ];
    for empty in [NOTHING, RUBBISH, oversized] {
        table.extend([
            (empty, Read, Seen, Anew),
            (empty, replace(Seen), Nobody, Anew),
            (empty, Reload, Seen, Nothing),
            (empty, Refresh, Nobody, Anew),
            (empty, Write, Nobody, Anew),
        ]);
    }
    for fenced in [NOTHING, RUBBISH, VALUE, OVERDUE, LEASE] {
        let fenced = Given { is_fenced: true, ..fenced };
        for intent in [Read, replace(Seen), Reload, Refresh, Write] {
            table.push((fenced, intent, Seen, NoStore));
        }
    }
    table
}

#[tokio::test]
async fn each_entry_and_question_has_its_decision() {
    let ours = stamps("now");
    for (given, intent, seen, decision) in table() {
        let acquire = asked(intent, seen, &ours);
        assert_eq!(given.decision(&acquire), decision, "{given:?}: {intent:?} of {seen:?}");
    }
    each_store(async |subject| {
        for (given, intent, seen, decision) in table() {
            assert_decided(&subject, &given, asked(intent, seen, &ours), decision).await;
        }
    })
    .await;
}

/// What the table leaves out.
#[tokio::test]
async fn no_store_decides_otherwise() {
    let mut all = Vec::new();
    for state in State::ALL {
        for holder in [Holder::Nobody, Holder::Seen, Holder::Another, Holder::Caller] {
            for schema in [SCHEMA, SCHEMA + 1] {
                for soft in [When::Never, When::Past, When::Soon] {
                    for refresh in [When::Never, When::Past, When::Soon, When::TooFar] {
                        let is_write = refresh == When::Past;
                        all.push(Given { state, holder, schema, soft, refresh, is_write, ..VALUE });
                    }
                }
            }
        }
    }
    let ours = stamps("now");
    let void = Intent::Replace(Holder::Seen.lease());
    let intents = [Intent::Read, void, Intent::Reload, Intent::Refresh, Intent::Write];
    let ask = async |subject: Subject| {
        for given in &all {
            for intent in intents {
                for seen in [Holder::Nobody, Holder::Seen] {
                    let acquire = asked(intent, seen, &ours);
                    let decision = given.decision(&acquire);
                    assert_decided(&subject, given, acquire, decision).await;
                }
            }
        }
    };
    ask(Subject::memory()).await;
    each_server_async(async |server| ask(Subject::redis(server, false)).await).await;
}
