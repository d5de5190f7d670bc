use std::time::Duration;

use super::{Sample, Samples, metrics, prometheus};
use crate::histogram::Histogram;
use crate::stats::{FunctionStats, Stats};

fn price() -> FunctionStats {
    let times = Histogram::default();
    times.add(Duration::from_millis(3));
    times.add(Duration::from_secs(60));
    FunctionStats {
        name: "shop:price".to_owned(),
        hits: 100,
        stale_hits: 10,
        negative_hits: 20,
        local_hits: 45,
        local_negative_hits: 5,
        misses: 9,
        coalesced: 3,
        fallbacks: 2,
        bypasses: 1,
        loads: 7,
        reloads: 3,
        errors: [("timeout", 4)].into(),
        load_times: times.snapshot(),
        ..FunctionStats::default()
    }
}

fn text_of(function: FunctionStats) -> String {
    let stats = Stats { functions: vec![function], pending_invalidations: 6, ..Stats::default() };
    prometheus::text(&metrics(&stats, true))
}

#[track_caller]
fn says(text: &str, line: &str) {
    assert!(text.lines().any(|known| known == line), "no line {line:?} in\n{text}");
}

#[test]
fn each_call_is_counted_once() {
    let text = text_of(price());
    for (result, tier, count) in [
        ("hit", "redis", 50),
        ("stale", "redis", 10),
        ("negative", "redis", 15),
        ("miss", "redis", 4),
        ("coalesced", "redis", 3),
        ("fallback", "redis", 2),
        ("bypass", "redis", 1),
        ("hit", "local", 40),
        ("negative", "local", 5),
    ] {
        let labels = format!("function=\"shop:price\",result=\"{result}\",tier=\"{tier}\"");
        says(&text, &format!("cache_requests_total{{{labels}}} {count}"));
    }
    let stats = Stats { functions: vec![price()], ..Stats::default() };
    let all = metrics(&stats, true);
    let Samples::Counters(samples) = &all[0].samples else { panic!("counters") };
    let sum: u64 = samples.iter().map(|Sample { value, .. }| value).sum();
    assert_eq!(sum, 100 + 20 + 9 + 1, "hits, negative hits, misses, bypasses");
}

#[test]
fn times_are_a_histogram() {
    let text = text_of(price());
    says(&text, "# TYPE cache_load_duration_seconds histogram");
    let of = |bound| {
        format!("cache_load_duration_seconds_bucket{{function=\"shop:price\",le=\"{bound}\"}}")
    };
    says(&text, &format!("{} 0", of("0.002")));
    says(&text, &format!("{} 1", of("0.005")));
    says(&text, &format!("{} 1", of("30")));
    says(&text, &format!("{} 2", of("+Inf")));
    says(&text, "cache_load_duration_seconds_sum{function=\"shop:price\"} 60.003");
    says(&text, "cache_load_duration_seconds_count{function=\"shop:price\"} 2");
}

#[test]
fn what_is_of_the_whole_cache_has_no_labels() {
    let text = text_of(price());
    says(&text, "cache_pending_invalidations 6");
    says(&text, "cache_connected 1");
    says(&text, "cache_errors_total{function=\"shop:price\",kind=\"timeout\"} 4");
}

#[test]
fn a_name_may_be_any_text() {
    let text = text_of(FunctionStats { name: "a\"b\\c\nd".to_owned(), ..price() });
    says(&text, r#"cache_loads_total{function="a\"b\\c\nd",waited="nobody"} 3"#);
}

/// What a program has that uses the `metrics` crate.
#[cfg(feature = "metrics")]
mod recorder {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex};

    use metrics::{
        Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    };

    use super::{Stats, metrics as all, price};
    use crate::metrics::facade;

    #[derive(Default)]
    struct Page(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

    impl Page {
        fn place(&self, key: &Key) -> Arc<AtomicU64> {
            let labels: Vec<_> =
                key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            let name = format!("{} {}", key.name(), labels.join(" "));
            Arc::clone(self.0.lock().expect("no panic").entry(name).or_default())
        }

        fn value(&self, name: &str) -> Option<u64> {
            Some(self.0.lock().expect("no panic").get(name)?.load(Ordering::SeqCst))
        }
    }

    impl Recorder for Page {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(self.place(key))
        }
        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::from_arc(self.place(key))
        }
        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            unreachable!("there is none")
        }
    }

    #[test]
    fn the_recorder_is_told_what_the_counters_are_at() {
        let stats =
            Stats { functions: vec![price()], pending_invalidations: 6, ..Stats::default() };
        let page = Page::default();
        // Twice: they are not added up.
        for _ in 0..2 {
            metrics::with_local_recorder(&page, || facade::publish(&all(&stats, true)));
        }
        let hits = "cache_requests_total function=shop:price result=hit tier=redis";
        assert_eq!(page.value(hits), Some(50));
        let times = "cache_load_duration_seconds";
        assert_eq!(page.value(&format!("{times}_count function=shop:price")), Some(2));
        let bucket = format!("{times}_bucket function=shop:price le=0.005");
        assert_eq!(page.value(&bucket), Some(1));
        let sum = page.value(&format!("{times}_sum function=shop:price"));
        assert_eq!(sum.map(f64::from_bits), Some(60.003));
        assert_eq!(page.value("cache_pending_invalidations ").map(f64::from_bits), Some(6.0));
    }
}
