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
                Command::Acquire { nonce, intent, stamps, executed } => {
                    Command::Acquire { nonce, intent, stamps, executed: executed + 1 }
                }
                same => same,
            });
        }
        match command {
            Command::Acquire { nonce, intent, stamps, executed } => {
                let answer = self.acquire(protocol, nonce, intent, stamps, executed);
                if answered {
                    self.hear_acquired(protocol, nonce, answer);
                }
            }
            Command::Ensure { nonce } => {
                let before = self.generations;
                let answer = self.ensure(protocol, nonce);
                if protocol.reads == Reads::Tracked {
                    let made = protocol.rules.tracks_what_it_makes;
                    let read = if made { self.generations } else { before };
                    self.track(protocol, nonce.caller, read);
                }
                if answered {
                    self.hear_ensured(protocol, nonce, answer);
                }
            }
            Command::Fill { caller, id, version, stamps } => {
                let answer = self.fill(protocol, id, version, stamps);
                if answered {
                    self.hear_filled(protocol, caller, answer);
                }
            }
            Command::Keep { caller, id, stamps } => {
                let answer = self.keep(protocol, id, stamps);
                if answered {
                    self.hear_filled(protocol, caller, answer);
                }
            }
            Command::Renew(id) => self.renew(protocol, id),
            Command::Release { nonce, throttle } => self.release(nonce, throttle),
            Command::Unlink(writer) => {
                self.record = None;
                self.completed(writer);
            }
            Command::UnlinkGroup(writer, group) => {
                self.unlink_group(protocol, group);
                self.group_unlinked(protocol, writer, group);
            }
            Command::Hold(writer) => {
                self.hold(protocol, writer);
                if answered {
                    self.hear_held(writer);
                }
            }
            Command::Lift(writer) => {
                self.lift(protocol, writer);
                self.completed(writer);
            }
        }
    }

    /// ACQUIRE: who may fill the entry.
    pub fn acquire(
        &mut self,
        protocol: &Protocol,
        nonce: Nonce,
        intent: Intent,
        stamps: Stamps,
        executed: u8,
    ) -> Acquired {
        if self.record == Some(Record::Tombstone)
            || protocol.guarded.is_none() && !self.guard.is_empty()
        {
            return Acquired::NoStore;
        }
        let id = Id { nonce, stamp: executed };
        let over = match (self.record, intent) {
            (None, Intent::Revalidate(_)) | (Some(Record::Lease { .. }), Intent::Revalidate(_)) => {
                return Acquired::No;
            }
            (Some(record), Intent::Replace(found)) if record.id() == found => None,
            (Some(Record::Lease { id, stamps }), Intent::Read | Intent::Replace(_)) => {
                return Acquired::Wait { holder: Some(id), stamps: Some(stamps) };
            }
            (Some(Record::Value(value)), Intent::Read | Intent::Replace(_)) => {
                if !value.stale {
                    return Acquired::Hit(value);
                }
                if value.reload != Reload::None && protocol.rules.heeds_reload {
                    return Acquired::Wait { holder: value.id, stamps: None };
                }
                Some(value)
            }
            (Some(Record::Value(value)), Intent::Revalidate(found)) => {
                let reloads = value.reload != Reload::None && protocol.rules.heeds_reload;
                if value.id != found || reloads {
                    return Acquired::No;
                }
                Some(value)
            }
            (Some(Record::Value(value)), Intent::Refresh) => Some(value),
            _ => None,
        };
        self.record = Some(match over {
            Some(value) => Record::Value(Value {
                id: Some(id),
                reload: Reload::Running,
                stamps: if protocol.rules.grant_keeps_stamps { value.stamps } else { stamps },
                ..value
            }),
            None => Record::Lease { id, stamps },
        });
        Acquired::Grant { id, over: over.is_some() }
    }

    /// ENSURE: the generations that are known before a load; none while their guard stands.
    pub fn ensure(&mut self, protocol: &Protocol, nonce: Nonce) -> Option<Stamps> {
        for group in Group::ALL {
            if group == Group::Tag || !protocol.groups.contains(&group) {
                continue;
            }
            if protocol.guarded == Some(group) && !self.guard.is_empty() {
                return None;
            }
            self.mint(protocol, group, Some(nonce));
        }
        Some(self.read_generations(protocol))
    }

    /// Makes a generation that is missing.
    pub fn mint(&mut self, protocol: &Protocol, group: Group, nonce: Option<Nonce>) {
        if self.generations[group as usize].is_some() {
            return;
        }
        self.generations[group as usize] = match (protocol.rules.generations, nonce) {
            // Missing means zero.
            (Generations::Counters, _) => return,
            (Generations::ByClient, Some(nonce)) => Some(100 + nonce.caller * 10 + nonce.round),
            _ => (1..).find(|generation| !self.remembers(*generation)),
        };
        // Whoever has read that there was none, or what was there before it vanished.
        self.push(group);
    }

    /// What a reader takes for the generations.
    pub fn read_generations(&self, protocol: &Protocol) -> Stamps {
        Group::ALL.map(|group| {
            let counted = protocol.rules.generations == Generations::Counters
                && protocol.groups.contains(&group);
            self.generations[group as usize].or(counted.then_some(0))
        })
    }

    /// Invalidates a group.
    pub fn unlink_group(&mut self, protocol: &Protocol, group: Group) {
        let counter = self.generations[group as usize].unwrap_or(0) + 1;
        let was_there = self.generations[group as usize].is_some();
        self.generations[group as usize] = match protocol.rules.generations {
            Generations::Counters => Some(counter),
            Generations::Random | Generations::ByClient => None,
        };
        if was_there || protocol.rules.tells_of_what_is_missing {
            self.push(group);
        }
    }

    /// FILL: stores a value if the record still carries the lease.
    pub fn fill(
        &mut self,
        protocol: &Protocol,
        id: Id,
        version: Version,
        stamps: Stamps,
    ) -> Filled {
        if protocol.rules.fenced && self.record.and_then(Record::id) != Some(id) {
            return Filled::Lost;
        }
        let value = Value { id: Some(id), version, stale: false, reload: Reload::None, stamps };
        self.record = Some(Record::Value(value));
        // An update is completed with this.
        if protocol.writer(id.nonce.caller).is_some_and(|by| self.writer(by).version == version) {
            self.invalidated = self.invalidated.max(version);
        }
        Filled::Stored
    }

    /// KEEP: the value under the lease is fresh again.
    pub fn keep(&mut self, protocol: &Protocol, id: Id, stamps: Stamps) -> Filled {
        match self.record {
            Some(Record::Value(value)) if value.id == Some(id) || !protocol.rules.fenced => {
                let value = Value { stale: false, reload: Reload::None, stamps, ..value };
                self.record = Some(Record::Value(value));
                Filled::Stored
            }
            _ => Filled::Lost,
        }
    }

    /// RENEW: a lease L lives longer, which shows nowhere, as it may vanish at any time.
    pub fn renew(&mut self, protocol: &Protocol, id: Id) {
        if let Some(Record::Value(value)) = &mut self.record
            && value.id == Some(id)
            && (value.reload == Reload::Running || !protocol.rules.renews_leases_only)
        {
            value.reload = Reload::Running;
        }
    }

    /// RELEASE: by the nonce, because who gives up on the answer to ACQUIRE knows no more.
    pub fn release(&mut self, nonce: Nonce, throttle: bool) {
        match &mut self.record {
            Some(Record::Lease { id, .. }) if id.nonce == nonce => self.record = None,
            Some(Record::Value(value)) if value.id.is_some_and(|id| id.nonce == nonce) => {
                value.id = None;
                value.reload = if throttle { Reload::Throttled } else { Reload::None };
            }
            _ => {}
        }
    }

    /// HOLD: nothing may be stored from here on.
    pub fn hold(&mut self, protocol: &Protocol, writer: Writer) {
        if protocol.rules.fence == Fence::InEntry {
            self.record = Some(Record::Tombstone);
            return;
        }
        if let Err(place) = self.guard.binary_search(&writer) {
            self.guard.insert(place, writer);
        }
        if protocol.rules.hold_deletes {
            self.delete_guarded(protocol);
        }
    }

    /// LIFT: the guard goes with its last holder.
    pub fn lift(&mut self, protocol: &Protocol, writer: Writer) {
        if protocol.rules.lift_deletes {
            self.delete_guarded(protocol);
        }
        self.leave_guard(protocol, writer);
    }

    pub(crate) fn leave_guard(&mut self, protocol: &Protocol, writer: Writer) {
        if self.record == Some(Record::Tombstone) {
            self.record = None;
        }
        if protocol.rules.guard_counts {
            self.guard.retain(|holder| *holder != writer);
        } else {
            self.guard.clear();
        }
    }

    fn delete_guarded(&mut self, protocol: &Protocol) {
        match protocol.guarded {
            Some(group) => self.unlink_group(protocol, group),
            None => self.record = None,
        }
    }

    pub(crate) fn send(&mut self, command: Command) {
        if let Err(place) = self.network.binary_search(&command) {
            self.network.insert(place, command);
        }
    }

    /// An id that nobody can name any more is as good as none.
    pub(crate) fn forget_id(&mut self, protocol: &Protocol) {
        let Some(Record::Value(Value { id: Some(id), reload: Reload::None, .. })) = self.record
        else {
            return;
        };
        if !self.names(protocol, id.nonce)
            && let Some(Record::Value(value)) = &mut self.record
        {
            value.id = None;
        }
    }

    /// Whether anybody, anywhere, can still name a lease of this nonce.
    fn names(&self, protocol: &Protocol, nonce: Nonce) -> bool {
        let has_asker_ended = match protocol.writer(nonce.caller) {
            Some(writer) => self.writer(writer).step == Step::Done,
            None => self.call(nonce.caller).has_ended(),
        };
        let in_id = |id: Option<Id>| id.is_some_and(|id| id.nonce == nonce);
        let in_record = |record: Option<Record>| in_id(record.and_then(Record::id));
        let in_intent = |intent: &Intent| match intent {
            Intent::Replace(found) | Intent::Revalidate(found) => in_id(*found),
            Intent::Read | Intent::Refresh => false,
        };
        let in_call = |call: &Call| match call.phase {
            Phase::Looking(found) | Phase::Ensuring(found) | Phase::Ensured(found, _) => {
                in_record(found)
            }
            Phase::Asking(_, Some(Acquired::Wait { holder, .. })) => in_id(holder),
            Phase::Asking(_, Some(Acquired::Hit(value))) => in_id(value.id),
            Phase::Following(followed) => followed == nonce,
            Phase::Waiting(holder) => holder.nonce == nonce,
            _ => false,
        };
        let in_command = |command: &Command| match command {
            Command::Acquire { nonce: asking, intent, .. } => *asking == nonce || in_intent(intent),
            Command::Fill { id, .. } | Command::Keep { id, .. } | Command::Renew(id) => {
                id.nonce == nonce
            }
            Command::Release { nonce: released, .. } => *released == nonce,
            _ => false,
        };
        let in_delivery = |delivery: &Delivery| match delivery {
            Delivery::Got(_, found) => in_record(*found),
            Delivery::Push(_) | Delivery::Ensured(..) => false,
        };
        !has_asker_ended
            || self.calls.iter().any(in_call)
            || self.network.iter().any(in_command)
            || self.processes.iter().flat_map(|process| &process.inbox).any(in_delivery)
    }

    /// Whether anybody, anywhere, still knows this generation.
    fn remembers(&self, generation: Generation) -> bool {
        let in_stamps = |stamps: &Stamps| stamps.contains(&Some(generation));
        let in_record = |record: &Option<Record>| match record {
            Some(Record::Lease { stamps, .. }) => in_stamps(stamps),
            Some(Record::Value(value)) => in_stamps(&value.stamps),
            _ => false,
        };
        let in_call = |call: &Call| {
            in_stamps(&call.stamps)
                || match &call.phase {
                    Phase::Looking(found) | Phase::Ensuring(found) => in_record(found),
                    Phase::Ensured(found, stamps) => in_record(found) || in_stamps(stamps),
                    Phase::Asking(_, Some(Acquired::Wait { stamps: Some(stamps), .. })) => {
                        in_stamps(stamps)
                    }
                    Phase::Asking(_, Some(Acquired::Hit(value))) => in_stamps(&value.stamps),
                    Phase::Checking(_, _, checked) => checked.tag == Some(generation),
                    _ => false,
                }
        };
        let in_command = |command: &Command| match command {
            Command::Acquire { stamps, .. }
            | Command::Fill { stamps, .. }
            | Command::Keep { stamps, .. } => in_stamps(stamps),
            _ => false,
        };
        let in_process = |process: &Process| {
            process.held.iter().any(|held| held.generation == Some(generation))
                || process.inbox.iter().any(|delivery| match delivery {
                    Delivery::Push(_) | Delivery::Ensured(_, None) => false,
                    Delivery::Got(_, found) => in_record(found),
                    Delivery::Ensured(_, Some(stamps)) => in_stamps(stamps),
                })
        };
        in_stamps(&self.generations)
            || in_record(&self.record)
            || self.calls.iter().any(in_call)
            || self.writers.iter().any(|writer| in_stamps(&writer.stamps))
            || self.network.iter().any(in_command)
            || self.processes.iter().any(in_process)
    }
}

impl Record {
    pub(crate) fn id(self) -> Option<Id> {
        match self {
            Self::Lease { id, .. } => Some(id),
            Self::Value(value) => value.id,
            Self::Tombstone => None,
        }
    }

    /// Whether the record keeps others waiting for that lease.
    pub(crate) fn is_held_by(self, holder: Id) -> bool {
        match self {
            Self::Lease { id, .. } => id == holder,
            Self::Value(value) => value.id == Some(holder) && value.reload == Reload::Running,
            Self::Tombstone => false,
        }
    }
}
