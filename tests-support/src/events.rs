//! What a program would find in its log.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Level, Metadata, Subscriber, span};

/// The events of `cached_redis` on this thread, from [`listen`](Self::listen) until it is dropped.
#[derive(Debug)]
pub struct Events {
    log: Log,
    _listening: DefaultGuard,
    /// With a single subscriber, `tracing` asks only the thread that happens to come to an event first
    /// whether somebody listens; that may be another test's.
    _second: Dispatch,
}

impl Events {
    /// Listens at every level.
    #[must_use]
    pub fn listen() -> Self {
        let log = Log::default();
        let second = Dispatch::new(Log::default());
        let listening = tracing::subscriber::set_default(log.clone());
        Self { log, _listening: listening, _second: second }
    }

    /// One line for each event of a level: the fields as `name=value`.
    #[must_use]
    pub fn at(&self, level: Level) -> Vec<String> {
        let lines = self.log.0.lock().expect("no panic");
        lines.iter().filter(|(of, _)| *of == level).map(|(_, line)| line.clone()).collect()
    }

    /// The warnings.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.at(Level::WARN)
    }

    /// All lines, with their levels and targets.
    #[must_use]
    pub fn text(&self) -> String {
        let lines = self.log.0.lock().expect("no panic");
        lines.iter().map(|(level, line)| format!("{level} {line}\n")).collect()
    }
}

#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<(Level, String)>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).expect("a string");
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "cached_redis"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(event.metadata().target().to_owned());
        event.record(&mut line);
        self.0.lock().expect("no panic").push((*event.metadata().level(), line.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
