//! What happened, counted per function.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::counter::{Counter, SpreadCounter};
use crate::error::{Error, ErrorKind};
use crate::histogram::{Histogram, Times};
use crate::loss::{Cold, Loss, Losses, cold, failures};
#[cfg(feature = "local")]
use crate::record::Kind;
use crate::shapes::Shapes;
use crate::telemetry::event;

/// A snapshot of the counters of a [`Cache`](crate::Cache).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// One element for each function that has been called, sorted by name.
    pub functions: Vec<FunctionStats>,
    /// Loads that are running in the background.
    pub running_reloads: u64,
    /// Removals of entries, of all entries of a function, and of tags, that have succeeded. Those by a guard are not
    /// counted.
    pub invalidations: u64,
    /// Invalidations that failed, or were left to the background because their write was cancelled.
    pub failed_invalidations: u64,
    /// Of these, those that are being retried.
    pub pending_invalidations: u64,
    /// Of these, those that were given up: too many were waiting already, or the server has refused them
    /// until what they were about must have expired.
    pub dropped_invalidations: u64,
    /// Of these, those that the server refused for a reason that lies in the keys or in the rights of its
    /// user, such as `NOPERM`. They are retried too, ever more seldom.
    pub refused_invalidations: u64,
    /// Writes with a `guard` that went on without their fence, because the cache failed.
    pub failed_fences: u64,
    /// Copies of entries in this process (`local`), those that no longer count among them.
    pub local_copies: u64,
    /// What they take, in bytes: their keys, what is stored of their values, and what the tables need.
    pub local_bytes: u64,
    /// Connections made after the first one.
    pub reconnects: u64,
    /// Of all connections, those on which the server does not report changes of groups: a hit reads a second key. See
    /// [`Health::tracking`](crate::Health::tracking) for the one of now, and the reason.
    pub untracked_connections: u64,
}

/// The counters of one function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FunctionStats {
    /// `prefix:name`, as in the keys.
    pub name: String,
    /// Calls answered with a stored value.
    pub hits: u64,
    /// Of the hits, those with a value beyond its fresh life (`stale`).
    pub stale_hits: u64,
    /// Calls answered with the last good value because the load failed or was slow
    /// (`stale_if_error`, `soft_timeout`), or had failed shortly before.
    pub fallbacks: u64,
    /// Calls answered with a stored absence.
    pub negative_hits: u64,
    /// Of the hits and the negative hits, those from a copy in this process (`local`).
    pub local_hits: u64,
    /// Of the local hits, those on an absence.
    pub local_negative_hits: u64,
    /// Calls of a function with `local` that read from the server and could make no copy, because it does not report what
    /// changes. [`Health::tracking`](crate::Health::tracking) says why.
    pub local_off: u64,
    /// Calls that found nothing they could use.
    pub misses: u64,
    /// Times that the function's body ran.
    pub loads: u64,
    /// Of the loads, those in the background, after an answer had been given (`stale`, `early`).
    pub reloads: u64,
    /// Background loads that failed: no caller has seen the error.
    pub failed_reloads: u64,
    /// Reloads that were left out because too many were running.
    pub skipped_reloads: u64,
    /// Loads that kept the stored value because it had not changed
    /// ([`Previous::keep`](crate::Previous::keep)).
    pub not_modified: u64,
    /// Calls answered by a load of another call in this process.
    pub coalesced: u64,
    /// Calls that waited for a load in another process.
    pub waits: u64,
    /// Calls that waited for their turn to load, because a load had failed or taken too long
    /// ([`CacheBuilder::max_loads_after_failure`](crate::CacheBuilder::max_loads_after_failure)).
    pub queued: u64,
    /// Calls that did not use the cache because they were told so.
    pub bypasses: u64,
    /// Values and absences stored.
    pub stored: u64,
    /// Values not stored because an invalidation or another load came between.
    pub superseded: u64,
    /// Values returned by the function but not stored because they are larger than the cache
    /// takes.
    pub too_large: u64,
    /// Calls that did without the cache because what would be stored does not read back as what the
    /// function returned.
    pub unfaithful: u64,
    /// Entries that could not be decrypted, each of which was a miss: encrypted with a key that this cache does not
    /// have, moved from another entry, changed, or in the clear where the function asks for encryption.
    pub not_decrypted: u64,
    /// Values that a batch function returned for ids that it had not been asked for. They are ignored.
    pub unasked_values: u64,
    /// Times that a batch function returned values that cannot be assigned to ids: another number of them, or several for
    /// one id. Nothing of them is stored.
    pub misshapen_batches: u64,
    /// Failures of the cache by kind. None of them reached a caller of the function.
    pub errors: BTreeMap<&'static str, u64>,
    /// Bytes read from the store.
    pub bytes_read: u64,
    /// Bytes written to the store.
    pub bytes_written: u64,
    /// Time spent in the function's body, all loads together.
    pub load_time: Duration,
    /// The same, by how long each load took.
    pub load_times: Times,
}

impl FunctionStats {
    /// Share of the calls that found an answer in the store; 0 without calls. Fallbacks are misses. Calls that shared
    /// another's load are misses here, see [`coalesced`](Self::coalesced).
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        let hits = self.hits + self.negative_hits;
        let all = hits + self.misses;
        if all == 0 { 0.0 } else { hits as f64 / all as f64 }
    }
}

