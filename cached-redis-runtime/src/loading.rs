//! What a load knows of itself and of the loads that it runs inside of.

use std::cell::RefCell;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{self, Poll};

use crate::group::{Group, stamps};
use crate::lease::LeaseId;
use crate::record::{Header, Record};

thread_local! {
    /// The load whose body is being polled. Not one of tokio's, whose futures are compiled again for each function.
    static LOADING: RefCell<Option<Arc<Context>>> = const { RefCell::new(None) };
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
    /// The keys for which others wait for this load to take their turn.
    pub(crate) turns: Vec<String>,
    /// It has a place among the loads that are bounded while the store is away.
    pub(crate) has_place: bool,
}

impl Context {
    /// A load inside of the one that runs here, if any.
    pub(crate) fn inner() -> Self {
        Self { outer: with_innermost(Clone::clone).flatten(), ..Self::default() }
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
pub(crate) struct Loading<F> {
    /// While the body is polled or dropped: that of the load around it.
    context: Option<Arc<Context>>,
    /// None once it has ended.
    body: Option<Pin<Box<F>>>,
}

impl<F> Loading<F> {
    pub(crate) fn new(context: Arc<Context>, body: F) -> Self {
        Self { context: Some(context), body: Some(Box::pin(body)) }
    }
}

impl<F: Future> Future for Loading<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        let _entered = Entered::new(&mut this.context);
        let Some(body) = &mut this.body else { return Poll::Pending };
        let polled = body.as_mut().poll(context);
        if polled.is_ready() {
            this.body = None;
        }
        polled
    }
}

impl<F> Drop for Loading<F> {
    fn drop(&mut self) {
        let _entered = Entered::new(&mut self.context);
        self.body = None;
    }
}

/// A load is the innermost one, until this is dropped.
struct Entered<'a>(&'a mut Option<Arc<Context>>);

impl<'a> Entered<'a> {
    fn new(context: &'a mut Option<Arc<Context>>) -> Self {
        swap(context);
        Self(context)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        swap(self.0);
    }
}

fn swap(context: &mut Option<Arc<Context>>) {
    // A thread that ends has none any more; then both swaps do nothing.
    let _ = LOADING.try_with(|innermost| mem::swap(&mut *innermost.borrow_mut(), context));
}

fn with_innermost<T>(ask: impl FnOnce(&Option<Arc<Context>>) -> T) -> Option<T> {
    LOADING.try_with(|innermost| ask(&innermost.borrow())).ok()
}

/// Whether one of the loads around this is such.
fn any(is_such: impl Fn(&Context) -> bool) -> bool {
    with_innermost(|innermost| {
        std::iter::successors(innermost.as_ref(), |context| context.outer.as_ref())
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
    any(|context| context.turns.iter().any(|turn| turn == key))
}

/// The loads inside a load that has a place are part of it.
pub(crate) fn has_place() -> bool {
    any(|context| context.has_place)
}

/// The value that the load is about to replace: not that of a load around it.
pub(crate) fn previous() -> Option<Arc<Stored>> {
    with_innermost(|innermost| innermost.as_ref()?.previous.clone()).flatten()
}
