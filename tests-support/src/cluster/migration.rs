//! A slot that moves from one node to another, in steps, so that a test can look in between.

use super::Cluster;
use crate::resp::Reply;

/// A slot on its way: keys that have moved are answered with ASK by the node that they leave. Without
/// [`finish`](Self::finish) it stays so.
#[derive(Debug)]
#[must_use = "the slot stays between the nodes until it is finished"]
pub struct Migration<'a> {
    cluster: &'a Cluster,
    slot: u16,
    from: usize,
    to: usize,
}

impl Cluster {
    /// Moves a slot with all its keys; all nodes know on return.
    pub fn move_slot(&self, slot: u16, from: usize, to: usize) {
        self.begin_move(slot, from, to).finish();
    }

    /// Opens a slot at both ends. No key has moved yet, and keys that are missing are asked for at the new node.
    pub fn begin_move(&self, slot: u16, from: usize, to: usize) -> Migration<'_> {
        let (number, ids) = (slot.to_string(), [from, to].map(|index| self.id(index)));
        self.nodes[to].must(&["CLUSTER", "SETSLOT", &number, "IMPORTING", &ids[0]]);
        self.nodes[from].must(&["CLUSTER", "SETSLOT", &number, "MIGRATING", &ids[1]]);
        Migration { cluster: self, slot, from, to }
    }

    fn id(&self, index: usize) -> String {
        self.node(index).command(&["CLUSTER", "MYID"])
    }
}

impl Migration<'_> {
    /// Moves up to so many of the keys that are left. How many there were.
    pub fn move_keys(&self, most: usize) -> usize {
        let from = self.cluster.node(self.from);
        let list = ["CLUSTER", "GETKEYSINSLOT", &self.slot.to_string(), &most.to_string()];
        let keys = match from.ask(&list) {
            Ok(Reply::Array(keys)) => keys,
            other => panic!("the keys of slot {} are {other:?}", self.slot),
        };
        let keys: Vec<_> = keys.into_iter().filter_map(bytes).collect();
        if !keys.is_empty() {
            let port = self.cluster.node(self.to).port().to_string();
            let head = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            let head = head.iter().map(|word| word.as_bytes().to_vec());
            let command: Vec<_> = head.chain(keys.iter().cloned()).collect();
            // NOKEY: they have gone meanwhile.
            let answer = from.command(&command);
            assert!(matches!(&*answer, "OK" | "NOKEY"), "MIGRATE: {answer}");
        }
        keys.len()
    }

    /// Moves what is left, and closes the slot: the new node is its primary, and all nodes know on return.
    pub fn finish(self) {
        while self.move_keys(100) > 0 {}
        let id = self.cluster.id(self.to);
        let slot = self.slot.to_string();
        let assign = ["CLUSTER", "SETSLOT", &slot, "NODE", &id];
        // The new node first: from then on it has the higher epoch, and the others believe it.
        for index in [self.to, self.from] {
            self.cluster.nodes[index].must(&assign);
        }
        assert_eq!(self.cluster.until_agreed(self.slot), self.to, "slot {slot}");
    }

    /// Ends it with what has moved so far left where it is: the slot stays with its old node, as after a mistake of
    /// an operator.
    pub fn give_up(self) {
        for index in [self.from, self.to] {
            let slot = self.slot.to_string();
            self.cluster.nodes[index].must(&["CLUSTER", "SETSLOT", &slot, "STABLE"]);
        }
    }
}

fn bytes(reply: Reply) -> Option<Vec<u8>> {
    match reply {
        Reply::Bulk(bytes) => Some(bytes),
        _ => None,
    }
}
