//! Which node each bucket is on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwapOption;
use tokio::sync::watch;

use super::redirects::{Member, Redirects};
use super::refresh::Refresher;
use super::seeds::ClusterSettings;
use super::slots::{Address, SlotMap};
use crate::bucket::{BUCKETS, Bucket, Buckets, slot_of};
use crate::error::Error;
use crate::health::{Condition, Tracking};
use crate::loss::Losses;
use crate::stats::ConnectionCounters;
use crate::store::redis::generations::Generations;
use crate::store::redis::link::{Link, LinkSettings};
use crate::store::redis::node::Node;
use crate::telemetry::event;

/// Which node each bucket is on, and the links to them.
pub(super) struct Routes {
    pub(super) settings: ClusterSettings,
    pub(super) buckets: Buckets,
    nodes: Vec<ArcSwapOption<Node>>,
    places: Mutex<Places>,
    redirects: Arc<Redirects>,
    changed: watch::Sender<()>,
    pub(super) refresher: Mutex<Refresher>,
    reports: OnceLock<(Arc<ConnectionCounters>, Arc<Losses>)>,
}

/// Held while routes change; steps never wait for it.
#[derive(Default)]
struct Places {
    of_bucket: HashMap<Bucket, Address>,
    links: HashMap<Address, (Link, Member)>,
    /// All nodes that the last map has named, replicas among them.
    named: Vec<Address>,
    /// Why the last map could not be had.
    why_not: Option<Error>,
}

impl Routes {
    pub(super) fn new(settings: ClusterSettings) -> Self {
        Self {
            buckets: Buckets::new(&settings.link.namespace),
            settings,
            nodes: (0..BUCKETS).map(|_| ArcSwapOption::empty()).collect(),
            places: Mutex::default(),
            redirects: Arc::default(),
            changed: watch::Sender::new(()),
            refresher: Mutex::default(),
            reports: OnceLock::new(),
        }
    }

    /// The node of a bucket, if it is known.
    pub(super) fn node(&self, bucket: Bucket) -> Option<Arc<Node>> {
        self.nodes[bucket].load_full()
    }

    /// To wait for the next map, or for the news that there is none.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Why there is no map.
    pub(super) fn why_not(&self) -> Option<Error> {
        self.places().why_not.clone()
    }

    /// A node has said that it does not have a bucket. Whether another one is known to.
    pub(super) fn follow(self: &Arc<Self>, bucket: Bucket, node: &Arc<Node>) -> bool {
        self.refresh();
        if self.node(bucket).is_some_and(|known| !Arc::ptr_eq(&known, node)) {
            return true;
        }
        let Some(address) = self.redirects.moved(self.slot(bucket)) else { return false };
        self.put(&mut self.places(), bucket, &self.settings.mapped(&address))
    }

    /// The node to which the slot of a bucket is on its way.
    pub(super) fn destination(&self, bucket: Bucket) -> Option<Node> {
        let address = self.settings.mapped(&self.redirects.asked(self.slot(bucket))?);
        let known = self.places().links.get(&address).map(|(link, _)| link.clone());
        let link = known.or_else(|| self.scout(&address).ok())?;
        let namespace = self.buckets.namespace(bucket).to_owned();
        Some(Node::on(link, Arc::<Generations>::default(), namespace))
    }

    /// A node has said where all slots are.
    pub(super) fn apply(&self, map: &SlotMap) {
        let mut places = self.places();
        places.named = map.named.iter().map(|address| self.settings.mapped(address)).collect();
        let mut has_changed = false;
        for bucket in 0..BUCKETS {
            if let Some(primary) = map.primary(self.slot(bucket)) {
                has_changed |= self.put(&mut places, bucket, &self.settings.mapped(primary));
            }
        }
        let is_whole = places.of_bucket.len() == BUCKETS;
        places.why_not = (!is_whole).then(|| Error::unreachable_because("no node has the slot"));
        let nodes = places.links.len();
        drop(places);
        if has_changed {
            event!(info, nodes, "the slots of the cluster are known");
        }
        self.changed.send_replace(());
    }

