//! The process: what a call does.

use super::*;

impl State {
    pub(crate) fn begin(&mut self, protocol: &Protocol, caller: Caller) {
        self.call_mut(caller).floor = self.invalidated;
        if protocol.intent(caller) == Intent::Read
            && let Some(Record::Value(_, version)) = self.record
        {
            return self.answer(caller, version);
        }
        if protocol.variant.join == Join::ByKey {
            let process = protocol.process(caller);
            let found = self.flights.iter().find(|flight| {
                protocol.process(flight.nonce.caller) == process
                    && self.joinable(flight.nonce, protocol.variant)
            });
            if let Some(nonce) = found.map(|flight| flight.nonce) {
                return self.join(caller, nonce);
            }
        }
        self.ask(protocol, caller);
    }

    /// Registers a flight and sends ACQUIRE; after too many rounds, loads without storing.
    pub(crate) fn ask(&mut self, protocol: &Protocol, caller: Caller) {
        let call = self.call_mut(caller);
        if call.rounds == protocol.rounds {
            return self.end(caller);
        }
        let nonce = Nonce { caller, round: call.rounds };
        call.rounds += 1;
        call.phase = Phase::Asking(nonce, None);
        self.take_off(nonce);
        self.send(Command::Acquire { nonce, executed: 0 });
    }

    pub(crate) fn receive(&mut self, protocol: &Protocol, caller: Caller) {
        match self.call(caller).phase {
            Phase::Asking(_, Some(Acquired::Grant(id))) => {
                self.call_mut(caller).phase = Phase::Loading(id);
            }
            Phase::Asking(nonce, Some(Acquired::Wait(holder)))
                if protocol.variant.takes_own_lease && holder.nonce == nonce =>
            {
                self.call_mut(caller).phase = Phase::Loading(holder);
            }
            Phase::Asking(nonce, Some(Acquired::Wait(holder))) => {
                self.not_granted(nonce);
                if protocol.process(caller) != protocol.process(holder.nonce.caller) {
                    self.call_mut(caller).phase = Phase::Waiting(holder);
                } else if self.joinable(holder.nonce, protocol.variant) {
                    self.join(caller, holder.nonce);
                } else {
                    self.call_mut(caller).phase = Phase::Pausing(holder);
                }
            }
            Phase::Asking(nonce, Some(Acquired::Hit(version))) => {
                self.not_granted(nonce);
                self.answer(caller, version);
            }
            Phase::Filling(id, version, Some(Filled::Stored)) => {
                self.share(id.nonce, version);
                self.answer(caller, version);
            }
            Phase::Filling(id, version, Some(Filled::Lost)) => {
                self.start_over(protocol, id.nonce);
                self.answer(caller, version);
            }
            _ => {}
        }
    }

    pub(crate) fn look(&mut self, protocol: &Protocol, caller: Caller) {
        match (self.call(caller).phase, self.record) {
            // A GET, and what it finds was stored after the call began, or was there then.
            (Phase::Waiting(_), Some(Record::Value(_, version))) => {
                self.answer(caller, version);
            }
            _ => self.ask(protocol, caller),
        }
    }

    pub(crate) fn fill_is_sent(&mut self, protocol: &Protocol, caller: Caller) {
        let Phase::Loaded(id, version) = self.call(caller).phase else { return };
        if protocol.variant.share == Share::OnLoaded {
            self.share(id.nonce, version);
        }
        if let Some(flight) = self.flight_mut(id.nonce) {
            flight.sealed = true;
        }
        self.call_mut(caller).phase = Phase::Filling(id, version, None);
        self.send(Command::Fill { caller, id, version });
    }

