//! A cluster on loopback, and faults done to it.

mod migration;

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

pub use migration::Migration;

use crate::programs::Binary;
use crate::resp::Reply;
use crate::server::Server;
use crate::watchdog::Watched;
use crate::{poll, port};

/// How many slots a cluster has.
pub const SLOTS: u16 = 16_384;

/// How long a node may take to find the others, and all of them to agree.
const PATIENCE: Duration = Duration::from_secs(30);

/// After how many milliseconds of silence a node is taken to be away.
const NODE_TIMEOUT: &str = "1500";

/// Primaries, each with a share of the slots, and their replicas. Nodes that are away do not stop the others from
/// serving their slots. It ends when dropped, and when this process ends in whatever way.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
    primaries: usize,
    /// Removes what the nodes know of each other, which outlives each single one. Dropped last.
    _folder: Watched,
}

#[derive(Debug)]
struct Node {
    server: Server,
    /// Killed or frozen: not to be asked.
    is_away: AtomicBool,
}

impl Cluster {
    /// Starts a cluster; all nodes agree on the slots and all replicas are in step on return. The primaries come
    /// first: node 0 has the lowest slots, and the replicas of node `p` are `primaries + p * replicas_per_primary` and on.
    pub fn start(binary: &Binary, primaries: usize, replicas_per_primary: usize) -> Self {
        Self::start_with(binary, primaries, replicas_per_primary, &[])
    }

    /// The same with further arguments for each node.
    pub fn start_with(
        binary: &Binary,
        primaries: usize,
        replicas_per_primary: usize,
        arguments: &[&str],
    ) -> Self {
        let path = folder();
        let keeper = Watched::start(Command::new("sleep").arg("infinity"), path.clone());
        let nodes = (0..primaries * (1 + replicas_per_primary)).map(|index| {
            let config = path.join(format!("nodes-{index}.conf"));
            let config = config.to_str().expect("the temporary directory is named in UTF-8");
            Node::start(binary, config, arguments)
        });
        let cluster = Self { nodes: nodes.collect(), primaries, _folder: keeper };
        cluster.assign_slots();
        cluster.introduce();
        cluster.replicate(replicas_per_primary);
        cluster.until_ok();
        cluster
    }

