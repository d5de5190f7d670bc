//! The alert rules and the dashboard ask for what there is.

#![allow(missing_docs, clippy::expect_used)]

use std::collections::BTreeSet;
use std::path::Path;

use cached_redis::{Cache, redis_cached};

#[redis_cached(ttl = 60, prefix = "ops")]
async fn value(id: u64) -> u64 {
    id
}

/// What a cache says that has been used. Kinds of errors are there only after one.
fn page() -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let cache = Cache::memory();
        cache.scope(value(1)).await;
        cache.prometheus() + "cache_errors_total{kind=\"\"}"
    })
}

/// The files under `ops/` that a server reads, without the quoting of JSON.
fn files() -> Vec<(String, String)> {
    let ops = Path::new(env!("CARGO_MANIFEST_DIR")).join("ops");
    let files = ["alerts.yml", "grafana.json"].map(|name| {
        let text = std::fs::read_to_string(ops.join(name)).expect("a file");
        (name.to_owned(), text.replace("\\\"", "\""))
    });
    files.into()
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|character| !is_word(character));
    words.filter(|word| word.starts_with("cache_")).collect()
}

/// `result="hit"`, `result!="hit"` and the alternatives of `result=~"hit|stale"`, as on the page.
fn labels(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (place, _) in text.match_indices("=\"").chain(text.match_indices("=~\"")) {
        let before = text[..place].trim_end_matches('!');
        let name = before.rsplit(|character| !is_word(character)).next().unwrap_or_default();
        let value = text[place..].split('"').nth(1).unwrap_or_default();
        for value in value.split('|').filter(|value| !value.starts_with('$')) {
            found.insert(format!("{name}=\"{value}\""));
        }
    }
    found
}

#[test]
fn rules_and_panels_ask_for_metrics_that_there_are() {
    let page = page();
    for (file, text) in files() {
        let asked = metrics(&text);
        assert!(asked.len() > 5, "{file}: {asked:?}");
        for metric in asked {
            let name = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| metric.strip_suffix(end))
                .unwrap_or(metric);
            assert!(page.contains(&format!("# TYPE {name} ")), "{file}: there is no {metric}");
        }
    }
}

#[test]
fn rules_and_panels_ask_for_labels_that_there_are() {
    let page = page();
    for (file, text) in files() {
        let asked = labels(&text);
        assert!(!asked.is_empty(), "{file}");
        for label in asked {
            assert!(page.contains(&label), "{file}: no metric has {label}");
        }
    }
}
