//! What the server does, and what it says.

use super::*;

impl State {
    /// Executes what was sent first.
    pub(super) fn execute(&mut self, scenario: &Scenario) {
        if self.requests.is_empty() {
            return;
        }
        let reply = match self.requests.remove(0) {
            Request::Prove { age, counts } => {
                let number = self.number.unwrap_or_else(|| self.fresh_number());
                self.number = Some(number);
                Reply::Proved { age, counts, number }
            }
            Request::Get => {
                self.tracks_entry |= scenario.rules.reads_tracked;
                Reply::Got(self.entry)
            }
            Request::Ask => {
                self.tracks_group = true;
                Reply::Asked(self.generation)
            }
            Request::Invalidate(writer) => {
                // A report of one's own write can come after its reply.
                self.replies.push(Reply::Invalidated(writer));
                self.invalidate(scenario, writer);
                return;
            }
        };
        self.replies.push(reply);
    }

    pub(super) fn invalidate(&mut self, scenario: &Scenario, writer: Writer) {
        self.invalidated = self.invalidated.max(self.writes[writer].version);
        match scenario.writes[writer].1 {
            // Nobody is told of a delete that deletes nothing,
            Target::Entry => {
                if self.entry.take().is_some() {
                    self.report_entry();
                }
            }
            // except by the script that deletes generations.
            Target::Group => {
                self.generation = None;
                self.report_group();
            }
        }
    }

    /// Somebody stores what they have read from the source. The lease sees to it that it is not older than the last
    /// invalidation.
    pub(super) fn fill(&mut self, scenario: &Scenario, version: Version) {
        if scenario.has_group() {
            self.make_generation();
        }
        self.entry = Some(Entry { version, stamp: self.generation });
        self.report_entry();
    }

    pub(super) fn make_generation(&mut self) {
        self.generation = Some(self.generation.unwrap_or_else(|| self.fresh_generation()));
    }

    pub(super) fn report_entry(&mut self) {
        if std::mem::take(&mut self.tracks_entry) {
            self.replies.push(Reply::EntryChanged);
        }
    }

    pub(super) fn report_group(&mut self) {
        if std::mem::take(&mut self.tracks_group) {
            self.replies.push(Reply::GroupChanged);
        }
    }

    pub(super) fn fault(&mut self, scenario: &Scenario, fault: Fault) {
        match fault {
            // What has arrived at the process by then is read all the same.
            Fault::Lose => {
                self.connected = false;
                self.requests.clear();
                (self.tracks_entry, self.tracks_group) = (false, false);
            }
            Fault::Reconnect => self.reconnect(scenario),
            // What is tracked is tracked by name, in whichever database.
            Fault::Swap => self.empty(),
            Fault::Flush => {
                self.empty();
                (self.tracks_entry, self.tracks_group) = (false, false);
                if self.connected {
                    self.replies.push(Reply::Flushed);
                }
            }
            Fault::ForgetEntry if scenario.evictions_are_told => self.report_entry(),
            Fault::ForgetEntry => self.tracks_entry = false,
            Fault::ForgetGroup if scenario.evictions_are_told => self.report_group(),
            Fault::ForgetGroup => self.tracks_group = false,
        }
    }

    fn empty(&mut self) {
        (self.entry, self.generation, self.number) = (None, None, None);
    }

    /// Random is what differs from all that anybody remembers.
    fn fresh_number(&self) -> Number {
        let is_known = |number| {
            self.database == Some(number)
                || self.replies.iter().any(
                    |reply| matches!(reply, Reply::Proved { number: known, .. } if *known == number),
                )
        };
        (0..).find(|number| !is_known(*number)).unwrap_or_default()
    }

    fn fresh_generation(&self) -> Generation {
        let carries = |entry: Option<Entry>, generation| {
            entry.is_some_and(|entry| entry.stamp == Some(generation))
        };
        let is_known = |generation| {
            self.held == Some(generation)
                || carries(self.entry, generation)
                || carries(self.copy, generation)
                || carries(self.reading.and_then(|reading| reading.found), generation)
                || carries(self.call.and_then(|call| Some(call.copy?.0)), generation)
                || self.replies.iter().any(|reply| match reply {
                    Reply::Got(entry) => carries(*entry, generation),
                    Reply::Asked(known) => *known == Some(generation),
                    _ => false,
                })
        };
        (0..).find(|generation| !is_known(*generation)).unwrap_or_default()
    }
}
