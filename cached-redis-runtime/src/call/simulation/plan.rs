//! What one schedule is made of.

use std::time::Duration;

use super::millis;
use super::value::Value;
use crate::policy::Policy;

/// How many entries there are.
pub(super) const KEYS: usize = 2;

/// For how long copies answer at most after an invalidation elsewhere.
pub(super) const LONGEST_BOUND: Duration = Duration::from_millis(60);

/// One schedule's conditions.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) options: [Options; KEYS],
    /// Messages take time.
    pub(super) is_slow: bool,
    /// The store has faults.
    pub(super) has_faults: bool,
    /// Loads fail at times.
    pub(super) has_failures: bool,
    pub(super) ending: Ending,
    /// How half of the writes go about it, so that a few schedules have much of one kind.
    favourite: Write,
    /// Nearly everything concerns one entry.
    is_hot: bool,
    /// How many of a hundred reads are of all entries at once.
    batches: u32,
}

/// How a write sees to the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// It invalidates afterwards.
    Invalidate,
    /// It holds a guard.
    Guard,
    /// It stores what it has made.
    Update,
    /// No write: the entry is marked stale.
    Expire,
}

impl Write {
    fn random() -> Self {
        let all = [
            Self::Invalidate,
            Self::Invalidate,
            Self::Guard,
            Self::Guard,
            Self::Update,
            Self::Expire,
        ];
        all[fastrand::usize(..all.len())]
    }
}

/// What becomes of one of the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It stays to the end.
    Stays,
    /// It is killed, and replaced.
    Crash,
    /// It is shut down, and replaced.
    Restart,
}

/// How one entry is cached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    policy: Policy,
    /// With a tag from the arguments.
    pub(super) shelf: bool,
    /// With a tag from the value.
    pub(super) brands: bool,
    /// With `ttl_with`.
    own_life: bool,
}

impl Plan {
    pub(super) fn random() -> Self {
        let ending = [Ending::Stays, Ending::Stays, Ending::Crash, Ending::Restart];
        Self {
            options: std::array::from_fn(|_| Options::random()),
            is_slow: fastrand::bool(),
            has_faults: fastrand::u32(..3) == 0,
            has_failures: fastrand::bool(),
            ending: ending[fastrand::usize(..ending.len())],
            favourite: Write::random(),
            is_hot: fastrand::bool(),
            batches: [0, 30, 100][fastrand::usize(..3)],
        }
    }

    pub(super) fn key(&self) -> usize {
        if self.is_hot && fastrand::u32(..8) != 0 { 0 } else { fastrand::usize(..KEYS) }
    }

    /// Whether the next read is of all entries.
    pub(super) fn is_batch(&self) -> bool {
        fastrand::u32(..100) < self.batches
    }

    pub(super) fn write(&self) -> Write {
        if fastrand::bool() { self.favourite } else { Write::random() }
    }

    /// Beyond the life of a value, until it has come to the store or to its reader.
    pub(super) fn slack(&self) -> Duration {
        match (self.has_faults, self.is_slow) {
            // Two budgets, and a delay that has been begun.
            (true, _) => Duration::from_millis(230),
            (false, true) => Duration::from_millis(25),
            (false, false) => Duration::from_millis(1),
        }
    }
}

impl Options {
    fn random() -> Self {
        let short = Policy::new(millis(20..150));
        let (stale, if_error) = (Some(millis(20..200)), Some(millis(200..500)));
        let soft_timeout = fastrand::bool().then(|| millis(3..20));
        let policy = match fastrand::u32(..8) {
            0 => short,
            1 => Policy { stale, ..short },
            2 => Policy { stale_if_error: if_error, soft_timeout, ..short },
            3 => Policy { stale, stale_if_error: if_error, soft_timeout, ..short },
            4 => Policy { sliding: true, ..short },
            5 => Policy { early: Some(3.0), ..short },
            _ => Policy::new(Duration::from_secs(600)),
        };
        Self {
            policy: Policy {
                jitter: if fastrand::bool() { 0.1 } else { 0.0 },
                #[cfg(feature = "local")]
                local: (!policy.sliding && fastrand::bool()).then(|| bound(policy.ttl)),
                ..policy
            },
            shelf: fastrand::bool(),
            brands: fastrand::bool(),
            own_life: !policy.sliding && fastrand::u32(..4) == 0,
        }
    }

    /// As one call has it: callers need not agree on how long they wait.
    pub(super) fn policy(&self) -> Policy {
        Policy {
            lease: fastrand::bool().then(|| millis(2..60)),
            load_timeout: millis(60..200),
            ..self.policy
        }
    }

    /// For how long a copy answers at most after an invalidation elsewhere.
    pub(super) fn bound(&self) -> Duration {
        self.policy.local.unwrap_or_default()
    }

    pub(super) fn is_sliding(&self) -> bool {
        self.policy.sliding
    }

    pub(super) fn soft_timeout(&self) -> Option<Duration> {
        self.policy.soft_timeout
    }

    /// Whether loads can outlive their calls.
    pub(super) fn runs_behind(&self) -> bool {
        self.policy.beta().is_some()
            || self.policy.stale.is_some()
            || self.policy.soft_timeout.is_some()
    }

    /// Fresh life of a value, at most.
    pub(super) fn life(&self, value: Value) -> Duration {
        match (self.own_life, value.version() % 4) {
            (true, 0) => Duration::ZERO,
            (true, 1) => self.policy.ttl / 2,
            _ => self.policy.ttl,
        }
    }

    /// How long a value may be served after its fresh life.
    pub(super) fn stale(&self) -> Duration {
        self.policy.stale.unwrap_or_default()
    }

    /// How long it may stand in for a load that failed or was slow, and how long nobody tries again.
    pub(super) fn if_error(&self) -> Option<(Duration, Duration)> {
        Some((self.policy.stale_if_error?, self.policy.grace() / 4))
    }
}

/// No longer than a value is fresh.
#[cfg(feature = "local")]
fn bound(ttl: Duration) -> Duration {
    let longest = ttl.min(LONGEST_BOUND).as_millis();
    millis(10..u64::try_from(longest).unwrap_or(u64::MAX))
}
