//! Options that come from expressions and contradict each other: calls run their bodies.

use std::time::Duration;

use super::{MILLI, SECOND, Subject};
use crate::policy::Policy;

const TTL: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn contradictions_cost_hits_not_answers() {
    let base = || Subject::with_policy(Policy::new(TTL)).policy;
    let contradictions = [
        ("zero stale", Policy { stale: Some(Duration::ZERO), ..base() }),
        ("zero stale_if_error", Policy { stale_if_error: Some(Duration::ZERO), ..base() }),
        (
            "stale_if_error within stale",
            Policy { stale: Some(TTL), stale_if_error: Some(TTL), ..base() },
        ),
        ("soft_timeout alone", Policy { soft_timeout: Some(SECOND), ..base() }),
        (
            "zero soft_timeout",
            Policy { stale_if_error: Some(TTL), soft_timeout: Some(Duration::ZERO), ..base() },
        ),
        (
            "soft_timeout of a load_timeout",
            Policy {
                stale_if_error: Some(TTL),
                soft_timeout: Some(30 * SECOND),
                load_timeout: 30 * SECOND,
                ..base()
            },
        ),
        (
            "lock beyond load_timeout",
            Policy { lease: Some(SECOND + MILLI), load_timeout: SECOND, ..base() },
        ),
        ("early below zero", Policy { early: Some(-1.0), ..base() }),
        ("early of no number", Policy { early: Some(f64::NAN), ..base() }),
        ("early beyond all", Policy { early: Some(10.1), ..base() }),
        (
            "early without room",
            Policy { early: Some(1.0), ttl: SECOND - MILLI, negative_ttl: SECOND, ..base() },
        ),
        ("zero load_timeout", Policy { load_timeout: Duration::ZERO, ..base() }),
        ("jitter below zero", Policy { jitter: -0.1, ..base() }),
        ("jitter of no number", Policy { jitter: f64::NAN, ..base() }),
        ("jitter of more than all", Policy { jitter: 1.1, ..base() }),
        ("sliding and stale", Policy { sliding: true, stale: Some(TTL), ..base() }),
        ("sliding and early", Policy { sliding: true, early: Some(1.0), ..base() }),
        (
            "sliding and stale_if_error",
            Policy { sliding: true, stale_if_error: Some(TTL), ..base() },
        ),
    ];
    for (name, policy) in contradictions {
        let subject = Subject { policy, ..Subject::new() };
        assert_eq!(subject.behind(1, Duration::ZERO, Ok(1)).await, Ok(1), "{name}");
        assert_eq!(subject.behind(1, Duration::ZERO, Ok(2)).await, Ok(2), "{name}");
        assert_eq!(subject.stats().errors.get("policy"), Some(&2), "{name}");
        assert!(subject.store().is_empty(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_life_with_its_grace_is_below_the_longest() {
    let day = Duration::from_secs(24 * 3600);
    for (stale, stale_if_error, is_good) in [
        (Some(20 * day), None, true),
        (Some(20 * day + SECOND), None, false),
        (None, Some(20 * day), true),
        (None, Some(20 * day + SECOND), false),
        (Some(Duration::MAX), None, false),
    ] {
        let policy = Policy { stale, stale_if_error, ..Policy::new(10 * day) };
        let subject = Subject::with_policy(policy);
        subject.behind(1, Duration::ZERO, Ok(1)).await.ok();
        let expected = u64::from(!is_good);
        assert_eq!(subject.stats().errors.get("ttl").copied().unwrap_or(0), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_contradict_itself_is_cached() {
    let policy = Policy {
        stale: Some(TTL),
        stale_if_error: Some(2 * TTL),
        soft_timeout: Some(SECOND),
        early: Some(2.0),
        ..Policy::new(TTL)
    };
    let subject = Subject::with_policy(policy);
    assert_eq!(subject.behind(1, Duration::ZERO, Ok(1)).await, Ok(1));
    assert_eq!(subject.behind(1, Duration::ZERO, Ok(2)).await, Ok(1));
}
