//! The store on a Redis or Valkey server.

mod cluster;
mod commands;
mod connect;
mod credentials;
mod generations;
mod greeting;
mod line;
mod link;
mod many;
mod node;
mod request;
mod scripts;
mod sentinel;
mod server_clock;
mod source;
mod topology;
mod url;
mod wire;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::group::{Group, Groups, Stamps};
use crate::health::Condition;
use crate::lease::{Acquire, Acquired, FenceId, Fill, Filled, LeaseId, Life, Nonce};
use crate::loss::Losses;
use crate::stats::ConnectionCounters;
#[cfg(feature = "local")]
use crate::store::ToRead;
use crate::store::{Found, Operation, Store};
use crate::watched::Watched;
pub(crate) use cluster::{AddressMap, ClusterSettings, Seeds};
pub use credentials::Credentials;
pub(crate) use credentials::Provider;
#[cfg(test)]
pub(in crate::store) use generations::OLDEST;
pub(crate) use link::LinkSettings;
use node::Node;
pub(crate) use source::{Server, SocketOptions};
use topology::{Standalone, Topology};

/// The way in for the fuzzer, which has no other.
#[cfg(any(fuzzing, test))]
#[cfg_attr(test, allow(dead_code, reason = "the corpora are replayed with all features"))]
pub(crate) fn parse_url(text: &str) -> Result<redis::ConnectionInfo, Error> {
    url::parse(text).map(|address| address.info)
}

/// Leads each operation to the node that has its key; the node takes the step.
pub(crate) struct RedisStore<T = Standalone> {
    topology: T,
}

impl RedisStore {
    /// On one server. Does not connect.
    pub(crate) fn standalone(
        server: Server,
        sockets: SocketOptions,
        settings: LinkSettings,
    ) -> Result<Self, Error> {
        let (source, asks_for_resp2) = server.source(sockets)?;
        let tracking = settings.tracking && !asks_for_resp2;
        let node = Node::new(source, LinkSettings { tracking, ..settings });
        Ok(Self { topology: Standalone::new(node) })
    }
}

/// Whether the node of a key hears of what changes there.
fn is_tracked(topology: &impl Topology, key: &str) -> bool {
    topology.node(key).is_some_and(|node| node.is_tracked())
}