    /// No answer from the store. It may have executed the command, and may still do so.
    pub(crate) fn time_out(&mut self, protocol: &Protocol, caller: Caller) {
        match self.call(caller).phase {
            Phase::Asking(nonce, _) => {
                self.start_over(protocol, nonce);
                self.give_up(protocol, nonce);
            }
            Phase::Filling(id, ..) => {
                self.start_over(protocol, id.nonce);
                if protocol.variant.releases_after_fill {
                    self.give_up(protocol, id.nonce);
                }
            }
            _ => {}
        }
        self.end(caller);
    }

    /// A leader hands its lease over to the next follower, or gives it up.
    pub(crate) fn cancel(&mut self, protocol: &Protocol, caller: Caller) {
        match self.call(caller).phase {
            Phase::Following(_) => self.leave(caller),
            Phase::Loading(id) | Phase::Loaded(id, _) | Phase::Filling(id, ..) => {
                let next = self.flight_mut(id.nonce).and_then(|flight| {
                    // The new leader loads anew, so there is something to join again.
                    flight.sealed = false;
                    (!flight.followers.is_empty()).then(|| flight.followers.remove(0))
                });
                if let Some(next) = next {
                    self.call_mut(next).phase = Phase::Loading(id);
                } else {
                    self.land(id.nonce);
                    self.give_up(protocol, id.nonce);
                }
            }
            _ => {}
        }
        self.end(caller);
    }

    pub(crate) fn die(&mut self, protocol: &Protocol, process: u8) {
        for caller in 0..protocol.callers() {
            if protocol.process(caller) == process && self.call(caller).phase != Phase::Idle {
                self.end(caller);
            }
        }
        self.flights.retain(|flight| protocol.process(flight.nonce.caller) != process);
    }

    /// The store has granted another lease, or none. Followers there can be only if ACQUIRE was
    /// executed twice; they load for themselves.
    pub(crate) fn not_granted(&mut self, nonce: Nonce) {
        for follower in self.land(nonce) {
            self.end(follower);
        }
    }

    pub(crate) fn share(&mut self, nonce: Nonce, version: Version) {
        for follower in self.land(nonce) {
            self.answer(follower, version);
        }
    }

    pub(crate) fn start_over(&mut self, protocol: &Protocol, nonce: Nonce) {
        for follower in self.land(nonce) {
            self.ask(protocol, follower);
        }
    }

    pub(crate) fn give_up(&mut self, protocol: &Protocol, nonce: Nonce) {
        if protocol.losses == Losses::Never {
            self.send(Command::Release(nonce));
        }
    }

    pub(crate) fn flies(&self, nonce: Nonce) -> bool {
        self.flights.iter().any(|flight| flight.nonce == nonce)
    }

    pub(crate) fn joinable(&self, nonce: Nonce, variant: Variant) -> bool {
        self.flights
            .iter()
            .any(|flight| flight.nonce == nonce && !(flight.sealed && variant.sealed))
    }

    pub(crate) fn join(&mut self, caller: Caller, nonce: Nonce) {
        if let Some(flight) = self.flight_mut(nonce) {
            flight.followers.push(caller);
            self.call_mut(caller).phase = Phase::Following(nonce);
        }
    }

    pub(crate) fn leave(&mut self, caller: Caller) {
        if let Phase::Following(nonce) = self.call(caller).phase
            && let Some(flight) = self.flight_mut(nonce)
        {
            flight.followers.retain(|follower| *follower != caller);
        }
    }

    /// Begins a flight.
    pub(crate) fn take_off(&mut self, nonce: Nonce) {
        let flight = Flight { nonce, sealed: false, followers: Vec::new() };
        let place = self.flights.partition_point(|other| other.nonce < nonce);
        self.flights.insert(place, flight);
    }

    /// Ends a flight.
    pub(crate) fn land(&mut self, nonce: Nonce) -> Vec<Caller> {
        match self.flights.iter().position(|flight| flight.nonce == nonce) {
            Some(at) => self.flights.remove(at).followers,
            None => Vec::new(),
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
        *self.call_mut(caller) = Call { phase: Phase::Ended, floor: 0, rounds: 0 };
    }
}
