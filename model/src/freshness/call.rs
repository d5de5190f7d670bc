//! The call: what it looks at, what it asks, and what it takes for an answer.

use super::*;

impl State {
    pub(crate) fn begin(&mut self, protocol: &Protocol, caller: Caller) {
        self.call_mut(caller).floor = self.invalidated;
        self.look(protocol, caller);
    }

    /// GET.
    pub(crate) fn look(&mut self, protocol: &Protocol, caller: Caller) {
        match protocol.reads {
            Reads::BeforeGet if !protocol.groups.is_empty() => {
                let stamps = self.read_generations(protocol);
                *self.call_mut(caller) =
                    Call { phase: Phase::Getting, stamps, ..*self.call(caller) };
                return;
            }
            Reads::AfterGet | Reads::BeforeGet => {
                return self.found(protocol, caller, self.record);
            }
            Reads::Tracked => {}
        }
        let process = usize::from(protocol.process(caller));
        if !protocol.rules.knows_after_reply {
            let known = self.held(protocol, caller);
            self.call_mut(caller).stamps = known.unwrap_or_default();
        }
        self.processes[process].inbox.push(Delivery::Got(caller, self.record));
        self.call_mut(caller).phase = Phase::Getting;
    }

    /// GET, after the generations have been read.
    pub(crate) fn get(&mut self, protocol: &Protocol, caller: Caller) {
        let stamps = self.call(caller).stamps;
        if protocol.are_known(stamps) {
            return self.decide(protocol, caller, self.record, stamps);
        }
        self.ensure_first(caller, self.record);
    }

    /// The reply to GET.
    pub(crate) fn found(&mut self, protocol: &Protocol, caller: Caller, found: Option<Record>) {
        if protocol.groups.is_empty() {
            return self.decide(protocol, caller, found, [None; 3]);
        }
        let stamps = self.call(caller).stamps;
        if !protocol.rules.knows_after_reply && stamps != [None; 3] {
            return self.decide(protocol, caller, found, stamps);
        }
        self.call_mut(caller).phase = Phase::Looking(found);
    }

    /// Which generations are there, now that GET has been answered?
    pub(crate) fn compare(&mut self, protocol: &Protocol, caller: Caller) {
        let Phase::Looking(found) = self.call(caller).phase else { return };
        let known = match protocol.reads {
            Reads::Tracked => self.held(protocol, caller),
            Reads::AfterGet | Reads::BeforeGet => {
                let stamps = self.read_generations(protocol);
                protocol.are_known(stamps).then_some(stamps)
            }
        };
        match known {
            Some(stamps) => self.decide(protocol, caller, found, stamps),
            None => self.ensure_first(caller, found),
        }
    }

    /// A generation is missing that must be known before a load.
    fn ensure_first(&mut self, caller: Caller, found: Option<Record>) {
        let nonce = Nonce { caller, round: self.call(caller).rounds };
        let call = self.call_mut(caller);
        call.phase = Phase::Ensuring(found);
        call.stamps = [None; 3];
        self.send(Command::Ensure { nonce });
    }

    /// What GET has found, and what the generations say of it.
    pub(crate) fn decide(
        &mut self,
        protocol: &Protocol,
        caller: Caller,
        found: Option<Record>,
        stamps: Stamps,
    ) {
        let kind = protocol.kind(caller);
        self.call_mut(caller).stamps = stamps;
        let value = match found {
            _ if kind == Kind::Refresh => return self.ask(protocol, caller, Intent::Refresh),
            Some(Record::Value(value)) => value,
            _ => return self.ask(protocol, caller, Intent::Read),
        };
        // Of another generation: it counts as absent, whatever else it is.
        if !protocol.is_current(&value, stamps) {
            return self.ask(protocol, caller, Intent::Replace(value.id));
        }
        match kind {
            Kind::Early => {}
            _ if !value.stale => return self.answer(caller, value.version),
            Kind::Stale => {}
            Kind::Fallback if value.reload == Reload::Throttled => {
                return self.answer(caller, value.version);
            }
            _ => {
                self.call_mut(caller).found = Some(value.version);
                return self.ask(protocol, caller, Intent::Read);
            }
        }
        self.answer(caller, value.version);
        if self.call(caller).phase == Phase::Ended {
            let call = Call { found: Some(value.version), stamps, behind: true, ..Call::IDLE };
            *self.call_mut(caller) = call;
            self.ask(protocol, caller, Intent::Revalidate(value.id));
        }
    }

    /// Sends ACQUIRE; after too many rounds, loads without storing.
    pub(crate) fn ask(&mut self, protocol: &Protocol, caller: Caller, intent: Intent) {
        let call = self.call_mut(caller);
        if call.rounds == protocol.rounds {
            return self.end(caller);
        }
        let nonce = Nonce { caller, round: call.rounds };
        call.rounds += 1;
        call.phase = Phase::Asking(nonce, None);
        let stamps = call.stamps;
        self.send(Command::Acquire { nonce, intent, stamps, executed: 0 });
    }

