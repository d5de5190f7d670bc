//! Which server holds which keys.
//!
//! A [`Node`] is one server, over a connection of its own: what is known of its clock, of the generations of groups,
//! and of the state of that connection belongs to the node and to nobody else. So a step of the protocol is taken on
//! one node from its first command to its last, and compares what it reads there with what was pushed by the same
//! connection. Several nodes are another implementation of [`Topology`]; neither the store nor a node would notice.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use super::node::Node;
use crate::error::Error;
use crate::health::Condition;
use crate::loss::Losses;
use crate::stats::ConnectionCounters;
use crate::store::Operation;
use crate::watched::Watched;

/// Leads each step to the node that holds its key. An entry, its fence and the generations of its groups are on one
/// node.
pub(in crate::store) trait Topology: Send + Sync {
    /// A node for as long as a step is taken on it, also when the key moves meanwhile.
    type Lent<'a>: Deref<Target = Node> + Clone + Send + Sync
    where
        Self: 'a;

    /// The node that holds a key, if it is known.
    fn node(&self, key: &str) -> Option<Self::Lent<'_>>;

    /// Takes a step on the node that holds a key. Where the key has moved, the step may be taken again.
    fn at<'a, T, F>(
        &'a self,
        key: &'a str,
        step: impl Fn(Self::Lent<'a>) -> F + Send + Sync + 'a,
    ) -> Operation<'a, T>
    where
        T: Send + 'a,
        F: Future<Output = Result<T, Error>> + Send + 'a;

    /// Which of these keys, by their places among them, are in one place.
    fn shares<'k>(&self, keys: impl ExactSizeIterator<Item = &'k str>) -> Vec<Vec<usize>>;

    /// Takes a step on each node that holds some of these keys, with those that it holds. They may be generations of
    /// groups, of which each node has its own.
    fn at_each<'a, F>(
        &'a self,
        keys: &'a [String],
        step: impl Fn(Self::Lent<'a>, Cow<'a, [String]>) -> F + Send + Sync + 'a,
    ) -> Operation<'a, ()>
    where
        F: Future<Output = Result<(), Error>> + Send + 'a;

    /// Removes what is under the keys of each target, wherever they are, all at the same time. What came of each.
    fn remove<'a>(
        &'a self,
        targets: Cow<'a, [Vec<String>]>,
    ) -> Operation<'a, Vec<Result<(), Error>>>;

    /// What is watched on the connection of the node that holds a key, if copies and waits may rely on it.
    fn watched(&self) -> Option<&Arc<Watched>>;

    /// What is known of the connections.
    fn condition(&self) -> Condition;

    /// Where to count connections, and to report what is lost with them.
    fn report_to(&self, counters: &Arc<ConnectionCounters>, losses: &Arc<Losses>);
}

/// One server, which holds all keys.
pub(crate) struct Standalone(Node);

impl Standalone {
    pub(in crate::store) fn new(node: Node) -> Self {
        Self(node)
    }
}

impl Topology for Standalone {
    type Lent<'a> = &'a Node;

    fn node(&self, _: &str) -> Option<&Node> {
        Some(&self.0)
    }

    fn at<'a, T, F>(
        &'a self,
        _: &'a str,
        step: impl Fn(&'a Node) -> F + Send + Sync + 'a,
    ) -> Operation<'a, T>
    where
        T: Send + 'a,
        F: Future<Output = Result<T, Error>> + Send + 'a,
    {
        Box::pin(step(&self.0))
    }

    fn shares<'k>(&self, keys: impl ExactSizeIterator<Item = &'k str>) -> Vec<Vec<usize>> {
        vec![(0..keys.len()).collect()]
    }

    fn at_each<'a, F>(
        &'a self,
        keys: &'a [String],
        step: impl Fn(&'a Node, Cow<'a, [String]>) -> F + Send + Sync + 'a,
    ) -> Operation<'a, ()>
    where
        F: Future<Output = Result<(), Error>> + Send + 'a,
    {
        Box::pin(step(&self.0, Cow::Borrowed(keys)))
    }

    fn remove<'a>(
        &'a self,
        targets: Cow<'a, [Vec<String>]>,
    ) -> Operation<'a, Vec<Result<(), Error>>> {
        Box::pin(async move { self.0.remove(&targets).await })
    }

    fn watched(&self) -> Option<&Arc<Watched>> {
        Some(self.0.watched())
    }

    fn condition(&self) -> Condition {
        self.0.condition()
    }

    fn report_to(&self, counters: &Arc<ConnectionCounters>, losses: &Arc<Losses>) {
        self.0.report_to(counters, losses);
    }
}

#[cfg(test)]
mod tests;
