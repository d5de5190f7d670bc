//! Entries that are damaged, or that are others' entries: they cost a load, and give no value that this
//! function has not stored. `CACHED_REDIS_CASES=n` tries more of them, `CACHED_REDIS_SEED=n` one again.

use fastrand::Rng;
use tokio::time::timeout;

use super::*;
use crate::group::Group;
use cached_redis_test_support::hunt::{Replay, damaged, is_replay, seeds};

static OTHER: Function = Function::new("test", "other", "other", "id");

#[test]
fn a_damaged_entry_is_no_answer() {
    let seeds = seeds("CACHED_REDIS_CASES", 2_000);
    let mut hits = 0;
    for seed in seeds.clone() {
        let _replay = Replay(seed);
        fastrand::seed(seed);
        hits += u64::from(paused_runtime().block_on(damage(&mut Rng::with_seed(seed))));
    }
    assert!(
        is_replay(&seeds) || hits > (seeds.end - seeds.start) / 10,
        "hardly any is an answer: {hits}"
    );
}

fn policy(rng: &mut Rng) -> Policy {
    Policy {
        stale: rng.bool().then_some(10 * SECOND),
        stale_if_error: rng.bool().then_some(20 * SECOND),
        early: rng.bool().then_some(10.0),
        ..Policy::new(10 * SECOND)
    }
}

/// Whether it was an answer all the same: it is not always damaged.
async fn damage(rng: &mut Rng) -> bool {
    let mut subject = Subject::with_policy(policy(rng));
    subject.tags = vec!["a:1".to_owned(), "b".to_owned()];
    subject.brands = rng.bool();
    let key = subject.key(1);
    let store = subject.cache.memory_store().expect("in-process");
    assert_eq!(subject.with(1, async { Ok(10) }).await, Ok(10));
    let sound = store.get_raw(&key).expect("a value");
    let bytes = match rng.u8(..8) {
        0 => of_another(&subject).await,
        1 => {
            let mut lease = sound[..usize::from(sound[7]) * 8].to_vec();
            lease[3] = b'L';
            lease
        }
        2 => {
            let mut stale = sound.clone();
            stale[3] = b'S';
            stale
        }
        _ => sound.clone(),
    };
    let bytes = damaged(bytes, rng);
    store.set_raw(&key, bytes.clone(), 60 * SECOND);
    sleep(SECOND * rng.u32(..25)).await;
    let answer = timeout(120 * SECOND, subject.behind(1, LOAD, Ok(99))).await.expect("an answer");
    let is_hit = answer != Ok(99);
    if is_hit {
        let value = answer.expect("a value");
        assert!(is_ours(&bytes, &sound, value), "{value} of {bytes:?}, where {sound:?} was stored");
    }
    subject.settle().await;
    subject.invalidate(1).await.expect("a store");
    assert_eq!(subject.with(1, async { Ok(7) }).await, Ok(7));
    assert_eq!(subject.with(1, async { Ok(8) }).await, Ok(7), "nothing is left behind");
    is_hit
}

/// What another function of the same type and tags has stored.
async fn of_another(subject: &Subject) -> Vec<u8> {
    let call = || {
        let mut key = OTHER.key("here", &[]);
        key.part(&1_u64);
        Call::new(&OTHER, key.finish(), subject.policy, subject.handle())
            .tagged(subject.tags.clone())
    };
    let key = subject.cache.core().key(&OTHER, &call().key).expect("a key");
    assert_eq!(call().run(subject.outcome(), || async { Ok(30) }).await, Ok(30));
    let store = subject.cache.memory_store().expect("in-process");
    store.get_raw(&key).expect("a value")
}

/// Whether these bytes say of themselves that this function has stored this value. What is not said is
/// whether the payload is intact: nobody but the server can change it.
fn is_ours(bytes: &[u8], sound: &[u8], value: u64) -> bool {
    let end = usize::from(bytes[7]) * 8;
    let stamps = |record: &[u8], end: usize| -> Vec<Vec<u8>> {
        record[64..end].chunks_exact(32).map(<[u8]>::to_vec).collect()
    };
    let group = Group::function("test", "load").key("");
    let has_function = stamps(bytes, end).iter().any(|stamp| {
        let hash: String = stamp[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        group.contains(&hash)
    });
    let known = stamps(sound, usize::from(sound[7]) * 8);
    let are_current = stamps(bytes, end).iter().all(|stamp| known.contains(stamp));
    bytes.starts_with(b"CR\x01")
        && matches!(bytes[3], b'V' | b'S')
        && bytes[4..7] == [0, 1, 0]
        && bytes[60] <= 1
        && bytes[61..64] == [0; 3]
        && bytes[8..16] == sound[8..16]
        && has_function
        && are_current
        && serde_json::from_slice::<u64>(&bytes[end..]).is_ok_and(|stored| stored == value)
}
