//! The generations that a process holds, and the connection that tells it when they are gone.
//!
//! GET and ENSURE are sent over the connection that tracks: their replies stand in one queue with
//! the pushes.

use super::*;

impl State {
    /// The server remembers who has read which generations.
    pub(crate) fn track(&mut self, protocol: &Protocol, caller: Caller, read: Stamps) {
        let process = usize::from(protocol.process(caller));
        for group in Group::ALL {
            if read[group as usize].is_some() {
                self.processes[process].tracked[group as usize] = true;
            }
        }
    }

    /// It tells them, once.
    pub(crate) fn push(&mut self, group: Group) {
        for process in &mut self.processes {
            if std::mem::take(&mut process.tracked[group as usize]) {
                process.inbox.push(Delivery::Push(group));
            }
        }
    }

    /// A process takes something from its connection. That wakes a task; what the task does with
    /// it is done later.
    pub(crate) fn deliver(&mut self, protocol: &Protocol, process: u8, place: u8) {
        let inbox = &mut self.processes[usize::from(process)].inbox;
        match inbox.remove(usize::from(place)) {
            Delivery::Push(group) => {
                self.processes[usize::from(process)].held[group as usize] = Held::default();
            }
            Delivery::Got(caller, found) => {
                if self.call(caller).phase == Phase::Getting {
                    self.found(protocol, caller, found);
                }
            }
            Delivery::Ensured(nonce, answer) => {
                let caller = nonce.caller;
                if let Phase::Ensuring(found) = self.call(caller).phase
                    && self.call(caller).rounds == nonce.round
                {
                    match answer {
                        Some(stamps) => {
                            self.call_mut(caller).phase = Phase::Ensured(found, stamps);
                        }
                        None => self.end(caller),
                    }
                }
            }
        }
    }

    pub(crate) fn put_down(&mut self, protocol: &Protocol, caller: Caller) {
        let Phase::Ensured(found, stamps) = self.call(caller).phase else { return };
        let process = &mut self.processes[usize::from(protocol.process(caller))];
        for (held, stamp) in process.held.iter_mut().zip(stamps) {
            let placed = match protocol.rules.placeholders {
                Placeholders::PerQuestion => held.placeholders & (1 << caller) != 0,
                Placeholders::Shared => held.placeholders != 0,
                Placeholders::None => true,
            };
            if placed && stamp.is_some() {
                held.generation = stamp;
            }
            held.placeholders = match protocol.rules.placeholders {
                Placeholders::Shared => 0,
                Placeholders::PerQuestion | Placeholders::None => {
                    held.placeholders & !(1 << caller)
                }
            };
        }
        self.decide(protocol, caller, found, stamps);
    }

    /// What a process holds, if it holds all that is needed; otherwise it asks for it.
    pub(crate) fn held(&mut self, protocol: &Protocol, caller: Caller) -> Option<Stamps> {
        let process = &mut self.processes[usize::from(protocol.process(caller))];
        let stamps = process.held.map(|held| held.generation);
        if protocol.groups.iter().all(|group| stamps[*group as usize].is_some()) {
            return Some(stamps);
        }
        for group in &protocol.groups {
            process.held[*group as usize].placeholders |= 1 << caller;
        }
        None
    }

    /// Replies and pushes that are under way are lost, and the server forgets what it tracked.
    pub(crate) fn disconnect(&mut self, protocol: &Protocol, process: u8) {
        self.disconnects -= 1;
        let connection = &mut self.processes[usize::from(process)];
        connection.tracked = [false; 3];
        if protocol.rules.drops_on_disconnect {
            connection.held = Default::default();
        }
        for delivery in std::mem::take(&mut connection.inbox) {
            // Who waits for a reply loads for itself.
            match delivery {
                Delivery::Got(caller, _) => self.end(caller),
                Delivery::Ensured(nonce, _) => self.end(nonce.caller),
                Delivery::Push(_) => {}
            }
        }
    }
}
