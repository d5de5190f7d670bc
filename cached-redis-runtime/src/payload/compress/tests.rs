use cached_redis_test_support::hunt::{Replay, damaged, seeds};
use fastrand::Rng;

use super::{SHORTEST, pack, unpack};
use crate::payload::seal::Unopened;
use crate::record::Compression;

const ALL: [Compression; 2] = [Compression::Lz4, Compression::Zstd];
const LONGEST: usize = 1 << 20;

fn text(length: usize) -> Vec<u8> {
    b"all work and no play ".iter().copied().cycle().take(length).collect()
}

#[test]
fn what_is_long_and_repeats_itself_is_compressed() {
    for compression in ALL {
        let packed = pack(compression, &text(SHORTEST)).expect("packed").expect("worth it");
        assert!(packed.len() < SHORTEST / 2);
        assert_eq!(unpack(compression, &packed, LONGEST), Ok(text(SHORTEST)));
        assert_eq!(pack(compression, &text(SHORTEST - 1)).expect("short"), None);
        let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(100_000).collect();
        assert_eq!(pack(compression, &noise).expect("noise"), None, "it would save nothing");
    }
    assert_eq!(pack(Compression::None, &text(10_000)).expect("nothing to do"), None);
}

#[test]
fn a_bomb_is_not_unpacked() {
    for compression in ALL {
        let packed = pack(compression, &vec![0; 64 << 20]).expect("packed").expect("worth it");
        assert_eq!(unpack(compression, &packed, LONGEST), Err(Unopened::Damaged));
        // A prefix that says less than there is, or more.
        for length in [0_u32, 1, 1 << 20] {
            let lie = [&length.to_le_bytes(), &packed[4..]].concat();
            assert_eq!(unpack(compression, &lie, LONGEST), Err(Unopened::Damaged), "{length}");
        }
        let lie = [&(LONGEST as u32).to_le_bytes(), &packed[4..12]].concat();
        assert_eq!(unpack(compression, &lie, LONGEST), Err(Unopened::Damaged));
    }
}

#[test]
fn rubbish_is_not_unpacked() {
    let packed = ALL.map(|compression| {
        let packed = pack(compression, &text(3_000)).expect("packed").expect("worth it");
        (compression, packed)
    });
    for seed in seeds("CACHED_REDIS_CASES", 2_000) {
        let _replay = Replay(seed);
        let rng = &mut Rng::with_seed(seed);
        for (compression, packed) in &packed {
            if let Ok(payload) = unpack(*compression, &damaged(packed.clone(), rng), LONGEST) {
                assert!(payload.len() <= LONGEST);
            }
        }
    }
}
