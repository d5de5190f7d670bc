//! The text format of Prometheus, version 0.0.4: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::Write as _;

use super::{Metric, Sample, Samples};
use crate::histogram::Times;

/// What a server answers with as `Content-Type: text/plain; version=0.0.4`.
pub(super) fn text(metrics: &[Metric]) -> String {
    let mut text = String::new();
    for metric in metrics {
        let kind = match metric.samples {
            Samples::Counters(_) => "counter",
            Samples::Gauges(_) => "gauge",
            Samples::Histograms(_) => "histogram",
        };
        let Metric { name, help, .. } = metric;
        // Writing to a string does not fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        match &metric.samples {
            Samples::Counters(samples) | Samples::Gauges(samples) => {
                for Sample { labels, value } in samples {
                    let _ = writeln!(text, "{name}{} {value}", in_braces(labels, None));
                }
            }
            Samples::Histograms(samples) => {
                samples.iter().for_each(|sample| histogram(&mut text, name, sample));
            }
        }
    }
    text
}

fn histogram(text: &mut String, name: &str, Sample { labels, value }: &Sample<Times>) {
    let bounds =
        value.at_most.iter().map(|(bound, count)| (bound.as_secs_f64().to_string(), *count));
    for (bound, count) in bounds.chain([("+Inf".to_owned(), value.count)]) {
        let labels = in_braces(labels, Some(&bound));
        let _ = writeln!(text, "{name}_bucket{labels} {count}");
    }
    let labels = in_braces(labels, None);
    let _ = writeln!(text, "{name}_sum{labels} {}", value.total.as_secs_f64());
    let _ = writeln!(text, "{name}_count{labels} {}", value.count);
}

fn in_braces(labels: &[(&'static str, String)], bound: Option<&str>) -> String {
    let bound = bound.map(|bound| ("le", bound));
    let all = labels.iter().map(|(name, value)| (*name, value.as_str())).chain(bound);
    let all: Vec<_> = all.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}

/// The name of a function may be any text.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
