//! How fresh a stored value is, and what that allows.

use std::time::Duration;

use crate::lease::LeaseId;
use crate::policy::Policy;
use crate::record::{Header, Kind, State};

/// Values that were made together and are read often: the lease admits one reload, so the earliest
/// of many callers decides. Without a bound they would reload ever earlier the more of them there
/// are, so the window for it opens at this share of the life, or at this many load times if that is
/// more.
pub(crate) const WINDOW_SHARE: u32 = 10;
const WINDOW_LOADS: f64 = 1.1;

/// What may be done with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Answer with it.
    Fresh,
    /// Answer with it; it is time to reload it.
    Early,
    /// Its fresh life is over. Answer with it, and reload it.
    Stale,
    /// Load, and answer with it if that fails.
    Fallback,
    /// Nothing.
    Over,
    /// The server has to say: its clock is not known here.
    Unknown,
}

/// Of a value with this header, at this time of the server's clock.
pub(crate) fn freshness(header: &Header, now: Option<u64>, policy: &Policy) -> Freshness {
    let soft = match (header.state, header.soft) {
        (State::Lease, _) => return Freshness::Over,
        // It ends with its entry.
        (State::Value, None) => return Freshness::Fresh,
        (State::Stale, None) => return Freshness::Over,
        (_, Some(soft)) => soft,
    };
    let Some(now) = now else { return Freshness::Unknown };
    if header.state == State::Value && now < soft {
        let is_early = policy.beta().is_some_and(|beta| {
            let left = Duration::from_millis(soft - now);
            is_early(left, header.load, policy.ttl, beta, fastrand::f64())
        });
        return if is_early { Freshness::Early } else { Freshness::Fresh };
    }
    let overdue = Duration::from_millis(now.saturating_sub(soft));
    let within = |window: Option<Duration>| window.is_some_and(|window| overdue < window);
    if header.kind == Kind::Absence {
        Freshness::Over
    } else if within(policy.stale) {
        Freshness::Stale
    } else if within(policy.stale_if_error) {
        Freshness::Fallback
    } else {
        Freshness::Over
    }
}

/// For how long a value is [`Fresh`](Freshness::Fresh) from now on, whoever draws; `None` if that is not known.
#[cfg(feature = "local")]
pub(crate) fn fresh_for(header: &Header, now: u64, policy: &Policy) -> Option<Duration> {
    let soft = header.soft.filter(|_| header.state == State::Value)?;
    let left = Duration::from_millis(soft.saturating_sub(now));
    let window = policy
        .beta()
        .map_or(Duration::ZERO, |beta| window(early_load(header.load, beta), policy.ttl));
    Some(left.saturating_sub(window))
}

/// Whether the value is due for a sliding renewal: at most ten of them in a life. Absences are not, although a refresh
/// gives them a deadline; nor is what is about to be replaced.
pub(crate) fn is_touch_due(header: &Header, now: Option<u64>, policy: &Policy) -> bool {
    let (true, Some(soft), Some(now)) = (policy.sliding, header.soft, now) else { return false };
    if header.kind == Kind::Absence || is_busy(header, Some(now)) {
        return false;
    }
    Duration::from_millis(soft.saturating_sub(now)) < policy.ttl - policy.ttl / WINDOW_SHARE
}

/// Whether somebody reloads the value, or has tried in vain and nobody is to try yet.
pub(crate) fn is_busy(header: &Header, now: Option<u64>) -> bool {
    now.is_some_and(|now| header.refresh > now)
}

/// Whether a value of this freshness answers a call.
pub(crate) fn answers(freshness: Freshness, header: &Header, now: Option<u64>) -> bool {
    match freshness {
        Freshness::Fresh | Freshness::Early | Freshness::Stale => true,
        // A load has failed shortly before.
        Freshness::Fallback => is_busy(header, now) && header.lease == LeaseId::NONE,
        Freshness::Over | Freshness::Unknown => false,
    }
}

/// XFetch (Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB
/// 2015): the chance grows with the time that a load takes and with the nearness of the end.
fn is_early(left: Duration, load: Duration, ttl: Duration, beta: f64, random: f64) -> bool {
    let load = early_load(load, beta);
    let window = window(load, ttl);
    // The logarithm of zero is infinite, which is early enough.
    left <= window && load.as_secs_f64() * -random.ln() >= left.as_secs_f64()
}