macro_rules! counters {
    ($($counter:ident),* $(,)?) => {
        /// The counters of one function in one cache.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            prefix: &'static str,
            name: &'static str,
            $(pub(crate) $counter: Counter,)*
            load_times: Histogram,
            /// Hits and negative hits from copies in this process; not among the others.
            pub(crate) local_values: SpreadCounter,
            pub(crate) local_absences: Counter,
            cold: Cold,
            pub(crate) shapes: Shapes,
            losses: Arc<Losses>,
            errors: [Counter; ErrorKind::ALL.len()],
        }

        impl Counters {
            fn snapshot(&self) -> FunctionStats {
                let (values, absences) = (self.local_values.get(), self.local_absences.get());
                let load_times = self.load_times.snapshot();
                let mut stats = FunctionStats {
                    name: format!("{}:{}", self.prefix, self.name),
                    $($counter: self.$counter.get(),)*
                    errors: ErrorKind::ALL
                        .into_iter()
                        .zip(&self.errors)
                        .filter(|(_, count)| count.get() > 0)
                        .map(|(kind, count)| (label(kind), count.get()))
                        .collect(),
                    load_time: load_times.total,
                    load_times,
                    local_hits: values + absences,
                    local_negative_hits: absences,
                };
                stats.hits += values;
                stats.negative_hits += absences;
                stats
            }
        }
    };
}

counters! {
    hits, stale_hits, fallbacks, negative_hits, misses, loads, reloads, failed_reloads, skipped_reloads,
    not_modified, coalesced, waits, queued, bypasses, stored, superseded, too_large, unfaithful, not_decrypted,
    unasked_values, misshapen_batches, bytes_read, bytes_written, local_off,
}

/// The counters of a cache's connection, which the store is given: see
/// [`Store::report_to`](crate::store::Store::report_to).
#[derive(Debug, Default)]
pub(crate) struct ConnectionCounters {
    /// [`Stats::reconnects`].
    pub(crate) reconnects: Counter,
    /// [`Stats::untracked_connections`].
    pub(crate) untracked: Counter,
}

impl Counters {
    /// Whose counters these are: the first parts of the keys.
    pub(crate) fn function(&self) -> (&'static str, &'static str) {
        (self.prefix, self.name)
    }

    /// Counts a hit on a copy.
    #[cfg(feature = "local")]
    pub(crate) fn copied(&self, kind: Kind) {
        match kind {
            Kind::Value => self.local_values.increment(),
            Kind::Absence => self.local_absences.increment(),
        }
    }

    /// Counts a failure. One that nobody else sees is a silent loss; of the others, the connection says so once.
    pub(crate) fn error(&self, error: &Error) {
        let kind = error.kind();
        if let Some(at) = ErrorKind::ALL.iter().position(|known| *known == kind) {
            self.errors[at].increment();
        }
        match failures::loss(kind) {
            Some((loss, advice)) => {
                let detail = || format!("{error}. {advice}");
                self.losses.report_with(loss, Some(self.function()), detail);
            }
            None => {
                let ((prefix, name), kind) = (self.function(), label(kind));
                // One of possibly thousands a second.
                event!(debug, prefix, name, kind, "the cache failed; the function runs without it");
            }
        }
    }

    /// Counts a load in the background that has failed: nobody else sees it.
    pub(crate) fn reload_failed(&self) {
        self.failed_reloads.increment();
        self.losses.report(Loss::FailedReload, Some(self.function()), failures::OF_RELOADS);
    }

    /// Counts a value that would be stored if nothing came between.
    pub(crate) fn to_store(&self) {
        self.cold.to_store();
    }

    /// Counts a call for which the server has nothing to use, and reports a function that never hits.
    pub(crate) fn found_nothing(&self, ttl: Duration) {
        let hits = self.hits.get() + self.negative_hits.get() + self.fallbacks.get();
        if self.cold.found_nothing(ttl) && hits == 0 {
            self.losses.report(Loss::NeverHits, Some(self.function()), cold::ADVICE);
        }
    }

    pub(crate) fn loaded(&self, time: Duration) {
        self.loads.increment();
        self.load_times.add(time);
    }
}

fn label(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Config => "config",
        ErrorKind::Unreachable => "unreachable",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Server => "server",
        ErrorKind::Protocol => "protocol",
        ErrorKind::Key => "key",
        ErrorKind::Encode => "encode",
        ErrorKind::Decode => "decode",
        ErrorKind::TooLarge => "too_large",
        ErrorKind::Ttl => "ttl",
        ErrorKind::Policy => "policy",
        ErrorKind::Superseded => "superseded",
    }
}

/// The counters of all functions.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    losses: Arc<Losses>,
    functions: RwLock<HashMap<(&'static str, &'static str), Arc<Counters>>>,
}

impl Registry {
    pub(crate) fn new(losses: &Arc<Losses>) -> Self {
        Self { losses: Arc::clone(losses), functions: RwLock::default() }
    }

    /// Counters that are at hand, to be kept.
    pub(crate) fn same(&self, counters: &Counters) -> Arc<Counters> {
        self.of(counters.prefix, counters.name)
    }

    pub(crate) fn of(&self, prefix: &'static str, name: &'static str) -> Arc<Counters> {
        let key = (prefix, name);
        let known =
            self.functions.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        known.unwrap_or_else(|| {
            let mut functions = self.functions.write().unwrap_or_else(PoisonError::into_inner);
            let losses = || Arc::clone(&self.losses);
            let new =
                || Arc::new(Counters { prefix, name, losses: losses(), ..Counters::default() });
            Arc::clone(functions.entry(key).or_insert_with(new))
        })
    }

    pub(crate) fn snapshot(&self) -> Vec<FunctionStats> {
        let functions = self.functions.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = functions.values().map(|counters| counters.snapshot()).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }
}