    /// No node has said where the slots are.
    pub(super) fn failed(&self, error: Error) {
        event!(warn, reason = %error, "no node says where the slots of the cluster are");
        self.places().why_not = Some(error);
        self.changed.send_replace(());
    }

    /// A bucket is there. Whether that is news.
    fn put(&self, places: &mut Places, bucket: Bucket, address: &Address) -> bool {
        if places.of_bucket.get(&bucket) == Some(address) {
            return false;
        }
        let namespace = self.buckets.namespace(bucket);
        let link = match places.links.get(address) {
            Some((link, _)) => link.clone(),
            None => {
                let Ok((link, member)) = self.link(address, namespace) else { return false };
                places.links.insert(address.clone(), (link.clone(), member));
                link
            }
        };
        places.of_bucket.insert(bucket, address.clone());
        let generations = link.generations().part(namespace);
        let node = Arc::new(Node::on(link, generations, namespace.to_owned()));
        if let Some(old) = self.nodes[bucket].swap(Some(node)) {
            // What it knew is not told any more. Steps that are on their way there end as they began.
            old.forget_all();
        }
        self.tidy(places);
        true
    }

    /// Closes the links that lead to no bucket, and sees to it that the others try out reports where their nodes have slots.
    fn tidy(&self, places: &mut Places) {
        let Places { of_bucket, links, .. } = places;
        let first_of =
            |address: &Address| (0..BUCKETS).find(|bucket| of_bucket.get(bucket) == Some(address));
        links.retain(|address, (_, member)| {
            let first = first_of(address);
            if let Some(bucket) = first {
                member.set_namespace(self.buckets.namespace(bucket));
            }
            first.is_some()
        });
    }

    /// The links to all nodes.
    pub(super) fn links(&self) -> Vec<(Address, Link)> {
        let places = self.places();
        places.links.iter().map(|(address, (link, _))| (address.clone(), link.clone())).collect()
    }

    /// Where else there may be a node that answers.
    pub(super) fn others(&self) -> Vec<Address> {
        let places = self.places();
        let all = places.named.iter().chain(&self.settings.seeds);
        all.filter(|address| !places.links.contains_key(*address)).cloned().collect()
    }

    fn link(&self, address: &Address, namespace: &str) -> Result<(Link, Member), Error> {
        let member = self.member(address, namespace);
        let settings = LinkSettings { member: Some(member.clone()), ..self.settings.link.clone() };
        let link = Link::new(self.settings.source(address)?, settings);
        if let Some((counters, losses)) = self.reports.get() {
            link.report_to(counters, losses);
        }
        Ok((link, member))
    }

    /// A link on which nothing is read that is kept.
    pub(super) fn scout(&self, address: &Address) -> Result<Link, Error> {
        let member = self.member(address, &self.settings.link.namespace);
        let settings = LinkSettings {
            member: Some(member),
            tracking: false,
            patience: self.settings.link.patience.max(super::refresh::PATIENCE),
            ..self.settings.link.clone()
        };
        Ok(Link::new(self.settings.source(address)?, settings))
    }

    fn member(&self, address: &Address, namespace: &str) -> Member {
        Member {
            address: address.clone(),
            redirects: Arc::clone(&self.redirects),
            namespace: Arc::new(Mutex::new(namespace.to_owned())),
        }
    }

    fn slot(&self, bucket: Bucket) -> u16 {
        slot_of(self.buckets.namespace(bucket))
    }

    /// The worst of all nodes.
    pub(super) fn condition(&self) -> Condition {
        let links = self.links();
        let of_links = links.iter().map(|(_, link)| link.condition().tracking);
        let worst = of_links.reduce(|one, other| match (one, other) {
            (Tracking::Off(why), _) | (_, Tracking::Off(why)) => Tracking::Off(why),
            (Tracking::On, Tracking::On) => Tracking::On,
            _ => Tracking::Unknown,
        });
        Condition { tracking: worst.unwrap_or_default() }
    }

    pub(super) fn report_to(&self, counters: &Arc<ConnectionCounters>, losses: &Arc<Losses>) {
        // Said once, before there are links.
        let _ = self.reports.set((Arc::clone(counters), Arc::clone(losses)));
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // Nothing panics while it is held.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
