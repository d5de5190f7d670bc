//! What the options of an attribute come to: plain data that the generated code fills in.

use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::record::Compression;

/// Redis counts lives in whole milliseconds.
pub(crate) const MIN_LIFE: Duration = Duration::from_millis(1);

/// Absences are kept this long unless the function says otherwise (or its `ttl` is shorter).
const NEGATIVE_TTL: Duration = Duration::from_secs(60);

/// Of the early refresh where `stale` is on: reloads begin about one load time before they must.
const DEFAULT_BETA: f64 = 1.0;
const MOST_BETA: f64 = 10.0;

/// In less, a load cannot begin ahead of the end.
const EARLY_ROOM: Duration = Duration::from_secs(1);

/// Gives way to a shorter `load_timeout`.
const DEFAULT_LEASE: Duration = Duration::from_secs(10);

/// How one function is cached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// Fresh life of a value.
    pub ttl: Duration,
    /// Life of an absence; zero keeps none.
    pub negative_ttl: Duration,
    /// By up to this share a life is shortened, so that what was stored together does not expire
    /// together.
    pub jitter: f64,
    /// Life of a lease, renewed while the load runs; `None` loads without one over processes.
    pub lease: Option<Duration>,
    /// How long others wait for a load, and its lease is renewed.
    pub load_timeout: Duration,
    /// After its fresh life, a value is served for this long while one reload runs in the background.
    pub stale: Option<Duration>,
    /// After its fresh life, a value stands in for this long for a load that fails.
    pub stale_if_error: Option<Duration>,
    /// Beta of the early refresh: `Some(0.0)` for none, `None` for one where `stale` is on.
    pub early: Option<f64>,
    /// A load that takes longer ends in the last good value, if there is one, and goes on in the background.
    pub soft_timeout: Option<Duration>,
    /// A hit renews the fresh life.
    pub sliding: bool,
    /// For how long at most a copy in this process answers after an invalidation elsewhere.
    pub local: Option<Duration>,
    /// What the copies of this function may take; `None`: what those of the cache may take together.
    pub local_max_bytes: Option<u64>,
    /// Schema version by hand.
    pub version: u32,
    /// This call neither reads nor writes.
    pub bypass: bool,
    /// How values are compressed; `None`: as the cache does.
    pub compress: Option<Compression>,
    /// Whether values are encrypted; `None`: as the cache does.
    pub encrypt: Option<bool>,
    /// The largest value that is stored, in bytes as encoded, if that is less than the cache takes.
    pub max_value: Option<usize>,
}

