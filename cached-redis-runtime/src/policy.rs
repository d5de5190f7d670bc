//! What the options of an attribute come to: plain data that the generated code fills in.

use std::time::Duration;

/// Redis counts lives in whole milliseconds.
pub(crate) const MIN_LIFE: Duration = Duration::from_millis(1);

/// Absences are kept this long unless the function says otherwise (or its `ttl` is shorter).
const NEGATIVE_TTL: Duration = Duration::from_secs(60);

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
    /// Schema version by hand.
    pub version: u32,
    /// This call neither reads nor writes.
    pub bypass: bool,
}

impl Policy {
    /// The defaults for a given `ttl`.
    #[must_use]
    pub fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            negative_ttl: ttl.min(NEGATIVE_TTL),
            jitter: 0.1,
            lease: Some(Duration::from_secs(10)),
            load_timeout: Duration::from_secs(30),
            version: 0,
            bypass: false,
        }
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