    pub(crate) fn receive(&mut self, protocol: &Protocol, caller: Caller) {
        match self.call(caller).phase {
            Phase::Asking(nonce, Some(acquired)) => {
                self.acquired(protocol, caller, nonce, acquired);
            }
            Phase::Filling(id, version, Some(Filled::Stored)) => {
                for follower in self.followers(id.nonce) {
                    self.answer(follower, version);
                }
                self.end(caller);
            }
            Phase::Filling(id, _, Some(Filled::Lost)) => {
                self.end(caller);
                self.start_over(protocol, id.nonce);
            }
            _ => {}
        }
    }

    fn acquired(&mut self, protocol: &Protocol, caller: Caller, nonce: Nonce, answer: Acquired) {
        match answer {
            Acquired::Grant { id, over } => {
                let call = self.call_mut(caller);
                call.phase = Phase::Loading(id);
                call.over = over && call.found.is_some();
                return;
            }
            // Granted to this very question by an execution whose answer was lost.
            Acquired::Wait { holder: Some(holder), .. } if holder.nonce == nonce => {
                self.call_mut(caller).phase = Phase::Loading(holder);
                return;
            }
            _ => {}
        }
        // It leads nothing, so who has followed it loads for itself.
        for follower in self.followers(nonce) {
            self.end(follower);
        }
        let mine = self.call(caller).stamps;
        match answer {
            Acquired::Wait { holder: Some(holder), stamps } => {
                let flight = self.flight(protocol, caller, holder.nonce);
                let known = flight.map(|leader| self.call(leader).stamps).or(stamps);
                let differs = known.is_some_and(|theirs| !protocol.known_alike(mine, theirs));
                if differs && protocol.rules.joins_own_generation {
                    if !protocol.rules.replaces_other_generation {
                        return self.wait(caller, Phase::Waiting(holder));
                    }
                    self.ask(protocol, caller, Intent::Replace(Some(holder)));
                } else if flight.is_some() {
                    self.wait(caller, Phase::Following(holder.nonce));
                } else {
                    self.wait(caller, Phase::Waiting(holder));
                }
            }
            // Nobody shall try for a while.
            Acquired::Wait { holder: None, .. } => self.fall_back(caller),
            Acquired::Hit(value) if protocol.is_current(&value, mine) => {
                self.answer(caller, value.version);
            }
            // Newer than what this call knows, or older.
            Acquired::Hit(_) => self.look(protocol, caller),
            _ => self.end(caller),
        }
    }

    /// Who waits will look again, and needs not remember what it knows.
    fn wait(&mut self, caller: Caller, phase: Phase) {
        let call = self.call_mut(caller);
        call.phase = phase;
        call.stamps = [None; 3];
    }

    /// The lease that a call has waited for is gone.
    pub(crate) fn look_again(&mut self, protocol: &Protocol, caller: Caller) {
        match self.record {
            Some(Record::Value(value)) if !protocol.rules.waiters_look => {
                let takes_none = protocol.kind(caller) == Kind::Read;
                self.answer(caller, value.version);
                if value.stale && takes_none {
                    self.call_mut(caller).phase = Phase::EndedExpired;
                }
            }
            _ => self.look(protocol, caller),
        }
    }

    /// The tag's generation, after the load.
    pub(crate) fn read_tag(&mut self, protocol: &Protocol, caller: Caller) {
        self.mint(protocol, Group::Tag, None);
        let tag = self.generations[Group::Tag as usize];
        if let Some((id, version, checked)) = self.call(caller).has_loaded() {
            self.call_mut(caller).phase = Phase::Checking(id, version, Checked { tag, ..checked });
        }
    }

    /// The class, after the load: whether it is what it was before.
    pub(crate) fn read_class(&mut self, caller: Caller) {
        let class = Some(!self.has_class_changed(caller));
        if let Some((id, version, checked)) = self.call(caller).has_loaded() {
            self.call_mut(caller).phase =
                Phase::Checking(id, version, Checked { class, ..checked });
        }
    }

    pub(crate) fn has_class_changed(&self, caller: Caller) -> bool {
        let class = Group::Class as usize;
        self.generations[class] != self.call(caller).stamps[class]
    }

    /// Seals the flight: a leader that fills is not joined any more. Nothing is stored if the class
    /// has changed: which of its tags was invalidated is not known.
    pub(crate) fn send_fill(&mut self, protocol: &Protocol, caller: Caller) {
        let Some((id, version, checked)) = self.call(caller).has_loaded() else { return };
        if checked.class == Some(false) && protocol.rules.compares_class {
            self.send(Command::Release { nonce: id.nonce, throttle: false });
            self.end(caller);
            return self.start_over(protocol, id.nonce);
        }
        let stamps = self.call(caller).stamps_of_value(checked.tag);
        self.wait(caller, Phase::Filling(id, version, None));
        self.send(Command::Fill { caller, id, version, stamps });
    }