impl Policy {
    /// The defaults for a given `ttl`.
    #[must_use]
    pub fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            negative_ttl: ttl.min(NEGATIVE_TTL),
            jitter: 0.1,
            lease: Some(DEFAULT_LEASE),
            load_timeout: Duration::from_secs(30),
            stale: None,
            stale_if_error: None,
            early: None,
            soft_timeout: None,
            sliding: false,
            local: None,
            local_max_bytes: None,
            version: 0,
            bypass: false,
            compress: None,
            encrypt: None,
            max_value: None,
        }
    }

    /// How long a value is kept beyond its fresh life.
    pub(crate) fn grace(&self) -> Duration {
        let grace = |window: Option<Duration>| window.unwrap_or_default();
        grace(self.stale).max(grace(self.stale_if_error))
    }

    /// Shortened at random, so that entries made together do not expire together.
    pub(crate) fn jittered(&self, ttl: Duration, max_ttl: Duration) -> Duration {
        let jitter = if self.jitter.is_finite() { self.jitter.clamp(0.0, 1.0) } else { 0.0 };
        let share = jitter * fastrand::f64();
        ttl.min(max_ttl).mul_f64(1.0 - share).max(MIN_LIFE)
    }

    /// Life of a lease, whether others wait for it or not: fencing needs one in any case.
    pub(crate) fn lease_life(&self, max_ttl: Duration) -> Duration {
        let longest = max_ttl.min(self.load_timeout);
        self.lease.unwrap_or(DEFAULT_LEASE).min(longest).max(MIN_LIFE)
    }

    /// The longest that anything of this policy can be readable whose load has begun by now: as long as others
    /// wait for that load, and a lease more, it may still be stored.
    pub(crate) fn longest_life(&self, max_ttl: Duration) -> Duration {
        let load = self.load_timeout.min(max_ttl).saturating_add(self.lease_life(max_ttl));
        let value = self.ttl.saturating_add(self.grace());
        load.saturating_add(value.max(self.negative_ttl).min(max_ttl))
    }

    /// When an invalidation that the server refuses for good is over, because what it was about has expired;
    /// `None` if hits keep that alive.
    pub(crate) fn life_after_invalidation(&self, max_ttl: Duration) -> Option<Duration> {
        (!self.sliding).then(|| self.longest_life(max_ttl))
    }

    /// Beta of the early refresh, if there is one.
    pub(crate) fn beta(&self) -> Option<f64> {
        let by_default = self.stale.map(|_| DEFAULT_BETA);
        self.early.or(by_default).filter(|beta| *beta > 0.0)
    }

    /// Whether readers have to know when the fresh life of a value ends.
    pub(crate) fn has_soft_deadline(&self) -> bool {
        self.sliding || self.local.is_some() || self.has_window()
    }

    /// What the macro could not see, because it comes from expressions.
    pub(crate) fn check(&self, max_ttl: Duration) -> Result<(), Error> {
        let wrong = |kind, message| Err(Error::new(kind, message));
        if self.ttl < MIN_LIFE || self.ttl > max_ttl {
            return wrong(
                ErrorKind::Ttl,
                "the ttl is below a millisecond or above the maximum of the cache",
            );
        }
        if self.ttl.checked_add(self.grace()).is_none_or(|life| life > max_ttl) {
            return wrong(
                ErrorKind::Ttl,
                "`ttl` and `stale` or `stale_if_error` together are above the maximum of the cache",
            );
        }
        if [self.stale, self.stale_if_error, self.soft_timeout].contains(&Some(Duration::ZERO)) {
            return wrong(
                ErrorKind::Policy,
                "`stale`, `stale_if_error` or `soft_timeout` is zero: leave it out instead",
            );
        }
        if self.load_timeout < MIN_LIFE {
            let message = "`load_timeout` is below a millisecond: nobody would wait for a load";
            return wrong(ErrorKind::Policy, message);
        }
        if !(0.0..=1.0).contains(&self.jitter) {
            return wrong(ErrorKind::Policy, "`jitter` is not a number from 0 to 1");
        }
        if self.lease == Some(Duration::ZERO) {
            return wrong(ErrorKind::Policy, "`lock` is zero: to go without, it is `false`");
        }
        if let (Some(stale), Some(if_error)) = (self.stale, self.stale_if_error)
            && if_error <= stale
        {
            return wrong(
                ErrorKind::Policy,
                "`stale_if_error` is not longer than `stale`, so it has no effect",
            );
        }
        if let Some(soft) = self.soft_timeout {
            if self.stale_if_error.is_none() {
                return wrong(
                    ErrorKind::Policy,
                    "`soft_timeout` without `stale_if_error` has nothing to answer with",
                );
            }
            if soft >= self.load_timeout {
                return wrong(ErrorKind::Policy, "`soft_timeout` is not below `load_timeout`");
            }
        }
        let is_given = |lease: &Duration| *lease != DEFAULT_LEASE;
        if self.lease.filter(is_given).is_some_and(|lease| lease > self.load_timeout) {
            return wrong(
                ErrorKind::Policy,
                "`lock` is longer than `load_timeout`: nobody would wait until it ends",
            );
        }
        if let Some(beta) = self.early {
            if !(0.0..=MOST_BETA).contains(&beta) {
                return wrong(ErrorKind::Policy, "`early` is not a number from 0 to 10");
            }
            if beta > 0.0 && self.ttl < EARLY_ROOM {
                return wrong(ErrorKind::Policy, "`early` with a `ttl` below a second has no room");
            }
        }
        if self.max_value == Some(0) {
            return wrong(ErrorKind::Policy, "`max_value` is zero: nothing would be stored");
        }
        if self.sliding && self.has_window() {
            return wrong(
                ErrorKind::Policy,
                "`sliding` cannot be combined with `stale`, `early` or `stale_if_error`",
            );
        }
        match self.local {
            Some(Duration::ZERO) => {
                wrong(ErrorKind::Policy, "`local` is zero: leave it out, and nothing is copied")
            }
            Some(bound) if bound > self.ttl => wrong(
                ErrorKind::Policy,
                "`local` is longer than `ttl`, which bounds how old a value gets already",
            ),
            Some(_) if self.sliding => wrong(
                ErrorKind::Policy,
                "`sliding` cannot be combined with `local`: a copy that answers renews nothing",
            ),
            _ => Ok(()),
        }
    }

    fn has_window(&self) -> bool {
        self.beta().is_some() || !self.grace().is_zero()
    }
}

/// What an option that wants a length of time accepts: a [`Duration`] or a whole number of
/// seconds.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a length of time",
    label = "expected a `Duration` or a whole number of seconds",
    note = "write seconds (`ttl = 600`), a text (`ttl = \"10m\"`) or an expression of type `std::time::Duration`"
)]
pub trait IntoDuration {
    /// The length of time. A negative number of seconds is none, which no option accepts.
    fn into_duration(self) -> Duration;
}

impl IntoDuration for Duration {
    fn into_duration(self) -> Duration {
        self
    }
}

macro_rules! seconds {
    ($($number:ty),*) => {$(
        impl IntoDuration for $number {
            fn into_duration(self) -> Duration {
                Duration::from_secs(u64::try_from(self).unwrap_or(0))
            }
        }
    )*};
}

seconds!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);
