//! Damaged records: the in-process store and the scripts of the server make the same of them. If only one
//! could read it, it would never be replaced.

use fastrand::Rng;

use super::*;
use crate::group::{Generation, Stamp};
use cached_redis_test_support::hunt::{Replay, damaged, seeds};

fn nonce() -> Nonce {
    Nonce { process: 9, sequence: 9 }
}

fn record(rng: &mut Rng) -> Vec<u8> {
    let stamp = Stamp { group: Group::tag("a"), generation: Generation::new([1; 8], 2) };
    let stamps: Stamps = std::iter::repeat_n(stamp, rng.usize(..3)).collect();
    let id = LeaseId::new(nonce(), 9);
    let schema = SCHEMA + u64::from(rng.u8(..4) == 0);
    let mut record = if rng.u8(..4) == 0 {
        record::lease(&id, schema, &stamps, rng.bool())
    } else {
        let mut record = record::value(Kind::Value, Codec::Json, schema);
        record.extend_from_slice(b"value");
        record[5] = *rng.choice([1, 2, 3, 4, 127, 128, 255].iter()).unwrap_or(&1);
        record[6] = *rng.choice([0, 1, 2, 3, 15, 16, 18, 19].iter()).unwrap_or(&0);
        record::stamp(&mut record, &stamps);
        record::sign(&mut record, &id);
        record::set_stale(&mut record, rng.bool());
        record
    };
    record::set_refresh(&mut record, rng.u64(..2));
    record::set_soft(&mut record, Some(rng.u64(..2)));
    let mut record = damaged(record, rng);
    // The stores have clocks of their own: what is not long ago is in the far future.
    for field in [40..48, 48..56] {
        if let Some(field) = record.get_mut(field)
            && field[1..].iter().any(|byte| *byte != 0)
        {
            field[6] = 0x0f;
            field[7] = 0;
        }
    }
    record
}

/// What a store makes of a record, without what depends on its clock.
async fn verdicts(subject: &Subject, record: &[u8]) -> Vec<String> {
    let id = LeaseId::new(nonce(), 9);
    let put = || subject.set(&subject.key, record);
    let life = Life { whole: LONG, fresh: None };
    let mut all = Vec::new();
    let intents = [
        Intent::Read,
        Intent::Replace(id),
        Intent::Replace(LeaseId::NONE),
        Intent::Reload,
        Intent::Refresh,
        Intent::Write,
    ];
    for intent in intents {
        put();
        // To replace says by itself what was seen.
        let seen = if matches!(intent, Intent::Replace(_)) { LeaseId::NONE } else { id };
        let answer = match subject.ask(0x5a5a_5a5a, intent, seen, &Stamps::default()).await {
            Acquired::Grant { over_seen, .. } => format!("granted, {over_seen}"),
            other => format!("{other:?}"),
        };
        let now = subject.find().await.map(|found| Header::read(&found.record).map(|h| h.state));
        all.push(format!("{intent:?}: {answer}, {now:?}"));
    }
    put();
    all.push(format!("stale: {:?}", subject.store.mark_stale(&subject.key).await));
    put();
    all.push(format!("fill: {:?}", subject.fill(id, b"new").await));
    put();
    all.push(format!("keep: {:?}", subject.store.keep(&subject.key, id, life).await));
    put();
    all.push(format!("renew: {:?}", subject.store.renew(&subject.key, id, LONG).await));
    put();
    all.push(format!("touch: {:?}", subject.store.touch(&subject.key, id, LONG).await));
    put();
    all.push(format!("release: {:?}", subject.store.release(&subject.key, nonce(), LONG).await));
    let left = subject.find().await.map(|found| Header::read(&found.record).map(|h| h.lease));
    all.push(format!("left: {left:?}"));
    put();
    let is_current = subject.find().await.map(|found| found.is_current);
    all.push(format!("is current: {is_current:?}"));
    all
}

#[tokio::test]
async fn all_stores_make_the_same_of_a_damaged_record() {
    each_server_async(async |server| {
        let (memory, redis) = (Subject::memory(), Subject::redis(server, false));
        for seed in seeds("CACHED_REDIS_CASES", 300) {
            let _replay = Replay(seed);
            let record = record(&mut Rng::with_seed(seed));
            let (here, there) = (verdicts(&memory, &record).await, verdicts(&redis, &record).await);
            for (here, there) in here.iter().zip(&there) {
                assert_eq!(here, there, "{record:?}");
            }
        }
    })
    .await;
}
