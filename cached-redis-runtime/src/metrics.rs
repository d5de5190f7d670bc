//! The counters of a cache as metrics: views of [`Stats`], made when somebody asks for them. Calls know nothing of them.
//!
//! Names follow what dashboards of caches know: `cache_requests_total{function, result, tier}` and so on. A label is the
//! name of a function, a kind of error, or one of a few words, never a key or an argument.

#[cfg(feature = "metrics")]
mod facade;
mod prometheus;

use crate::cache::Cache;
use crate::health::Tracking;
use crate::histogram::Times;
use crate::stats::{FunctionStats, Stats};

impl Cache {
    /// All counters as metrics, in the text format of Prometheus: what a page that is scraped answers with. `docs/monitoring.md`
    /// lists them.
    ///
    /// ```
    /// let text = cached_redis_runtime::Cache::memory().prometheus();
    /// assert!(text.contains("# TYPE cache_pending_invalidations gauge"));
    /// ```
    #[must_use]
    pub fn prometheus(&self) -> String {
        prometheus::text(&self.metrics())
    }

    /// Tells the recorder of the `metrics` crate what the counters are at, under the names of
    /// [`prometheus`](Self::prometheus). Call it before each scrape, or every few seconds. Without a recorder it does nothing.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # async fn example(cache: cached_redis_runtime::Cache) {
    /// tokio::spawn(async move {
    ///     loop {
    ///         cache.publish_metrics();
    ///         tokio::time::sleep(Duration::from_secs(5)).await;
    ///     }
    /// });
    /// # }
    /// ```
    #[cfg(feature = "metrics")]
    pub fn publish_metrics(&self) {
        facade::publish(&self.metrics());
    }

    fn metrics(&self) -> Vec<Metric> {
        let is_connected = self.core().has_store()
            && self.core().sessions.store().condition().tracking != Tracking::Unknown;
        metrics(&self.stats(), is_connected)
    }
}

/// What is measured, with a value for each set of labels.
struct Metric {
    name: &'static str,
    help: &'static str,
    samples: Samples,
}

enum Samples {
    /// They only grow.
    Counters(Vec<Sample<u64>>),
    Gauges(Vec<Sample<u64>>),
    Histograms(Vec<Sample<Times>>),
}

