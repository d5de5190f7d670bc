//! The process: where it reads, what it knows of generations, and what it answers with.

use super::{
    Bucket, Call, Entry, Generation, Node, OTHER, OWN, Removal, Reply, Request, Scenario, State,
};

impl State {
    pub(super) fn begin(&mut self) {
        let returned = self.writes.iter().filter(|write| write.has_returned);
        let demands = returned.map(|write| write.version).max().unwrap_or(0);
        self.calls -= 1;
        self.call = Some(Call { demands, found: None });
        self.requests[self.map].push(Request::Get);
    }

    pub(super) fn ask(&mut self, node: Node, bucket: Bucket, of_call: bool) {
        self.asking[node][bucket] = true;
        self.requests[node].push(Request::Ask { bucket, of_call });
    }

    pub(super) fn deliver(&mut self, scenario: &Scenario, node: Node, place: usize) {
        match self.replies[node].remove(place) {
            Reply::Changed(bucket) => {
                self.forget(scenario, node, bucket);
            }
            Reply::Got(None) => self.call = None,
            Reply::Got(Some(entry)) => self.found(scenario, node, entry),
            Reply::Asked { bucket, of_call, generation } => {
                if std::mem::take(&mut self.asking[node][bucket]) {
                    self.held[node][bucket] = generation;
                }
                if let Some(entry) = self.call.and_then(|call| call.found).filter(|_| of_call) {
                    self.compare(entry, generation);
                }
            }
            Reply::Moved(bucket) => {
                if bucket == OWN {
                    self.moved(scenario, node);
                }
                // A question for the generation is not repeated: the call loads.
                match self.call {
                    Some(Call { found: None, .. }) => self.requests[self.map].push(Request::Get),
                    _ => self.call = None,
                }
            }
            Reply::Away(_) => self.call = None,
        }
    }

    /// The entry's bucket is no longer on a node.
    fn moved(&mut self, scenario: &Scenario, from: Node) {
        self.map = 1 - from;
        if scenario.rules.forgets_moved {
            self.forget(scenario, from, OWN);
        }
    }

    pub(super) fn refresh(&mut self, scenario: &Scenario) {
        self.moved(scenario, 1 - self.owner);
    }

    fn forget(&mut self, scenario: &Scenario, node: Node, bucket: Bucket) {
        self.held[node][bucket] = None;
        self.asking[node][bucket] = false;
        if !scenario.rules.knowledge_per_bucket {
            self.held = Default::default();
            self.asking = Default::default();
        }
    }

    /// The generation that an entry from a node is compared with, as far as it is known.
    fn known(&self, scenario: &Scenario, node: Node) -> Option<Generation> {
        let bucket = scenario.stamped();
        if !scenario.rules.knowledge_per_bucket {
            return self.held.iter().flatten().flatten().next().copied();
        }
        if !scenario.rules.knowledge_per_node {
            return self.held.iter().find_map(|held| held[bucket]);
        }
        self.held[if bucket == OWN { node } else { OTHER }][bucket]
    }

    fn found(&mut self, scenario: &Scenario, node: Node, entry: Entry) {
        match self.known(scenario, node) {
            Some(generation) => {
                self.hit |= generation == entry.stamp;
                self.compare(entry, Some(generation));
            }
            None => {
                if let Some(call) = &mut self.call {
                    call.found = Some(entry);
                }
                let bucket = scenario.stamped();
                self.ask(if bucket == OWN { node } else { 0 }, bucket, true);
            }
        }
    }

    /// The end of a call that has found an entry.
    fn compare(&mut self, entry: Entry, generation: Option<Generation>) {
        let Some(call) = self.call.take() else { return };
        if generation == Some(entry.stamp) {
            self.stale |= entry.version < call.demands;
        } else {
            self.missed = true;
        }
    }

    /// Whether the invalidation of a write may return.
    pub(super) fn may_return(&self, scenario: &Scenario, writer: usize) -> bool {
        let write = &self.writes[writer];
        let mut done = write.removals.iter().map(|removal| *removal == Removal::Done);
        let is_done = if scenario.rules.waits_for_all {
            done.all(|done| done)
        } else {
            done.any(|done| done)
        };
        write.version > 0 && !write.has_returned && is_done
    }
}
