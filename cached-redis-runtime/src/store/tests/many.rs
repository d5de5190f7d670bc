//! The steps of a batch do to each entry what the step of a single call does, each in one round trip.

use cached_redis_test_support::each_server_async;

use super::{Found, LONG, LONGEST_RECORD, SCHEMA, Subject, each_store};
use crate::group::{Group, Groups, Stamps};
use crate::lease::{Acquire, Acquired, Fill, Filled, Intent, LeaseId, Life, Nonce};
use crate::record::{self, Codec, Kind};

const LIFE: Life = Life { whole: LONG, fresh: None };

impl Subject {
    fn keys(&self, count: usize) -> Vec<String> {
        (0..count).map(|number| format!("{}:p:f:{{many{number}}}", self.namespace)).collect()
    }

    /// Each key in a group of its own and in one that all are in.
    fn groups(count: usize) -> Vec<Groups> {
        let tags = |number| vec![Group::tag("all"), Group::tag(&format!("tag:{number}"))];
        (0..count).map(|number| Groups { tags: tags(number), ..Groups::default() }).collect()
    }

    async fn read_many(&self, keys: &[String]) -> Vec<Option<Found>> {
        let groups = Self::groups(keys.len());
        let entries: Vec<_> = keys.iter().map(String::as_str).zip(&groups).collect();
        self.store.read_many(&entries).await.expect("an answer")
    }

    async fn stamp_many(&self, keys: &[String]) -> Vec<Option<Stamps>> {
        let groups = Self::groups(keys.len());
        let entries: Vec<(&str, Vec<Group>)> =
            keys.iter().map(String::as_str).zip(groups.iter().map(Groups::of_lease)).collect();
        self.store.stamp_many(&entries, LONG).await.expect("an answer")
    }

    async fn acquire_many(&self, first: u64, keys: &[String], stamps: &[Stamps]) -> Vec<Acquired> {
        let acquire = |(index, stamps)| Acquire {
            nonce: Nonce { process: 1, sequence: first + index },
            lease: LONG,
            schema: SCHEMA,
            intent: Intent::Read,
            seen: LeaseId::NONE,
            stamps,
            longest: LONGEST_RECORD,
        };
        let acquires = (0_u64..).zip(stamps).map(acquire);
        let entries: Vec<_> = keys.iter().map(String::as_str).zip(acquires).collect();
        let answers = self.store.acquire_many(&entries).await.expect("an answer");
        answers.into_iter().map(|answer| answer.expect("an answer")).collect()
    }

    async fn fill_many(
        &self,
        keys: &[String],
        leases: &[LeaseId],
        stamps: &[Stamps],
    ) -> Vec<Filled> {
        let record = |(lease, stamps): (&LeaseId, &Stamps)| {
            let mut record = record::value(Kind::Value, Codec::Json, SCHEMA);
            record::stamp(&mut record, stamps);
            record::sign(&mut record, lease);
            record
        };
        let records: Vec<Vec<u8>> = leases.iter().zip(stamps).map(record).collect();
        let fills: Vec<Fill<'_>> = keys
            .iter()
            .zip(leases)
            .zip(&records)
            .map(|((key, lease), record)| Fill { key, lease: *lease, record, life: LIFE })
            .collect();
        let answers = self.store.fill_many(&fills).await.expect("an answer");
        answers.into_iter().map(|answer| answer.expect("an answer")).collect()
    }
}

fn leases(acquired: &[Acquired]) -> Vec<LeaseId> {
    let lease = |acquired: &Acquired| match acquired {
        Acquired::Grant { lease, .. } => *lease,
        other => panic!("{other:?}"),
    };
    acquired.iter().map(lease).collect()
}

fn are_current(found: &[Option<Found>]) -> Vec<Option<bool>> {
    found.iter().map(|found| found.as_ref().map(|found| found.is_current)).collect()
}

/// Stores three entries, and returns their keys.
async fn three(subject: &Subject) -> Vec<String> {
    let keys = subject.keys(3);
    let stamps: Vec<Stamps> = subject.stamp_many(&keys).await.into_iter().flatten().collect();
    let granted = leases(&subject.acquire_many(1, &keys, &stamps).await);
    assert_eq!(subject.fill_many(&keys, &granted, &stamps).await, [Filled::Stored; 3]);
    keys
}

