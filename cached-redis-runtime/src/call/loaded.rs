//! A load without its types: what it may do, what its body knows, what came of it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::permit::Permit;
use crate::group::Group;
use crate::lease::Life;
use crate::loading::{Context, Stored};
use crate::payload::Encoding;

/// A load, once it may begin.
pub(super) struct Load {
    pub(super) permit: Permit,
    pub(super) began: Instant,
    /// How long its body took.
    pub(super) took: Duration,
    /// What its body knows; a hit has none.
    pub(super) context: Option<Arc<Context>>,
    /// Keeps its lease alive while its body runs.
    pub(super) beside: Option<Beside>,
    pub(super) loaded: Loaded,
}

impl Load {
    pub(super) fn runs_in(&mut self, context: Context) -> Arc<Context> {
        Arc::clone(self.context.insert(Arc::new(context)))
    }

    /// The value that it replaces.
    pub(super) fn previous(&self) -> Option<&Stored> {
        self.context.as_ref()?.previous.as_deref()
    }
}

/// What came of a load.
pub(super) enum Loaded {
    /// To be stored.
    New(Encoding),
    /// What is there stays, and gets a new life; with it the groups that it names itself.
    Same(Life, Vec<Group>),
    /// Nothing to store.
    Nothing,
    /// The body failed.
    Failed,
}

/// What goes on beside a body: it ends at the deadline, or never.
pub(super) type Beside = Pin<Box<dyn Future<Output = ()> + Send>>;
