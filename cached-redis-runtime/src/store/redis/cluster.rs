//! Several servers that share the keys: Redis Cluster and Valkey Cluster.
//!
//! The keys of a namespace are divided into [buckets](crate::bucket), each in one slot, so each on one node. A bucket is
//! to its node what a standalone server is to the cache: each has a [`Node`] of its own, over the link that all buckets
//! of one server share. So a step is taken on one server from its first command to its last, over one connection, and
//! what is known of generations belongs to a bucket on a server. When the bucket moves, it gets a new node, which knows
//! nothing, and the old one forgets.
//!
//! ```text
//! key --slot--> bucket --routes--> Node --link--> server
//!                          ^                        |
//!                          +---- MOVED, refresh ----+
//! ```
//!
//! The client library's own cluster connection is not used: it does not say which node a report comes from, and sends
//! commands of a node that is away to any other.

mod fan;
mod named;
mod redirects;
mod refresh;
mod routes;
mod seeds;
mod slots;

use std::borrow::Cow;
use std::sync::Arc;

use tokio::time::Instant;

use super::RedisStore;
use super::commands::is_moved;
use super::node::Node;
use super::topology::Topology;
use crate::bucket::{Bucket, Buckets};
use crate::budget::{self, by, timed};
use crate::error::{Error, ErrorKind};
use crate::health::Condition;
use crate::loss::Losses;
use crate::stats::ConnectionCounters;
use crate::store::Operation;
use crate::watched::Watched;
pub(crate) use redirects::Member;
use routes::Routes;
pub(crate) use seeds::{AddressMap, ClusterSettings, Seeds};

/// A step is repeated so often where its slot has moved.
const MOST_REDIRECTS: usize = 4;

/// The servers of a cluster.
pub(crate) struct Cluster(Arc<Routes>);

impl RedisStore<Cluster> {
    /// On a cluster. Does not connect.
    pub(crate) fn cluster(settings: ClusterSettings) -> Self {
        Self { topology: Cluster(Arc::new(Routes::new(settings))) }
    }
}

impl Cluster {
    /// Takes a step where a bucket is. Where it has moved, the step has not been taken, and is taken there.
    async fn on<'a, T, F>(
        &'a self,
        bucket: Bucket,
        step: impl Fn(Arc<Node>) -> F + Send + Sync + 'a,
    ) -> Result<T, Error>
    where
        T: Send,
        F: Future<Output = Result<T, Error>> + Send + 'a,
    {
        let mut redirects = 0;
        loop {
            let node = self.node_of(bucket).await?;
            let error = match step(Arc::clone(&node)).await {
                Err(error) => error,
                done => return done,
            };
            if !is_moved(&error) || redirects == MOST_REDIRECTS || !self.0.follow(bucket, &node) {
                // Whatever it is, another node may have the slot by now.
                if !error.is_lasting() {
                    self.0.refresh();
                }
                return Err(error);
            }
            redirects += 1;
        }
    }

    async fn node_of(&self, bucket: Bucket) -> Result<Arc<Node>, Error> {
        match self.0.node(bucket) {
            Some(node) => Ok(node),
            None => Box::pin(self.first_node_of(bucket)).await,
        }
    }

    /// Waits for the first map of the slots, unless it could not be had.
    async fn first_node_of(&self, bucket: Bucket) -> Result<Arc<Node>, Error> {
        let mut changes = self.0.changes();
        loop {
            if let Some(node) = self.0.node(bucket) {
                return Ok(node);
            }
            self.0.refresh();
            if let Some(error) = self.0.why_not() {
                return Err(error);
            }
            let began = Instant::now();
            let left = budget::left_or(self.0.settings.link.patience);
            let changed = std::pin::pin!(changes.changed());
            let Some(waiting) = by(began + left, changed) else { return Err(Error::unreachable()) };
            let heard = timed(std::pin::pin!(waiting)).await;
            budget::charge(began.elapsed());
            if !matches!(heard, Some(Ok(Ok(())))) {
                return Err(Error::new(
                    ErrorKind::Timeout,
                    "the cluster has not said in time where its slots are",
                ));
            }
        }
    }
}

impl Topology for Cluster {
    type Lent<'a> = Arc<Node>;

    fn node(&self, key: &str) -> Option<Arc<Node>> {
        self.0.node(Buckets::of(key))
    }

    fn at<'a, T, F>(
        &'a self,
        key: &'a str,
        step: impl Fn(Arc<Node>) -> F + Send + Sync + 'a,
    ) -> Operation<'a, T>
    where
        T: Send + 'a,
        F: Future<Output = Result<T, Error>> + Send + 'a,
    {
        Box::pin(self.on(Buckets::of(key), step))
    }

    fn shares<'k>(&self, keys: impl ExactSizeIterator<Item = &'k str>) -> Vec<Vec<usize>> {
        let buckets: Vec<_> = keys.map(Buckets::of).collect();
        fan::shares(buckets.into_iter()).into_iter().map(|(_, places)| places).collect()
    }

    fn at_each<'a, F>(
        &'a self,
        keys: &'a [String],
        step: impl Fn(Arc<Node>, Cow<'a, [String]>) -> F + Send + Sync + 'a,
    ) -> Operation<'a, ()>
    where
        F: Future<Output = Result<(), Error>> + Send + 'a,
    {
        Box::pin(self.on_each(keys, step))
    }

    fn remove<'a>(
        &'a self,
        targets: Cow<'a, [Vec<String>]>,
    ) -> Operation<'a, Vec<Result<(), Error>>> {
        Box::pin(self.remove_each(targets))
    }

    fn watched(&self) -> Option<&Arc<Watched>> {
        None
    }

    fn condition(&self) -> Condition {
        self.0.condition()
    }

    fn report_to(&self, counters: &Arc<ConnectionCounters>, losses: &Arc<Losses>) {
        self.0.report_to(counters, losses);
    }
}