    pub(crate) fn send_keep(&mut self, caller: Caller) {
        let Some((id, version, _)) = self.call(caller).has_loaded() else { return };
        let stamps = self.call(caller).stamps_of_value(None);
        self.wait(caller, Phase::Filling(id, version, None));
        self.send(Command::Keep { caller, id, stamps });
    }

    /// The load has failed: who has a fallback takes it, and nobody tries again for a while.
    pub(crate) fn fail(&mut self, caller: Caller) {
        self.faults -= 1;
        let Phase::Loading(id) = self.call(caller).phase else { return };
        for follower in self.followers(id.nonce) {
            self.fall_back(follower);
        }
        self.send(Command::Release { nonce: id.nonce, throttle: true });
        self.fall_back(caller);
    }

    pub(crate) fn soft_time_out(&mut self, caller: Caller) {
        let before = *self.call(caller);
        self.fall_back(caller);
        // The load goes on, and stores under its own lease.
        if self.call(caller).phase == Phase::Ended && before.leads().is_some() {
            *self.call_mut(caller) = Call { behind: true, floor: 0, ..before };
        }
    }

    /// Ends with the stale value, if there is one, or else with an error or a load of its own.
    fn fall_back(&mut self, caller: Caller) {
        match self.call(caller).found {
            Some(version) => self.answer(caller, version),
            None => self.end(caller),
        }
    }

    /// The flight of the same process that can be joined.
    fn flight(&self, protocol: &Protocol, caller: Caller, nonce: Nonce) -> Option<Caller> {
        let leader = nonce.caller;
        let flies = protocol.writer(leader).is_none()
            && protocol.process(leader) == protocol.process(caller)
            && self.call(leader).leads() == Some(nonce);
        flies.then_some(leader)
    }

    pub(crate) fn followers(&self, nonce: Nonce) -> Vec<Caller> {
        let calls = (0..).zip(&self.calls);
        let followers = calls.filter(|(_, call)| call.phase == Phase::Following(nonce));
        followers.map(|(caller, _)| caller).collect()
    }

    fn start_over(&mut self, protocol: &Protocol, nonce: Nonce) {
        for follower in self.followers(nonce) {
            self.look(protocol, follower);
        }
    }

    /// Ends a call with a value that might be too old.
    pub(crate) fn answer(&mut self, caller: Caller, version: Version) {
        let stale = version < self.call(caller).floor;
        self.end(caller);
        if stale {
            self.call_mut(caller).phase = Phase::EndedStale;
        }
    }

    /// Ends a call with a value of its own, or none.
    pub(crate) fn end(&mut self, caller: Caller) {
        *self.call_mut(caller) = Call { phase: Phase::Ended, ..Call::IDLE };
    }

    pub(crate) fn hear_ensured(
        &mut self,
        protocol: &Protocol,
        nonce: Nonce,
        answer: Option<Stamps>,
    ) {
        let caller = nonce.caller;
        if protocol.reads == Reads::Tracked {
            let process = usize::from(protocol.process(caller));
            self.processes[process].inbox.push(Delivery::Ensured(nonce, answer));
            return;
        }
        let Phase::Ensuring(found) = self.call(caller).phase else { return };
        if self.call(caller).rounds != nonce.round {
            return;
        }
        match answer {
            Some(stamps) => self.decide(protocol, caller, found, stamps),
            // A guard stands: loads for itself.
            None => self.end(caller),
        }
    }

    pub(crate) fn call(&self, caller: Caller) -> &Call {
        &self.calls[usize::from(caller)]
    }

    pub(crate) fn call_mut(&mut self, caller: Caller) -> &mut Call {
        &mut self.calls[usize::from(caller)]
    }
}

impl Call {
    /// What it has loaded, and read after that.
    pub(crate) fn has_loaded(&self) -> Option<(Id, Version, Checked)> {
        match self.phase {
            Phase::Loaded(id, version) => Some((id, version, Checked::default())),
            Phase::Checking(id, version, checked) => Some((id, version, checked)),
            _ => None,
        }
    }

    /// Of a value, the class says nothing.
    fn stamps_of_value(&self, tag: Option<Generation>) -> Stamps {
        [self.stamps[Group::Argument as usize], None, tag]
    }
}

impl Protocol {
    /// Whether all is known that must be known before a load.
    fn are_known(&self, stamps: Stamps) -> bool {
        let mut needed = self.groups.iter().filter(|group| **group != Group::Tag);
        needed.all(|group| stamps[*group as usize].is_some())
    }

    /// Whether a value is of those generations.
    pub(crate) fn is_current(&self, value: &Value, stamps: Stamps) -> bool {
        self.groups.iter().filter(|group| **group != Group::Class).all(|group| {
            let stamp = stamps[*group as usize];
            stamp.is_some() && value.stamps[*group as usize] == stamp
        })
    }

    /// Whether two know the same of what is known before a load.
    fn known_alike(&self, mine: Stamps, theirs: Stamps) -> bool {
        self.groups
            .iter()
            .filter(|group| **group != Group::Tag)
            .all(|group| mine[*group as usize] == theirs[*group as usize])
    }
}