struct Sample<T> {
    labels: Vec<(&'static str, String)>,
    value: T,
}

fn metrics(stats: &Stats, is_connected: bool) -> Vec<Metric> {
    let mut all = of_functions(&stats.functions);
    all.extend(of_cache(stats, is_connected));
    all
}

fn of_functions(functions: &[FunctionStats]) -> Vec<Metric> {
    let counters = |name, help, of: fn(&FunctionStats) -> Vec<Labelled>| {
        let samples = functions.iter().flat_map(|function| {
            of(function).into_iter().map(|(labels, value)| sample(function, labels, value))
        });
        Metric { name, help, samples: Samples::Counters(samples.collect()) }
    };
    let times = functions
        .iter()
        .map(|function| sample(function, Vec::new(), function.load_times.clone()))
        .collect();
    vec![
        counters("cache_requests_total", "Calls, by how they were answered.", requests),
        counters("cache_loads_total", "Runs of function bodies, by who waited for them.", loads),
        counters("cache_stores_total", "What was to be stored, by what came of it.", stores),
        counters("cache_errors_total", "Failures of the cache that no caller has seen.", errors),
        counters("cache_bytes_total", "Bytes read from the store and written to it.", bytes),
        Metric {
            name: "cache_load_duration_seconds",
            help: "How long function bodies took.",
            samples: Samples::Histograms(times),
        },
    ]
}

fn sample<T>(function: &FunctionStats, labels: Labels, value: T) -> Sample<T> {
    let own = [("function", function.name.clone())];
    let rest = labels.into_iter().map(|(name, value)| (name, value.to_owned()));
    Sample { labels: own.into_iter().chain(rest).collect(), value }
}

type Labels = Vec<(&'static str, &'static str)>;
type Labelled = (Labels, u64);

/// Each call once: what was answered by a copy, by the store, or not.
fn requests(of: &FunctionStats) -> Vec<Labelled> {
    let local_values = of.local_hits.saturating_sub(of.local_negative_hits);
    let fresh = of.hits.saturating_sub(of.stale_hits).saturating_sub(local_values);
    let absences = of.negative_hits.saturating_sub(of.local_negative_hits);
    let misses = of.misses.saturating_sub(of.fallbacks).saturating_sub(of.coalesced);
    let of_tier = |tier| move |(result, count)| (vec![("result", result), ("tier", tier)], count);
    let local = [("hit", local_values), ("negative", of.local_negative_hits)];
    let redis = [
        ("hit", fresh),
        ("stale", of.stale_hits),
        ("negative", absences),
        ("miss", misses),
        ("coalesced", of.coalesced),
        ("fallback", of.fallbacks),
        ("bypass", of.bypasses),
    ];
    let redis = redis.into_iter().map(of_tier("redis"));
    redis.chain(local.into_iter().map(of_tier("local"))).collect()
}

fn loads(of: &FunctionStats) -> Vec<Labelled> {
    by("waited", [("caller", of.loads.saturating_sub(of.reloads)), ("nobody", of.reloads)])
}

fn stores(of: &FunctionStats) -> Vec<Labelled> {
    let outcomes = [
        ("stored", of.stored),
        ("kept", of.not_modified),
        ("superseded", of.superseded),
        ("too_large", of.too_large),
        ("unfaithful", of.unfaithful),
    ];
    by("outcome", outcomes)
}

fn errors(of: &FunctionStats) -> Vec<Labelled> {
    by("kind", of.errors.iter().map(|(kind, count)| (*kind, *count)))
}

fn bytes(of: &FunctionStats) -> Vec<Labelled> {
    by("direction", [("read", of.bytes_read), ("written", of.bytes_written)])
}

fn by(label: &'static str, counts: impl IntoIterator<Item = (&'static str, u64)>) -> Vec<Labelled> {
    counts.into_iter().map(|(value, count)| (vec![(label, value)], count)).collect()
}

fn of_cache(stats: &Stats, is_connected: bool) -> Vec<Metric> {
    let invalidations = [
        ("done", stats.invalidations),
        ("failed", stats.failed_invalidations),
        ("refused", stats.refused_invalidations),
        ("dropped", stats.dropped_invalidations),
    ];
    let invalidations = invalidations
        .into_iter()
        .map(|(outcome, value)| Sample { labels: vec![("outcome", outcome.to_owned())], value });
    let one = |value| vec![Sample { labels: Vec::new(), value }];
    let gauge = |name, help, value| Metric { name, help, samples: Samples::Gauges(one(value)) };
    let counter = |name, help, value| Metric { name, help, samples: Samples::Counters(one(value)) };
    vec![
        Metric {
            name: "cache_invalidations_total",
            help: "Removals of entries, functions and tags, by what came of them.",
            samples: Samples::Counters(invalidations.collect()),
        },
        gauge(
            "cache_pending_invalidations",
            "Invalidations that have failed and are being retried.",
            stats.pending_invalidations,
        ),
        gauge(
            "cache_connected",
            "1 while there is a connection to the server.",
            u64::from(is_connected),
        ),
        gauge("cache_running_reloads", "Loads in the background.", stats.running_reloads),
        gauge("cache_local_copies", "Copies in this process.", stats.local_copies),
        gauge("cache_local_bytes", "Memory that copies take, in bytes.", stats.local_bytes),
        counter("cache_reconnects_total", "Connections after the first one.", stats.reconnects),
        counter(
            "cache_failed_fences_total",
            "Writes that went on without their guard.",
            stats.failed_fences,
        ),
    ]
}

#[cfg(test)]
mod tests;
