//! What tests that search at random share: seeds, and bytes that were right.
//!
//! `CACHED_REDIS_SEED=n` replays one case; the seeds are those of one test, so name it.

use std::ops::Range;
use std::thread;

use fastrand::Rng;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The seed that is to be replayed, or as many as the variable says.
pub fn seeds(variable: &str, default: u64) -> Range<u64> {
    match from_environment("CACHED_REDIS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..from_environment(variable).unwrap_or(default),
    }
}

/// Whether only one is to be tried: what holds of many need not hold of it.
pub fn is_replay(seeds: &Range<u64>) -> bool {
    seeds.end - seeds.start == 1
}

/// Says on its way out of a panic how to get there again.
pub struct Replay(pub u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("replay with CACHED_REDIS_SEED={}", self.0);
        }
    }
}

/// Up to three changes of bytes that were right, most of them near their beginning.
pub fn damaged(mut bytes: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
    for _ in 0..rng.usize(0..=3) {
        let near = bytes.len().min(rng.choice([8, 64, usize::MAX]).unwrap_or(8));
        let at = rng.usize(0..=near);
        let any = rng.u8(..);
        let odd =
            rng.choice([0, 1, 2, 7, 8, 9, 0x7f, 0x80, 0xff, b'L', b'S', b'V', any]).unwrap_or(any);
        match rng.u8(..8) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, odd),
            2 => drop(bytes.drain(at..(at + rng.usize(..40)).min(bytes.len()))),
            3 => bytes.extend(std::iter::repeat_n(odd, rng.usize(..300))),
            4 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << rng.u8(..8);
                }
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = odd;
                }
            }
        }
    }
    bytes
}
