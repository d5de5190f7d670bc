//! What a load knows of itself and of the loads that it runs inside of.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::task::futures::TaskLocalFuture;

use crate::group::{Group, stamps};
use crate::lease::LeaseId;
use crate::record::{Header, Record};

tokio::task_local! {
    static LOADING: Arc<Context>;
}

/// One load, while its body runs.
#[derive(Debug, Default)]
pub(crate) struct Context {
    /// The load whose body made the call.
    outer: Option<Arc<Context>>,
    /// The value that is to be replaced.
    pub(crate) previous: Option<Arc<Stored>>,
    /// The lease of this load, or those of a batch; a reload asks for it when its body has been made already.
    pub(crate) leases: OnceLock<Vec<LeaseId>>,
    /// The key for which others wait for this load to take their turn.
    pub(crate) turn: Option<String>,
    /// It has a place among the loads that are bounded while the store is away.
    pub(crate) has_place: bool,
}

impl Context {
    /// A load inside of the one that runs here, if any.
    pub(crate) fn inner() -> Self {
        Self { outer: LOADING.try_with(Arc::clone).ok(), ..Self::default() }
    }
}

/// What a load finds in the store, and is about to replace.
#[derive(Debug)]
pub(crate) struct Stored {
    record: Record,
    /// As its codec has written it, if it was sealed.
    opened: Option<Vec<u8>>,
    type_name: &'static str,
    is_kept: AtomicBool,
}

impl Stored {
    pub(crate) fn new(
        record: Record,
        opened: Option<Vec<u8>>,
        type_name: &'static str,
    ) -> Arc<Self> {
        Arc::new(Self { record, opened, type_name, is_kept: AtomicBool::new(false) })
    }

    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// As its codec has written it.
    pub(crate) fn payload(&self) -> &[u8] {
        self.opened.as_deref().unwrap_or_else(|| self.record.payload())
    }

    pub(crate) fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// The load says that it has not changed.
    pub(crate) fn keep(&self) {
        self.is_kept.store(true, Ordering::Release);
    }

    /// The groups that it is in.
    pub(crate) fn groups(&self) -> impl Iterator<Item = Group> {
        stamps(self.record.stamps()).map(|stamp| stamp.group)
    }

    /// Whether the load said that the value has not changed, and returned it: `record`, which is not sealed yet.
    pub(crate) fn is_kept_as(&self, record: &[u8]) -> bool {
        let known = self.record.header();
        let is_same = |header: Header| {
            (header.kind, header.codec, header.payload(record))
                == (known.kind, known.codec, self.payload())
        };
        self.is_kept.load(Ordering::Acquire) && Header::read(record).is_some_and(is_same)
    }
}

/// A body with its context. Boxed, so that every future that holds it stays small.
pub(crate) type Loading<F> = Pin<Box<TaskLocalFuture<Arc<Context>, F>>>;

pub(crate) fn load_in<F: Future>(context: Arc<Context>, body: F) -> Loading<F> {
    Box::pin(LOADING.scope(context, body))
}

/// Whether one of the loads around this is such.
fn any(is_such: impl Fn(&Context) -> bool) -> bool {
    LOADING
        .try_with(|innermost| {
            std::iter::successors(Some(innermost), |context| context.outer.as_ref())
                .any(|context| is_such(context))
        })
        .unwrap_or(false)
}

/// A call inside a load that waited for that load's lease would wait for itself.
pub(crate) fn is_leading(lease: &LeaseId) -> bool {
    any(|context| context.leases.get().is_some_and(|leases| leases.contains(lease)))
}

/// A call inside a load whose turn it is, and that waited for its own turn, would wait for itself.
pub(crate) fn has_turn(key: &str) -> bool {
    any(|context| context.turn.as_deref() == Some(key))
}

/// The loads inside a load that has a place are part of it.
pub(crate) fn has_place() -> bool {
    any(|context| context.has_place)
}

/// The value that the load is about to replace: not that of a load around it.
pub(crate) fn previous() -> Option<Arc<Stored>> {
    LOADING.try_with(|context| context.previous.clone()).ok().flatten()
}
