//! Many keys that were filled in one instant: when they are loaded again.

use std::time::Duration;

use tokio::time::sleep;

use super::Subject;
use crate::policy::Policy;

const KEYS: u64 = 10_000;
const TTL: Duration = Duration::from_secs(100);
/// A tenth of a slice of one percent.
const STEP: Duration = Duration::from_millis(100);
const STEPS: u64 = 1000;

/// Fills all keys at once, then reads them evenly, each once in so many steps; the largest share of
/// them that was loaded again within one percent of the TTL.
async fn largest_slice(jitter: f64, period: u64) -> f64 {
    let subject = Subject { policy: Policy { jitter, ..Policy::new(TTL) }, ..Subject::new() };
    for id in 0..KEYS {
        subject.with(id, async { Ok(0) }).await.ok();
    }
    // Before that all are hits.
    let first = (STEPS as f64 * (1.0 - jitter)) as u64 - 1;
    sleep(STEP * u32::try_from(first).expect("small")).await;
    let mut left: Vec<bool> = vec![true; KEYS as usize];
    let mut slices = vec![0_u64; 120];
    for step in first..STEPS + period {
        for id in (step % period..KEYS).step_by(period as usize) {
            let is_left = &mut left[id as usize];
            if *is_left && subject.with(id, async { Ok(1) }).await == Ok(1) {
                *is_left = false;
                slices[(step / 10) as usize] += 1;
            }
        }
        sleep(STEP).await;
    }
    assert_eq!(slices.iter().sum::<u64>(), KEYS, "each was loaded again");
    slices.into_iter().max().unwrap_or(0) as f64 / KEYS as f64
}

#[tokio::test(start_paused = true)]
async fn without_jitter_they_are_loaded_again_together() {
    let share = largest_slice(0.0, 10).await;
    assert!(share > 0.85, "{share}");
}

#[tokio::test(start_paused = true)]
async fn with_the_default_they_are_spread_over_a_tenth_of_their_life() {
    let share = largest_slice(Policy::new(TTL).jitter, 10).await;
    assert!(share <= 0.12, "{share}");
}

#[tokio::test(start_paused = true)]
async fn with_more_jitter_they_are_spread_further() {
    let share = largest_slice(0.5, 50).await;
    assert!(share <= 0.03, "{share}");
}