#[tokio::test]
async fn many_are_leased_stored_and_read_like_one() {
    each_store(async |subject| {
        let keys = three(&subject).await;
        let found = subject.read_many(&keys).await;
        assert_eq!(are_current(&found), [Some(true); 3]);
        for (key, found) in keys.iter().zip(&found) {
            let one = subject.store.read(key, &Groups::default()).await.expect("an answer");
            assert_eq!(one, *found);
        }
        let again = subject.acquire_many(9, &keys, &vec![Stamps::default(); 3]).await;
        assert!(again.iter().all(|answer| matches!(answer, Acquired::Hit(_))), "{again:?}");
        assert!(subject.read_many(&[]).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn each_of_many_has_a_lease_a_fence_and_generations_of_its_own() {
    each_store(async |subject| {
        let keys = subject.keys(4);
        let stamps: Vec<Stamps> = subject.stamp_many(&keys).await.into_iter().flatten().collect();
        let granted = leases(&subject.acquire_many(1, &keys, &stamps).await);
        let second = subject.acquire_many(9, &keys, &stamps).await;
        let holders = second.iter().zip(&granted).all(
            |(answer, lease)| matches!(answer, Acquired::Wait { holder, .. } if holder == lease),
        );
        assert!(holders, "{second:?}");
        let fence = Nonce { process: 9, sequence: 1 };
        subject.store.delete(&keys[..1]).await.expect("an answer");
        subject.store.hold(&keys[1..2], fence, LONG).await.expect("an answer");
        let filled = subject.fill_many(&keys, &granted, &stamps).await;
        use Filled::{Lost, Stored};
        assert_eq!(filled, [Lost, Lost, Stored, Stored]);
        let asked = subject.acquire_many(20, &keys, &stamps).await;
        assert!(matches!(asked[0], Acquired::Grant { .. }), "{asked:?}");
        assert_eq!(asked[1], Acquired::NoStore);
        subject.store.delete(&[subject.generation("tag:2")]).await.expect("an answer");
        let found = are_current(&subject.read_many(&keys).await);
        assert_eq!(found[1..], [None, Some(false), Some(true)]);
        subject.store.delete(&[subject.generation("all")]).await.expect("an answer");
        assert_eq!(are_current(&subject.read_many(&keys).await)[2..], [Some(false); 2]);
        subject.store.hold(&[subject.generation("tag:3")], fence, LONG).await.expect("an answer");
        let stamped = subject.stamp_many(&keys).await;
        let there: Vec<bool> = stamped.iter().map(Option::is_some).collect();
        assert_eq!(there, [true, true, true, false]);
    })
    .await;
}

#[tokio::test]
async fn garbage_among_many_is_garbage_by_itself() {
    each_store(async |subject| {
        let keys = three(&subject).await;
        subject.set(&keys[1], b"garbage");
        let found = subject.read_many(&keys).await;
        assert_eq!(found[1].as_ref().map(|found| &*found.record), Some(&b"garbage"[..]));
        assert_eq!(are_current(&found), [Some(true); 3]);
    })
    .await;
}

#[tokio::test]
async fn what_another_client_invalidates_is_seen_by_the_next_read_of_many() {
    each_server_async(async |server| {
        for is_tracked in [true, false] {
            let subject = Subject::redis(server, is_tracked);
            let keys = three(&subject).await;
            assert_eq!(are_current(&subject.read_many(&keys).await), [Some(true); 3]);
            let generation = subject.generation("tag:1");
            let other = Subject::connect(server, &subject.namespace, false);
            crate::store::Store::delete(&other, &[generation]).await.expect("an answer");
            let found = are_current(&subject.read_many(&keys).await);
            assert_eq!(found, [Some(true), Some(false), Some(true)]);
        }
    })
    .await;
}

#[tokio::test]
async fn scripts_that_the_server_has_lost_are_sent_once_more() {
    each_server_async(async |server| {
        let subject = Subject::redis(server, true);
        subject.stamps(&["warm"]).await;
        server.command(&["SCRIPT", "FLUSH"]);
        assert_eq!(three(&subject).await.len(), 3);
    })
    .await;
}