    /// `redis://127.0.0.1:…` of each node, the primaries at the start first.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.server.url().to_owned()).collect()
    }

    /// How many nodes there are.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// A node, to ask it something. To harm it, use the methods of the cluster.
    pub fn node(&self, index: usize) -> &Server {
        &self.nodes[index].server
    }

    /// The node at a port.
    pub fn at_port(&self, port: u16) -> Option<usize> {
        self.nodes.iter().position(|node| node.server.port() == port)
    }

    /// Kills a node with SIGKILL; it is gone on return.
    pub fn kill(&self, index: usize) {
        self.nodes[index].is_away.store(true, Ordering::Relaxed);
        self.node(index).kill();
    }

    /// Freezes a node with SIGSTOP: connections stay, but nothing is answered.
    pub fn stop(&self, index: usize) {
        self.nodes[index].is_away.store(true, Ordering::Relaxed);
        self.node(index).stop();
    }

    /// Lets a frozen node go on.
    pub fn cont(&self, index: usize) {
        self.node(index).cont();
        self.nodes[index].is_away.store(false, Ordering::Relaxed);
    }

    /// Starts a node again, without its entries; it answers on return, and finds the others by itself.
    pub fn restart(&self, index: usize) {
        self.node(index).restart();
        self.nodes[index].is_away.store(false, Ordering::Relaxed);
    }

    /// The slot of a key.
    pub fn slot_of(&self, key: &str) -> u16 {
        let slot = self.any().command(&["CLUSTER", "KEYSLOT", key]);
        slot.parse().unwrap_or_else(|_| panic!("the slot of a key is {slot}"))
    }

    /// The primary of a slot, as most nodes see it that are not away.
    pub fn primary_of(&self, slot: u16) -> Option<usize> {
        let seen: Vec<usize> =
            self.present().filter_map(|node| self.primary_seen_by(node, slot)).collect();
        let votes = |index: &usize| seen.iter().filter(|other| *other == index).count();
        seen.iter().copied().max_by_key(votes)
    }

    /// Waits until all nodes that are not away have the same primary for a slot; which one.
    pub fn until_agreed(&self, slot: u16) -> usize {
        let mut agreed = None;
        poll::until(format!("the nodes agree on slot {slot}"), PATIENCE, || {
            let mut seen = self.present().map(|node| self.primary_seen_by(node, slot));
            agreed = seen.next().flatten();
            agreed.is_some() && seen.all(|other| other == agreed)
        });
        agreed.expect("polled above")
    }

    /// Waits until another node than this one is the primary of a slot, such as after it was killed; which one.
    pub fn until_failed_over(&self, slot: u16, from: usize) -> usize {
        let mut to = None;
        poll::until(format!("node {from} is replaced for slot {slot}"), PATIENCE, || {
            to = self.primary_of(slot).filter(|index| *index != from);
            to.is_some()
        });
        to.expect("polled above")
    }

    /// Waits until all nodes that are not away say that the cluster is whole, and their replication works.
    pub fn until_ok(&self) {
        poll::until("the cluster is ready", PATIENCE, || self.present().all(is_ready));
    }

    /// Gives each primary its share of the slots, before they know each other.
    fn assign_slots(&self) {
        let count = u16::try_from(self.primaries).expect("a few");
        for (index, node) in (0..count).zip(&self.nodes) {
            let from = u32::from(index) * u32::from(SLOTS) / u32::from(count);
            let to = u32::from(index + 1) * u32::from(SLOTS) / u32::from(count);
            let mut add = vec!["CLUSTER".to_owned(), "ADDSLOTS".to_owned()];
            add.extend((from..to).map(|slot| slot.to_string()));
            node.must(&add);
            // Of two with one epoch, each would yield to the other for a while.
            node.must(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()]);
        }
    }

    fn introduce(&self) {
        for node in &self.nodes[1..] {
            self.nodes[0].must(&["CLUSTER", "MEET", "127.0.0.1", &node.server.port().to_string()]);
        }
        poll::until("the nodes know each other", PATIENCE, || {
            self.nodes.iter().all(|node| {
                let known = node.server.command(&["CLUSTER", "NODES"]);
                let met = |line: &&str| line.contains(" connected") && !line.contains("handshake");
                known.lines().filter(met).count() == self.nodes.len()
            })
        });
    }

    fn replicate(&self, replicas_per_primary: usize) {
        let (primaries, replicas) = self.nodes.split_at(self.primaries);
        for (index, replica) in replicas.iter().enumerate() {
            let primary = &primaries[index / replicas_per_primary];
            let id = primary.server.command(&["CLUSTER", "MYID"]);
            replica.must(&["CLUSTER", "REPLICATE", &id]);
        }
        poll::until("all nodes know all replicas", PATIENCE, || {
            self.nodes.iter().all(|node| {
                let known = node.server.command(&["CLUSTER", "NODES"]);
                known.lines().filter(|line| line.contains("slave")).count() == replicas.len()
            })
        });
    }

    fn present(&self) -> impl Iterator<Item = &Server> {
        let present = self.nodes.iter().filter(|node| !node.is_away.load(Ordering::Relaxed));
        present.map(|node| &node.server)
    }

    fn any(&self) -> &Server {
        self.present().next().expect("a node that is not away")
    }

    fn primary_seen_by(&self, node: &Server, slot: u16) -> Option<usize> {
        let Ok(Reply::Array(ranges)) = node.ask(&["CLUSTER", "SLOTS"]) else { return None };
        let port = ranges.iter().find_map(|range| {
            let Reply::Array(range) = range else { return None };
            let [Reply::Int(first), Reply::Int(last), Reply::Array(primary), ..] = &range[..]
            else {
                return None;
            };
            let Some(Reply::Int(port)) = primary.get(1) else { return None };
            (*first..=*last).contains(&slot.into()).then_some(*port)
        })?;
        self.at_port(u16::try_from(port).ok()?)
    }
}

impl Node {
    fn start(binary: &Binary, config: &str, arguments: &[&str]) -> Self {
        let mut all = vec!["--cluster-enabled", "yes", "--cluster-config-file", config];
        all.extend(["--cluster-node-timeout", NODE_TIMEOUT]);
        all.extend(["--cluster-require-full-coverage", "no"]);
        // A replica that was cut off for long still takes over, and none leaves its primary for another.
        all.extend(["--cluster-replica-validity-factor", "0", "--cluster-migration-barrier", "99"]);
        all.extend(["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"]);
        all.extend(arguments);
        let server = Server::start_at(binary, &all, port::free_with_bus);
        Self { server, is_away: AtomicBool::new(false) }
    }

    /// Sends a command that must not fail.
    fn must<A: AsRef<[u8]>>(&self, command: &[A]) {
        let answer = self.server.command(command);
        assert_eq!(answer, "OK", "{}", String::from_utf8_lossy(command[1].as_ref()));
    }
}

fn is_ready(node: &Server) -> bool {
    let state = node.command(&["CLUSTER", "INFO"]);
    let says = |line: &str| state.lines().any(|found| found.trim() == line);
    let is_whole = says("cluster_state:ok") && says(&format!("cluster_slots_ok:{SLOTS}"));
    is_whole && node.info("master_link_status").is_none_or(|link| link == "up")
}

fn folder() -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("cached-redis-test-cluster-{}-{number}", std::process::id()))
}