impl<T: Topology> Store for RedisStore<T> {
    fn read<'a>(&'a self, key: &'a str, groups: &'a Groups) -> Operation<'a, Option<Found>> {
        // Asked at each read: where it is not, another connection may be tried for.
        let is_tracked = is_tracked(&self.topology, key);
        // Of these three, a hit has the one that it needs, and no room for the others.
        match groups.function {
            Some(function) if !is_tracked => {
                if groups.tags.is_empty() && groups.classes.is_empty() {
                    self.topology
                        .at(key, move |node| async move { node.read_with(key, function).await })
                } else {
                    self.topology
                        .at(key, move |node| async move { node.look_up(key, function).await })
                }
            }
            _ => {
                let function = groups.function;
                self.topology
                    .at(key, move |node| async move { node.read_alone(key, function).await })
            }
        }
    }

    fn read_watched<'a>(
        &'a self,
        key: &'a str,
        groups: &'a Groups,
    ) -> Operation<'a, (Option<Found>, bool)> {
        if is_tracked(&self.topology, key) {
            return self.topology.at(key, move |node| async move { node.read_watched(key).await });
        }
        Box::pin(async move { Ok((self.read(key, groups).await?, false)) })
    }

    #[cfg(feature = "local")]
    fn prove(&self) -> Operation<'_, bool> {
        self.topology.at("", |node| async move { node.prove().await })
    }

    fn knows_current(&self, key: &str, stamps: &[u8]) -> Option<bool> {
        self.topology.node(key)?.knows_current(stamps)
    }

    fn watched(&self) -> Option<&Arc<Watched>> {
        self.topology.watched()
    }

    fn stamp<'a>(
        &'a self,
        key: &'a str,
        groups: &'a [Group],
        life: Duration,
    ) -> Operation<'a, Option<Stamps>> {
        self.topology.at(key, move |node| async move { node.stamp(groups, life).await })
    }

    fn is_current<'a>(&'a self, key: &'a str, stamps: &'a [u8]) -> Operation<'a, bool> {
        self.topology.at(key, move |node| async move { node.is_current(stamps).await })
    }

    fn acquire<'a>(&'a self, key: &'a str, acquire: Acquire<'a>) -> Operation<'a, Acquired> {
        self.topology.at(key, move |node| async move { node.acquire(key, acquire).await })
    }

    fn fill<'a>(
        &'a self,
        key: &'a str,
        lease: LeaseId,
        record: &'a [u8],
        life: Life,
    ) -> Operation<'a, Filled> {
        self.topology.at(key, move |node| async move { node.fill(key, lease, record, life).await })
    }

    fn read_many<'a>(
        &'a self,
        entries: &'a [(&'a str, &'a Groups)],
    ) -> Operation<'a, Vec<Option<Found>>> {
        let keys = entries.iter().map(|(key, _)| *key);
        many::at_each(
            &self.topology,
            keys,
            entries,
            |node, share| Box::pin(async move { node.read_many(&share).await }),
            |_| None,
        )
    }

    fn reads_at_once(&self, key: &str) -> Option<usize> {
        self.topology.node(key)?.reads_at_once()
    }

    #[cfg(feature = "local")]
    fn read_many_watched<'a>(
        &'a self,
        entries: &'a [ToRead<'a>],
    ) -> Operation<'a, Vec<(Option<Found>, bool)>> {
        let keys = entries.iter().map(|entry| entry.key);
        many::at_each(
            &self.topology,
            keys,
            entries,
            |node, share| Box::pin(async move { node.read_many_watched(&share).await }),
            |_| (None, false),
        )
    }

    fn stamp_many<'a>(
        &'a self,
        entries: &'a [(&'a str, Vec<Group>)],
        life: Duration,
    ) -> Operation<'a, Vec<Option<Stamps>>> {
        let keys = entries.iter().map(|(key, _)| *key);
        many::at_each(
            &self.topology,
            keys,
            entries,
            move |node, share| Box::pin(async move { node.stamp_many(&share, life).await }),
            |_| None,
        )
    }

    fn acquire_many<'a>(
        &'a self,
        entries: &'a [(&'a str, Acquire<'a>)],
    ) -> Operation<'a, Vec<Result<Acquired, Error>>> {
        let keys = entries.iter().map(|(key, _)| *key);
        many::at_each(
            &self.topology,
            keys,
            entries,
            |node, share| {
                Box::pin(async move { many::unless_moved(node.acquire_many(&share).await?) })
            },
            |error| Err(error.clone()),
        )
    }

    fn fill_many<'a>(
        &'a self,
        entries: &'a [Fill<'a>],
    ) -> Operation<'a, Vec<Result<Filled, Error>>> {
        let keys = entries.iter().map(|fill| fill.key);
        many::at_each(
            &self.topology,
            keys,
            entries,
            |node, share| {
                Box::pin(async move { many::unless_moved(node.fill_many(&share).await?) })
            },
            |error| Err(error.clone()),
        )
    }

    fn keep<'a>(&'a self, key: &'a str, lease: LeaseId, life: Life) -> Operation<'a, Filled> {
        self.topology.at(key, move |node| async move { node.keep(key, lease, life).await })
    }

    fn renew<'a>(&'a self, key: &'a str, lease: LeaseId, life: Duration) -> Operation<'a, bool> {
        self.topology.at(key, move |node| async move { node.renew(key, lease, life).await })
    }

    fn release<'a>(&'a self, key: &'a str, nonce: Nonce, pause: Duration) -> Operation<'a, ()> {
        self.topology.at(key, move |node| async move { node.release(key, nonce, pause).await })
    }

    fn touch<'a>(&'a self, key: &'a str, lease: LeaseId, life: Duration) -> Operation<'a, ()> {
        self.topology.at(key, move |node| async move { node.touch(key, lease, life).await })
    }

    fn delete<'a>(&'a self, keys: &'a [String]) -> Operation<'a, ()> {
        let is_generation = |key: &&String| Group::from_key(key).is_some();
        let (generations, entries): (Vec<_>, _) = keys.iter().partition(is_generation);
        let each = |keys: Vec<&String>| keys.into_iter().cloned().collect();
        let both = [entries, generations].into_iter().filter(|keys| !keys.is_empty());
        let both: Vec<Vec<String>> = both.map(each).collect();
        Box::pin(async move {
            if both.is_empty() {
                return Ok(());
            }
            self.topology.remove(Cow::Owned(both)).await?.into_iter().collect()
        })
    }

    fn delete_each<'a>(
        &'a self,
        targets: &'a [Vec<String>],
    ) -> Operation<'a, Vec<Result<(), Error>>> {
        self.topology.remove(Cow::Borrowed(targets))
    }

    fn hold<'a>(&'a self, keys: &'a [String], fence: FenceId, life: Duration) -> Operation<'a, ()> {
        self.topology
            .at_each(keys, move |node, keys| async move { node.hold(keys, fence, life).await })
    }

    fn lift<'a>(&'a self, keys: &'a [String], fence: FenceId) -> Operation<'a, ()> {
        self.topology.at_each(keys, move |node, keys| async move { node.lift(keys, fence).await })
    }

    fn mark_stale<'a>(&'a self, key: &'a str) -> Operation<'a, bool> {
        self.topology.at(key, move |node| async move { node.mark_stale(key).await })
    }

    fn ttl<'a>(&'a self, key: &'a str) -> Operation<'a, Option<Duration>> {
        self.topology.at(key, move |node| async move { node.ttl(key).await })
    }

    fn now(&self, key: &str) -> Option<u64> {
        self.topology.node(key)?.now()
    }

    fn ask_time<'a>(&'a self, key: &'a str) -> Operation<'a, u64> {
        self.topology.at(key, |node| async move { node.ask_time().await })
    }

    fn measures(&self) -> bool {
        true
    }

    fn condition(&self) -> Condition {
        self.topology.condition()
    }

    fn report_to(&self, counters: &Arc<ConnectionCounters>, losses: &Arc<Losses>) {
        self.topology.report_to(counters, losses);
    }
}
