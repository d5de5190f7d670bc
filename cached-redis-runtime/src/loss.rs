//! Silent losses: what goes wrong without an error that a caller could see. Each kind is logged once per function
//! and hour, and [`Cache::health`](crate::Cache::health) lists them all.

pub(crate) mod cold;
pub(crate) mod failures;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub(crate) use cold::Cold;

use crate::telemetry::event;

/// A kind of silent loss: the cache costs more than it should, or does not do what it is there for, and no caller
/// gets an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Loss {
    /// No cache was chosen, so every call loads.
    NoCache,
    /// The server is one of a cluster, and the cache was set up for a single server: every call loads.
    Cluster,
    /// No copies are kept in the process, because the cache is on a cluster: functions with `local` read from it.
    NoCopies,
    /// The options of a function contradict each other or are out of range, so its calls are not cached.
    Options,
    /// Arguments give no key, so these calls are not cached.
    NoKey,
    /// Values cannot be encoded, so they are not stored.
    NotEncoded,
    /// Values are larger than the cache takes, so they are not stored.
    TooLarge,
    /// What is stored does not read back as what the function returned.
    Unfaithful,
    /// Entries are found and cannot be read.
    Unreadable,
    /// The function is cached and never hits.
    NeverHits,
    /// The server answers commands with errors.
    ServerError,
    /// The server does not report changes of groups, so every hit reads a second key.
    Untracked,
    /// A batch function returns values that do not fit the ids that it got.
    Batch,
    /// Loads in the background fail.
    FailedReload,
    /// Writes run without their guard.
    Unguarded,
    /// Writes in transactions remove entries before the commit.
    Uncommitted,
    /// The server refuses to remove entries.
    Refused,
    /// Failed invalidations are no longer retried, because too many were waiting.
    GivenUp,
}

impl Loss {
    /// Its name in events, and for a label of a metric.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoCache => "no_cache",
            Self::Cluster => "cluster",
            Self::NoCopies => "no_copies",
            Self::Options => "options",
            Self::NoKey => "no_key",
            Self::NotEncoded => "not_encoded",
            Self::TooLarge => "too_large",
            Self::Unfaithful => "unfaithful",
            Self::Unreadable => "unreadable",
            Self::NeverHits => "never_hits",
            Self::ServerError => "server_error",
            Self::Untracked => "untracked",
            Self::Batch => "batch",
            Self::FailedReload => "failed_reload",
            Self::Unguarded => "unguarded",
            Self::Uncommitted => "uncommitted",
            Self::Refused => "refused",
            Self::GivenUp => "given_up",
        }
    }

    /// What it means, in a few words.
    const fn meaning(self) -> &'static str {
        match self {
            Self::NoCache => "no cache was chosen, every call loads",
            Self::Cluster => "the server is one of a cluster, every call loads",
            Self::NoCopies => "no copies are kept in the process, every hit reads from the cluster",
            Self::Options => "the options of this function do not fit, its calls are not cached",
            Self::NoKey => "arguments give no key, these calls are not cached",
            Self::NotEncoded => "values cannot be encoded, they are not stored",
            Self::TooLarge => "values are too large, they are not stored",
            Self::Unfaithful => "what is stored does not read back as what the function returned",
            Self::Unreadable => "entries are found and cannot be read",
            Self::NeverHits => "this function is cached and never hits",
            Self::ServerError => "the cache server answers with errors",
            Self::Untracked => "the server does not report changes, every hit reads a second key",
            Self::Batch => "a batch function returns values that do not fit its ids",
            Self::FailedReload => "loads in the background fail, and no caller sees the error",
            Self::Unguarded => "writes run without their guard",
            Self::Uncommitted => "writes in transactions remove entries before the commit",
            Self::Refused => {
                "the server refuses to remove entries, other processes may read old values"
            }
            Self::GivenUp => "invalidations are given up, other processes may read old values",
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.meaning())
    }
}

/// A silent loss that a cache has seen since it was built.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SilentLoss {
    /// What is lost.
    pub kind: Loss,
    /// The function as `prefix:name`; `None` if it concerns the whole cache.
    pub function: Option<String>,
    /// How often.
    pub count: u64,
    /// How long ago it was seen first.
    pub since: Duration,
    /// How long ago it was seen last. It may be over by now.
    pub last_seen: Duration,
    /// What to do about it. Never contains a key, an argument, a value or a URL.
    pub advice: String,
}

impl fmt::Display for SilentLoss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(function) = &self.function {
            write!(formatter, "{function}: ")?;
        }
        write!(formatter, "{}: {}", self.kind, self.advice)
    }
}

/// Between two warnings of one kind about one function.
const QUIET: Duration = Duration::from_secs(60 * 60);

/// The longest advice that is kept, in bytes: it may name a type.
const LONGEST_ADVICE: usize = 1024;

/// Its prefix and name.
type FunctionName = (&'static str, &'static str);

/// The silent losses of one cache: one record for each kind and function, so there are as many as the program has
/// functions, whatever it is called with.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    seen: Mutex<BTreeMap<(Option<FunctionName>, Loss), Seen>>,
}

#[derive(Debug)]
struct Seen {
    count: u64,
    first: Instant,
    last: Instant,
    logged: Instant,
    advice: String,
}

impl Losses {
    /// Reports a loss of a function (`prefix`, `name`), or of the whole cache. `detail` says what to do
    /// about it, and never contains a key, an argument, a value or a URL.
    pub(crate) fn report(&self, loss: Loss, function: Option<FunctionName>, detail: &str) {
        self.report_with(loss, function, || detail.to_owned());
    }

    /// The same with a text that is made only if it is logged: a loss may be seen at every call.
    pub(crate) fn report_with(
        &self,
        loss: Loss,
        function: Option<FunctionName>,
        detail: impl FnOnce() -> String,
    ) {
        let Some((count, advice)) = self.note(loss, function, detail) else { return };
        // Not under the lock: a subscriber may ask for the cache's health.
        let (prefix, name) = function.unzip();
        event!(warn, loss = loss.as_str(), prefix, name, count, "{loss}: {advice}");
    }

    /// Counts a loss; what to log, if it is time.
    fn note(
        &self,
        loss: Loss,
        function: Option<FunctionName>,
        detail: impl FnOnce() -> String,
    ) -> Option<(u64, String)> {
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = seen.get_mut(&(function, loss)) {
            known.count += 1;
            known.last = now;
            if now.saturating_duration_since(known.logged) < QUIET {
                return None;
            }
            known.logged = now;
            known.advice = bounded(detail());
            return Some((known.count, known.advice.clone()));
        }
        let advice = bounded(detail());
        let first = Seen { count: 1, first: now, last: now, logged: now, advice: advice.clone() };
        seen.insert((function, loss), first);
        Some((1, advice))
    }

    /// All that were seen, those of the whole cache first.
    pub(crate) fn list(&self) -> Vec<SilentLoss> {
        let now = Instant::now();
        let ago = |then: Instant| now.saturating_duration_since(then);
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let loss = |((function, kind), seen): (&(Option<FunctionName>, Loss), &Seen)| SilentLoss {
            kind: *kind,
            function: function.map(|(prefix, name)| format!("{prefix}:{name}")),
            count: seen.count,
            since: ago(seen.first),
            last_seen: ago(seen.last),
            advice: seen.advice.clone(),
        };
        seen.iter().map(loss).collect()
    }
}

fn bounded(mut advice: String) -> String {
    if let Some(end) = (0..=LONGEST_ADVICE).rev().find(|end| advice.is_char_boundary(*end)) {
        advice.truncate(end);
    }
    advice
}

#[cfg(test)]
mod tests;