/// A load as long as it counts.
fn early_load(load: Duration, beta: f64) -> Duration {
    // What `Policy::check` refuses must not panic here either.
    Duration::try_from_secs_f64(load.as_secs_f64() * beta).unwrap_or(Duration::ZERO)
}

/// Nobody is early before that.
fn window(load: Duration, ttl: Duration) -> Duration {
    let loads = Duration::try_from_secs_f64(load.as_secs_f64() * WINDOW_LOADS);
    (ttl / WINDOW_SHARE).max(loads.unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Freshness, freshness, is_early, is_touch_due};
    use crate::policy::Policy;
    use crate::record::{self, Codec, Header, Kind};
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    fn header(kind: Kind, soft: u64, is_stale: bool) -> Header {
        let mut record = record::value(kind, Codec::Json, 1);
        record::set_soft(&mut record, Some(soft));
        record::set_stale(&mut record, is_stale);
        Header::read(&record).expect("ours")
    }

    fn policy() -> Policy {
        Policy {
            stale: Some(5 * SECOND),
            stale_if_error: Some(60 * SECOND),
            early: Some(0.0),
            ..Policy::new(10 * SECOND)
        }
    }

    #[test]
    fn a_value_ages_step_by_step() {
        let header = header(Kind::Value, 10_000, false);
        let at = |now| freshness(&header, Some(now), &policy());
        assert_eq!(at(9_999), Freshness::Fresh);
        assert_eq!(at(10_000), Freshness::Stale);
        assert_eq!(at(14_999), Freshness::Stale);
        assert_eq!(at(15_000), Freshness::Fallback);
        assert_eq!(at(69_999), Freshness::Fallback);
        assert_eq!(at(70_000), Freshness::Over);
        assert_eq!(freshness(&header, None, &policy()), Freshness::Unknown);
    }

    #[test]
    fn without_options_its_life_ends_at_once() {
        let policy = Policy::new(10 * SECOND);
        let at = |header: Header| freshness(&header, Some(10_000), &policy);
        assert_eq!(at(header(Kind::Value, 10_000, false)), Freshness::Over);
        assert_eq!(at(header(Kind::Value, 0, false)), Freshness::Fresh);
        assert_eq!(at(header(Kind::Value, 0, true)), Freshness::Over);
    }

    #[test]
    fn a_value_marked_stale_is_stale_before_its_time() {
        let at = |kind| freshness(&header(kind, 10_000, true), Some(1), &policy());
        assert_eq!(at(Kind::Value), Freshness::Stale);
        assert_eq!(at(Kind::Absence), Freshness::Over);
    }

    #[test]
    fn the_chance_of_an_early_reload_grows_towards_the_end() {
        let load = Duration::from_millis(100);
        let chance = |left: Duration| {
            let draws = 1..1000;
            draws.filter(|n| is_early(left, load, 10 * SECOND, 1.0, f64::from(*n) / 1000.0)).count()
        };
        assert_eq!(chance(Duration::ZERO), 999);
        let (near, far) = (chance(Duration::from_millis(50)), chance(Duration::from_millis(200)));
        assert!((590..620).contains(&near), "exp(-1/2): {near}");
        assert!((130..140).contains(&far), "exp(-2): {far}");
        // However many draw, nobody is early outside of the window.
        assert!(!is_early(SECOND + load, load, 10 * SECOND, 1.0, 0.0));
        assert!(is_early(SECOND, load, 10 * SECOND, 1.0, 0.0));
    }

    #[test]
    fn a_beta_that_is_no_number_does_not_panic() {
        for beta in [f64::INFINITY, f64::NAN, f64::MAX, -1.0] {
            is_early(SECOND, SECOND, 10 * SECOND, beta, 0.5);
        }
    }

    #[test]
    fn a_sliding_value_is_renewed_once_in_a_tenth_of_its_life() {
        let policy = Policy { sliding: true, ..Policy::new(10 * SECOND) };
        let header = header(Kind::Value, 10_000, false);
        assert!(!is_touch_due(&header, Some(1_000), &policy));
        assert!(is_touch_due(&header, Some(1_001), &policy));
        assert!(!is_touch_due(&header, Some(5_000), &Policy::new(10 * SECOND)));
    }
}
