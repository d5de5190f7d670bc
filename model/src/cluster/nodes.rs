//! The nodes: what Redis Cluster does with a command, by where its key is and who has the slot.

use super::{
    Bucket, Entry, Generation, Node, OTHER, OWN, Placed, Removal, Reply, Request, Scenario, State,
    Version, Writer,
};

/// What a node says to a command about a key.
enum Verdict {
    /// It is carried out.
    Here,
    /// `MOVED`.
    Moved,
    /// `ASK`.
    Away,
}

impl State {
    pub(super) fn owner_of(&self, bucket: Bucket) -> Node {
        if bucket == OWN { self.owner } else { 0 }
    }

    fn moves(&self, bucket: Bucket) -> bool {
        bucket == OWN && self.moving
    }

    /// What a node says to a command without `ASKING`. `place` is where the key is, if it is.
    fn verdict(&self, bucket: Bucket, node: Node, place: Option<Node>) -> Verdict {
        if self.owner_of(bucket) != node {
            Verdict::Moved
        } else if self.moves(bucket) && place != Some(node) {
            Verdict::Away
        } else {
            Verdict::Here
        }
    }

    pub(super) fn execute(&mut self, node: Node) {
        let reply = match self.requests[node].remove(0) {
            Request::Get => match self.verdict(OWN, node, self.entry.map(|entry| entry.node)) {
                Verdict::Here => Reply::Got(self.entry.map(|entry| entry.value)),
                Verdict::Moved => Reply::Moved(OWN),
                Verdict::Away => Reply::Away(OWN),
            },
            Request::Ask { bucket, of_call } => {
                let place = self.generations[bucket].map(|generation| generation.node);
                match self.verdict(bucket, node, place) {
                    Verdict::Here => {
                        self.tracks[node][bucket] = true;
                        {
                            let generation = self.generations[bucket].map(|placed| placed.value);
                            Reply::Asked { bucket, of_call, generation }
                        }
                    }
                    Verdict::Moved => Reply::Moved(bucket),
                    Verdict::Away => Reply::Away(bucket),
                }
            }
        };
        self.replies[node].push(reply);
    }

    /// A removal of the generation of a bucket arrives.
    pub(super) fn remove(&mut self, scenario: &Scenario, writer: Writer, bucket: Bucket) {
        let place = self.generations[bucket].map(|generation| generation.node);
        let removal = match self.writes[writer].removals[bucket] {
            Removal::Done => Removal::Done,
            Removal::Asking(node) if self.moves(bucket) && self.owner_of(bucket) != node => {
                self.followed |= place == Some(node);
                self.take_away(bucket, node);
                Removal::Done
            }
            Removal::To(node) | Removal::Asking(node) => match self.verdict(bucket, node, place) {
                Verdict::Here => {
                    self.take_away(bucket, node);
                    Removal::Done
                }
                Verdict::Moved if scenario.rules.follows_moved => {
                    Removal::To(self.owner_of(bucket))
                }
                Verdict::Away if scenario.rules.follows_carried => Removal::Asking(1 - node),
                Verdict::Moved | Verdict::Away => Removal::Done,
            },
        };
        let write = &mut self.writes[writer];
        write.removals[bucket] = removal;
        if removal == Removal::Done && bucket == scenario.stamped() {
            self.invalidated = self.invalidated.max(write.version);
        }
    }

    /// The generation is no longer on a node, which reports that.
    fn take_away(&mut self, bucket: Bucket, node: Node) {
        if self.generations[bucket].is_some_and(|generation| generation.node == node) {
            self.generations[bucket] = None;
            self.report(bucket, node);
        }
    }

    fn report(&mut self, bucket: Bucket, node: Node) {
        if std::mem::take(&mut self.tracks[node][bucket]) {
            self.replies[node].push(Reply::Changed(bucket));
        }
    }

    pub(super) fn carry_entry(&mut self) {
        if let Some(entry) = &mut self.entry {
            entry.node = 1 - self.owner;
        }
    }

    pub(super) fn carry_generation(&mut self) {
        if let Some(generation) = &mut self.generations[OWN] {
            generation.node = 1 - self.owner;
            self.report(OWN, self.owner);
        }
    }

    /// The generation of a bucket, made where there is none.
    pub(super) fn make(&mut self, scenario: &Scenario, bucket: Bucket) -> Generation {
        if let Some(generation) = self.generations[bucket] {
            return generation.value;
        }
        let other = self.generations[1 - bucket].map(|generation| generation.value);
        let value = other.filter(|_| !scenario.rules.knowledge_per_bucket).unwrap_or(self.made);
        if value == self.made {
            self.made += 1;
        }
        let node = self.owner_of(bucket);
        self.generations[bucket] = Some(Placed { value, node });
        self.report(bucket, node);
        value
    }

    /// Somebody stores what they have read from the source, which was this version.
    pub(super) fn fill(&mut self, scenario: &Scenario, version: Version) {
        let stamp = self.make(scenario, scenario.stamped());
        self.entry = Some(Placed { value: Entry { version, stamp }, node: self.owner });
    }
}

impl Scenario {
    /// The bucket whose generation entries are stamped with.
    pub(super) fn stamped(&self) -> Bucket {
        if self.rules.generation_per_bucket { OWN } else { OTHER }
    }
}
