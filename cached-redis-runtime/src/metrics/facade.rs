//! The recorder of the `metrics` crate, told what the counters are at.

use metrics::{Label, counter, describe_counter, describe_gauge, gauge};

use super::{Metric, Sample, Samples};

/// A histogram is told as Prometheus would count it, with the bounds as labels: the recorder cannot be given one that has
/// been counted already.
pub(super) fn publish(all: &[Metric]) {
    for Metric { name, help, samples } in all {
        match samples {
            Samples::Counters(samples) => {
                describe_counter!(*name, *help);
                for Sample { labels, value } in samples {
                    counter!(*name, of(labels, None)).absolute(*value);
                }
            }
            Samples::Gauges(samples) => {
                describe_gauge!(*name, *help);
                for Sample { labels, value } in samples {
                    gauge!(*name, of(labels, None)).set(*value as f64);
                }
            }
            Samples::Histograms(samples) => {
                for Sample { labels, value } in samples {
                    for (bound, count) in &value.at_most {
                        let labels = of(labels, Some(bound.as_secs_f64().to_string()));
                        counter!(format!("{name}_bucket"), labels).absolute(*count);
                    }
                    let above = of(labels, Some("+Inf".to_owned()));
                    counter!(format!("{name}_bucket"), above).absolute(value.count);
                    counter!(format!("{name}_count"), of(labels, None)).absolute(value.count);
                    gauge!(format!("{name}_sum"), of(labels, None)).set(value.total.as_secs_f64());
                }
            }
        }
    }
}

fn of(labels: &[(&'static str, String)], bound: Option<String>) -> Vec<Label> {
    let all = labels.iter().map(|(name, value)| Label::new(*name, value.clone()));
    all.chain(bound.map(|bound| Label::new("le", bound))).collect()
}
