//! The store: what a command does.

use super::*;

impl State {
    pub(crate) fn execute(
        &mut self,
        protocol: &Protocol,
        command: Command,
        repeated: bool,
        answered: bool,
    ) {
        self.network.retain(|other| *other != command);
        if repeated {
            self.repeats -= 1;
            self.send(match command {
                Command::Acquire { nonce, executed } => {
                    Command::Acquire { nonce, executed: executed + 1 }
                }
                same => same,
            });
        }
        match command {
            Command::Acquire { nonce, executed } => {
                let answer = self.acquire(protocol, nonce, executed);
                let call = self.call_mut(nonce.caller);
                if answered && call.phase == Phase::Asking(nonce, None) {
                    call.phase = Phase::Asking(nonce, Some(answer));
                }
            }
            Command::Fill { caller, id, version } => {
                let answer = self.fill(protocol.variant, id, version);
                let call = self.call_mut(caller);
                if answered && call.phase == Phase::Filling(id, version, None) {
                    call.phase = Phase::Filling(id, version, Some(answer));
                }
            }
            Command::Release(nonce) => self.release(nonce),
            Command::Unlink(version) => {
                self.record = None;
                self.invalidated = self.invalidated.max(version);
            }
        }
    }

    /// ACQUIRE: who may fill the entry.
    pub fn acquire(&mut self, protocol: &Protocol, nonce: Nonce, executed: u8) -> Acquired {
        let intent = protocol.intent(nonce.caller);
        match self.record {
            Some(Record::Lease(holder)) if intent != Intent::Refresh => {
                return Acquired::Wait(holder);
            }
            Some(Record::Value(_, version)) if intent == Intent::Read => {
                return Acquired::Hit(version);
            }
            _ => {}
        }
        let stamp = match protocol.variant.ids {
            Ids::PerExecution => executed,
            Ids::Client => 0,
            Ids::CounterInRecord => match self.record {
                Some(Record::Lease(id) | Record::Value(id, _)) => id.stamp + 1,
                None => 0,
            },
        };
        let id = Id { nonce, stamp };
        self.record = Some(match self.record {
            Some(Record::Value(_, version)) if intent == Intent::Refresh => {
                Record::Value(id, version)
            }
            _ => Record::Lease(id),
        });
        Acquired::Grant(id)
    }

    /// FILL: stores a value if the record still carries the lease. What else the record is does
    /// not matter: a lease, or a value that is being refreshed.
    pub fn fill(&mut self, variant: Variant, lease: Id, version: Version) -> Filled {
        let held = match self.record {
            Some(Record::Lease(id) | Record::Value(id, _)) => match variant.ids {
                Ids::CounterInRecord => id.stamp == lease.stamp,
                Ids::PerExecution | Ids::Client => id == lease,
            },
            None => false,
        };
        if held || !variant.fenced {
            self.record = Some(Record::Value(lease, version));
            return Filled::Stored;
        }
        Filled::Lost
    }

    /// RELEASE: by the nonce, because who gives up on the answer to ACQUIRE knows no more.
    pub fn release(&mut self, nonce: Nonce) {
        if matches!(self.record, Some(Record::Lease(id)) if id.nonce == nonce) {
            self.record = None;
        }
    }

    pub(crate) fn send(&mut self, command: Command) {
        if let Err(place) = self.network.binary_search(&command) {
            self.network.insert(place, command);
        }
    }
}
