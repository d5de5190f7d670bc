//! What the process knows, and what it answers.

use super::*;

impl State {
    /// A process takes something from its connection.
    pub(super) fn deliver(&mut self, scenario: &Scenario, place: usize) {
        let rules = &scenario.rules;
        match self.replies.remove(place) {
            Reply::Proved { age, counts, number } => {
                if counts {
                    self.proves(rules, if rules.counts_from_sending { age } else { 0 }, number);
                }
            }
            Reply::Got(found) => {
                if let Some(reading) = self.reading {
                    self.reading = found.map(|entry| Reading { found: Some(entry), ..reading });
                }
            }
            Reply::Asked(generation) => {
                if std::mem::take(&mut self.asking) {
                    self.held = generation;
                }
            }
            Reply::Invalidated(writer) => self.writes[writer].step = Step::Answered,
            Reply::EntryChanged => self.end_watches(),
            Reply::GroupChanged => self.forget_group(),
            Reply::Flushed if rules.forgets_on_flush => self.forget(),
            Reply::Flushed => {}
        }
    }

    /// The server has answered, and has this number under the key of the database.
    fn proves(&mut self, rules: &Rules, age: Age, number: Number) {
        if rules.compares_database && *self.database.get_or_insert(number) != number {
            self.forget_watches();
            return;
        }
        self.proof = Some(self.proof.map_or(age, |known| known.min(age)));
    }

    /// Whether the server has answered a command that was sent less than a bound before the clock was read.
    fn is_proved(&self, scenario: &Scenario, since: Age) -> bool {
        self.proof.is_some_and(|age| age.saturating_sub(since) < scenario.bound)
    }

    fn end_watches(&mut self) {
        self.copy = None;
        if let Some(reading) = &mut self.reading {
            reading.stands = false;
        }
        if let Some(Call { copy: Some((_, stands)), .. }) = &mut self.call {
            *stands = false;
        }
    }

    fn forget_group(&mut self) {
        (self.held, self.asking) = (None, false);
    }

    /// A new epoch.
    fn forget_watches(&mut self) {
        self.end_watches();
        (self.proof, self.database) = (None, None);
        for request in &mut self.requests {
            if let Request::Prove { counts, .. } = request {
                *counts = false;
            }
        }
        for reply in &mut self.replies {
            if let Reply::Proved { counts, .. } = reply {
                *counts = false;
            }
        }
    }

    fn forget(&mut self) {
        self.forget_watches();
        self.forget_group();
    }

    /// What is under way has failed.
    pub(super) fn reconnect(&mut self, scenario: &Scenario) {
        self.connected = true;
        self.replies.clear();
        self.reading = None;
        self.asking = false;
        if scenario.rules.forgets_on_disconnect {
            self.forget();
        }
        for write in &mut self.writes {
            if write.step == Step::Sent {
                (write.step, write.outstanding) = (Step::Failed, true);
            }
        }
    }

    pub(super) fn may_read(&self, scenario: &Scenario) -> bool {
        let is_proved = !scenario.rules.begins_when_proved || self.is_proved(scenario, 0);
        self.connected && self.reading.is_none() && is_proved
    }

    pub(super) fn read(&mut self) {
        // The copy that there was is about to be replaced.
        self.end_watches();
        self.reading = Some(Reading { stands: true, found: None });
        self.requests.push(Request::Get);
    }

    pub(super) fn keep(&mut self, scenario: &Scenario) {
        let Some(Reading { stands, found }) = self.reading.take() else { return };
        if stands || !scenario.rules.watches_before_reading {
            self.copy = found;
        }
    }

    pub(super) fn is_outstanding(&self) -> bool {
        self.writes.iter().any(|write| write.outstanding)
    }

    /// A call that begins now. `None` if nothing has been invalidated for it: no copy can be too old.
    pub(super) fn call_now(&self, scenario: &Scenario) -> Option<Call> {
        let (mut own, mut elsewhere) = (0, 0);
        for (write, (origin, _)) in self.writes.iter().zip(&scenario.writes) {
            match (origin, write.step) {
                (Origin::Own, step) if matches!(step, Step::Returned(_)) || write.outstanding => {
                    own = own.max(write.version);
                }
                (Origin::Elsewhere, Step::Returned(age)) if age >= scenario.bound => {
                    elsewhere = elsewhere.max(write.version);
                }
                _ => {}
            }
        }
        (own != 0 || elsewhere != 0).then_some(Call {
            own,
            elsewhere,
            age: 0,
            passed: 0,
            copy: None,
        })
    }

    /// The next check of a call, which ends the call if it fails: then it reads from the server.
    pub(super) fn check(&mut self, scenario: &Scenario) {
        let Some(mut call) = self.call else { return };
        let Some(check) = scenario.rules.checks.get(call.passed) else { return };
        let passes = match check {
            Check::Copy => {
                call.copy = self.copy.map(|copy| (copy, true));
                // One that is new enough is a right answer, whatever happens.
                self.copy.is_some_and(|copy| copy.version < call.own.max(call.elsewhere))
            }
            Check::Watch => call.copy.is_some_and(|(_, stands)| stands),
            Check::Proof => !scenario.rules.bounds_silence || self.is_proved(scenario, call.age),
            Check::Stamps => call.copy.is_some_and(|(copy, _)| copy.stamp == self.held),
            Check::Outstanding => !self.is_outstanding(),
        };
        call.passed += 1;
        self.call = passes.then_some(call);
    }

    pub(super) fn answer(&mut self) {
        let Some(call) = self.call.take() else { return };
        let Some((Entry { version, .. }, _)) = call.copy else { return };
        if version < call.own {
            self.outdated = Some(Outdated::ByOwn);
        } else if version < call.elsewhere {
            self.outdated = Some(Outdated::Elsewhere);
        }
    }

    /// An own invalidation begins, or begins anew.
    pub(super) fn send_invalidation(&mut self, writer: Writer) {
        self.writes[writer].step = Step::Sent;
        // Otherwise it is lost.
        if self.connected {
            self.requests.push(Request::Invalidate(writer));
        }
    }

    /// An own invalidation returns.
    pub(super) fn return_invalidation(&mut self, scenario: &Scenario, writer: Writer) {
        self.writes[writer].step = Step::Returned(0);
        self.writes[writer].outstanding = false;
        match scenario.writes[writer].1 {
            Target::Entry if scenario.rules.own_ends_watch => self.end_watches(),
            Target::Group if scenario.rules.own_forgets_group => self.forget_group(),
            _ => {}
        }
    }
}
