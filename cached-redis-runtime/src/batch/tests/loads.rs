//! What is loaded, and in how many round trips.

use std::time::Duration;

use super::{Answer, LOAD, SECOND, Subject, by_return, tenfold};
use crate::lease::Nonce;
use crate::policy::Policy;
use crate::scope::Handle;
use crate::store::Store as _;
use crate::store::memory::Fault;
use crate::writes::InvalidateAll;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn what_is_stored_takes_one_round_trip_and_what_is_missing_one_load() {
    let subject = Subject::new();
    assert_eq!(subject.get(&[1, 2, 3]).await, tenfold(&[1, 2, 3]));
    assert_eq!(subject.take_loads(), [[1, 2, 3]]);
    let before = subject.operations();
    assert_eq!(subject.get(&[3, 2, 1]).await, tenfold(&[1, 2, 3]));
    assert_eq!(subject.operations() - before, 1);
    let before = subject.operations();
    assert_eq!(subject.get(&[1, 4, 2, 5]).await, tenfold(&[1, 2, 4, 5]));
    // Read, stamps (which this store does not remember), leases, fills.
    assert_eq!(subject.operations() - before, 4);
    assert_eq!(subject.take_loads(), [[4, 5]]);
    let stats = subject.stats();
    assert_eq!((stats.hits, stats.misses, stats.loads, stats.stored), (5, 5, 2, 5));
}

#[tokio::test(start_paused = true)]
async fn an_id_that_has_no_value_is_an_absence() {
    let subject = Subject::new();
    assert_eq!(subject.get(&[1, 1_000]).await, tenfold(&[1]));
    subject.take_loads();
    assert_eq!(subject.get(&[1, 1_000]).await, tenfold(&[1]));
    assert!(subject.take_loads().is_empty());
    assert_eq!(subject.stats().negative_hits, 1);
    subject.store().advance(61 * SECOND);
    subject.get(&[1, 1_000]).await;
    assert_eq!(subject.take_loads(), [[1_000]]);
}

#[tokio::test(start_paused = true)]
async fn ids_may_stand_there_twice_or_not_at_all() {
    let subject = Subject::new();
    assert_eq!(subject.get(&[7, 7, 8, 7]).await, tenfold(&[7, 8]));
    assert_eq!(subject.take_loads(), [[7, 8]]);
    let before = subject.operations();
    assert!(subject.get(&[]).await.is_empty());
    assert_eq!(subject.operations(), before);
    assert!(subject.take_loads().is_empty());
}

#[tokio::test(start_paused = true)]
async fn whatever_the_store_does_the_body_answers_within_the_budget() {
    for fault in [Fault::Down, Fault::Hang, Fault::Refuse, Fault::RefuseWrites, Fault::LoseReplies]
    {
        let subject = Subject::new();
        subject.store().set_fault(Some(fault));
        let began = Instant::now();
        assert_eq!(subject.get(&[1, 2]).await, tenfold(&[1, 2]), "{fault:?}");
        assert_eq!(subject.take_loads(), [[1, 2]], "{fault:?}");
        assert!(began.elapsed() <= Duration::from_millis(101), "{fault:?}: {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn the_body_gets_so_many_ids_at_a_time() {
    let subject = Subject::new();
    let ids: Vec<u64> = (0..25).collect();
    let body = subject.body();
    for round in 0..2 {
        let load = |ids| {
            let load = body(ids);
            async { Ok::<_, &'static str>(load.await) }
        };
        let answer = subject.batch(&ids).max_batch(10).run(load).await;
        assert_eq!(answer, Ok(tenfold(&ids)));
        let sizes: Vec<_> = subject.take_loads().iter().map(Vec::len).collect();
        assert_eq!(sizes, if round == 0 { vec![10, 10, 5] } else { vec![] });
    }
    subject.store().set_fault(Some(Fault::Down));
    let load = |ids| {
        let load = body(ids);
        async { Ok::<_, &'static str>(load.await) }
    };
    assert_eq!(subject.batch(&ids).max_batch(10).bypass(true).run(load).await, Ok(tenfold(&ids)));
    assert_eq!(subject.take_loads().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_the_answer_and_leaves_no_lease_behind() {
    let subject = Subject::new();
    assert_eq!(subject.fail(&[1, 2]).await, Err("away"));
    assert!(subject.store().is_empty());
    assert_eq!(subject.cache.loads_in_flight(), 0);
    assert_eq!(subject.get(&[1, 2]).await, tenfold(&[1, 2]));
}

#[tokio::test(start_paused = true)]
async fn what_was_invalidated_while_it_was_loaded_is_not_stored() {
    let subject = Subject::new().slow();
    let ids = [1, 2];
    let loading = subject.get(&ids);
    let invalidating = async {
        tokio::time::sleep(LOAD / 2).await;
        subject.set_factor(20);
        subject.invalidate(1).await;
    };
    tokio::join!(loading, invalidating);
    subject.take_loads();
    let answer = subject.get(&ids).await;
    assert_eq!(answer[&1], 20);
    assert_eq!(subject.take_loads(), [[1]]);
    assert_eq!(subject.stats().superseded, 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_loaded_before_all_was_invalidated_does_not_count() {
    let subject = Subject::new().slow();
    let began = Instant::now();
    let invalidating = async {
        tokio::time::sleep(LOAD / 2).await;
        subject.set_factor(20);
        let all = InvalidateAll::new(&super::FUNCTION, Handle::Owned(subject.cache.clone()));
        all.await.expect("it is there");
        // It does not wait for the older load, of which nothing counts.
        assert_eq!(subject.get(&[1, 2]).await[&1], 20);
        assert!(began.elapsed() < LOAD / 4 * 7, "{:?}", began.elapsed());
    };
    tokio::join!(subject.get(&[1, 2, 3]), invalidating);
    assert_eq!(subject.take_loads(), [vec![1, 2, 3], vec![1, 2]]);
    assert_eq!(subject.get(&[3]).await[&3], 60);
    subject.take_loads();
    assert_eq!(subject.get(&[1, 2]).await[&2], 40);
    assert!(subject.take_loads().is_empty());
}

#[tokio::test(start_paused = true)]
async fn while_an_id_is_fenced_it_is_loaded_and_not_stored() {
    let subject = Subject::new();
    let key = subject.entry(&by_return::<Answer>(), 1).key().expect("a key");
    let fence = Nonce { process: 9, sequence: 9 };
    subject.store().hold(&[key], fence, SECOND).await.expect("it is there");
    assert_eq!(subject.get(&[1, 2]).await, tenfold(&[1, 2]));
    assert_eq!(subject.get(&[1, 2]).await, tenfold(&[1, 2]));
    assert_eq!(subject.take_loads(), [vec![1, 2], vec![1]]);
}

#[tokio::test(start_paused = true)]
async fn entries_that_do_not_decode_are_replaced() {
    let subject = Subject::new();
    subject.get(&[1, 2]).await;
    subject.take_loads();
    let key = subject.entry(&by_return::<Answer>(), 1).key().expect("a key");
    let mut record = subject.store().get_raw(&key).expect("it is there");
    *record.last_mut().expect("a payload") = b'?';
    subject.store().set_raw(&key, record, SECOND);
    assert_eq!(subject.get(&[1, 2]).await, tenfold(&[1, 2]));
    assert_eq!(subject.get(&[1, 2]).await, tenfold(&[1, 2]));
    assert_eq!(subject.take_loads(), [[1]]);
}

#[tokio::test(start_paused = true)]
async fn an_id_whose_invalidation_has_failed_is_loaded_each_time() {
    let subject = Subject::new();
    subject.get(&[1, 2]).await;
    subject.take_loads();
    subject.store().set_fault(Some(Fault::RefuseWrites));
    let entry = subject.entry(&by_return::<Answer>(), 1);
    entry.invalidate().await.expect_err("refused");
    subject.set_factor(20);
    assert_eq!(subject.get(&[1, 2]).await[&1], 20);
    assert_eq!(subject.get(&[1, 2]).await[&2], 20);
    assert_eq!(subject.take_loads(), [[1], [1]]);
}

#[tokio::test(start_paused = true)]
async fn leases_are_renewed_at_the_same_time() {
    let policy = Policy { lease: Some(LOAD), ..Policy::new(600 * SECOND) };
    let (subject, ids) = (Subject::with_policy(policy), (0..50).collect::<Vec<u64>>());
    let load = async |ids: Vec<u64>| {
        // One after the other, they would take five lives of a lease.
        subject.store().set_fault(Some(Fault::Slow(LOAD / 10)));
        tokio::time::sleep(10 * LOAD).await;
        subject.store().set_fault(None);
        Ok::<_, &'static str>(tenfold(&ids))
    };
    subject.batch(&ids).run(load).await.expect("it answers");
    assert_eq!(subject.get(&ids).await, tenfold(&ids));
    let stats = subject.stats();
    assert_eq!((stats.loads, stats.stored, stats.superseded), (1, 50, 0));
}
