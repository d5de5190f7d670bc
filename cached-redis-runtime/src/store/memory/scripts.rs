//! The steps of the protocol, as the scripts of the Redis store take them.

use std::sync::Arc;
use std::time::Duration;

use super::{Access, Contents, Fence, Living, MemoryStore, Stored, lock};
use crate::error::Error;
use crate::group::{Generation, Group, Groups, Stamp, Stamps, stamps};
use crate::health::{Condition, Tracking};
use crate::lease::{Acquire, Acquired, FenceId, Fill, Filled, Intent, LeaseId, Life, Nonce};
use crate::record::{self, Header, State};
use crate::store::acquire::{Decision, Entry, decide};
use crate::store::{Found, Operation, Store};
use crate::watched::Watched;

impl Store for MemoryStore {
    fn read<'a>(&'a self, key: &'a str, _: &'a Groups) -> Operation<'a, Option<Found>> {
        self.operate(Access::Read, move |contents| self.look_at(contents, key))
    }

    fn read_watched<'a>(
        &'a self,
        key: &'a str,
        _: &'a Groups,
    ) -> Operation<'a, (Option<Found>, bool)> {
        self.operate(Access::Read, move |contents| {
            contents.tracked.insert(key.to_owned());
            (self.look_at(contents, key), true)
        })
    }

    #[cfg(feature = "local")]
    fn prove(&self) -> Operation<'_, bool> {
        // As every other operation that is answered.
        self.operate(Access::Read, |_| true)
    }

    fn knows_current(&self, _: &str, stamps: &[u8]) -> Option<bool> {
        Some(self.are_current(&lock(&self.contents), stamps))
    }

    fn watched(&self) -> Option<&Arc<Watched>> {
        Some(&self.watched)
    }

    fn read_many<'a>(
        &'a self,
        entries: &'a [(&'a str, &'a Groups)],
    ) -> Operation<'a, Vec<Option<Found>>> {
        self.operate(Access::Read, move |contents| {
            entries.iter().map(|(key, _)| self.look_at(contents, key)).collect()
        })
    }

    fn stamp<'a>(
        &'a self,
        _: &'a str,
        groups: &'a [Group],
        life: Duration,
    ) -> Operation<'a, Option<Stamps>> {
        self.operate(Access::Write, move |contents| self.stamps(contents, groups, life))
    }

    fn stamp_many<'a>(
        &'a self,
        entries: &'a [(&'a str, Vec<Group>)],
        life: Duration,
    ) -> Operation<'a, Vec<Option<Stamps>>> {
        self.operate(Access::Write, move |contents| {
            entries.iter().map(|(_, groups)| self.stamps(contents, groups, life)).collect()
        })
    }

    fn is_current<'a>(&'a self, _: &'a str, stamps: &'a [u8]) -> Operation<'a, bool> {
        self.operate(Access::Read, move |contents| self.are_current(contents, stamps))
    }

    fn acquire<'a>(&'a self, key: &'a str, acquire: Acquire<'a>) -> Operation<'a, Acquired> {
        self.operate(Access::Write, move |contents| self.grant(contents, key, &acquire))
    }

    fn acquire_many<'a>(
        &'a self,
        entries: &'a [(&'a str, Acquire<'a>)],
    ) -> Operation<'a, Vec<Result<Acquired, Error>>> {
        self.operate(Access::Write, move |contents| {
            entries.iter().map(|(key, acquire)| Ok(self.grant(contents, key, acquire))).collect()
        })
    }

    fn fill<'a>(
        &'a self,
        key: &'a str,
        lease: LeaseId,
        record: &'a [u8],
        life: Life,
    ) -> Operation<'a, Filled> {
        self.operate(Access::Write, move |contents| {
            self.filled(contents, Fill { key, lease, record, life })
        })
    }

    fn fill_many<'a>(
        &'a self,
        entries: &'a [Fill<'a>],
    ) -> Operation<'a, Vec<Result<Filled, Error>>> {
        self.operate(Access::Write, move |contents| {
            entries.iter().map(|fill| Ok(self.filled(contents, *fill))).collect()
        })
    }

    fn keep<'a>(&'a self, key: &'a str, lease: LeaseId, life: Life) -> Operation<'a, Filled> {
        self.operate(Access::Write, move |contents| {
            let is_ours = |header: &Header| header.lease == lease && header.state != State::Lease;
            let Some(stored) = self.holds(contents, key, is_ours) else { return Filled::Lost };
            let mut record = std::mem::take(&mut stored.record);
            record::set_stale(&mut record, false);
            record::set_refresh(&mut record, 0);
            self.store(contents, key, &record, life);
            Filled::Stored
        })
    }

    fn renew<'a>(&'a self, key: &'a str, lease: LeaseId, life: Duration) -> Operation<'a, bool> {
        self.operate(Access::Write, move |contents| {
            let is_ours = |header: &Header| header.lease == lease && is_held(header);
            let Some(stored) = self.holds(contents, key, is_ours) else { return false };
            match Header::read(&stored.record) {
                Some(header) if header.state != State::Lease => {
                    self.outlive(stored, &header, life);
                }
                _ => stored.expires = self.clock.now() + life,
            }
            true
        })
    }

    fn release<'a>(&'a self, key: &'a str, nonce: Nonce, pause: Duration) -> Operation<'a, ()> {
        self.operate(Access::Write, move |contents| {
            let is_ours = |header: &Header| header.lease.nonce() == nonce && is_held(header);
            let Some(stored) = self.holds(contents, key, is_ours) else { return };
            if Header::read(&stored.record).is_some_and(|header| header.state == State::Lease) {
                contents.remove(key);
                return;
            }
            let until = if pause.is_zero() { 0 } else { self.millis_after(pause) };
            record::sign(&mut stored.record, &LeaseId::NONE);
            record::set_refresh(&mut stored.record, until);
        })
    }

    fn touch<'a>(&'a self, key: &'a str, lease: LeaseId, life: Duration) -> Operation<'a, ()> {
        self.operate(Access::Write, move |contents| {
            let now = self.millis();
            let is_idle = |header: &Header| {
                header.lease == lease && header.state == State::Value && header.refresh <= now
            };
            let Some(stored) = self.holds(contents, key, is_idle) else { return };
            record::set_soft(&mut stored.record, Some(self.millis_after(life)));
            stored.expires = self.clock.now() + life;
        })
    }

    fn delete<'a>(&'a self, keys: &'a [String]) -> Operation<'a, ()> {
        let delete = self.operate(Access::Write, move |contents| self.remove(contents, keys));
        Box::pin(async move { delete.await? })
    }

    fn delete_each<'a>(
        &'a self,
        targets: &'a [Vec<String>],
    ) -> Operation<'a, Vec<Result<(), Error>>> {
        self.operate(Access::Write, move |contents| {
            targets.iter().map(|keys| self.remove(contents, keys)).collect()
        })
    }

    fn hold<'a>(&'a self, keys: &'a [String], fence: FenceId, life: Duration) -> Operation<'a, ()> {
        self.operate(Access::Write, move |contents| {
            let expires = self.clock.now() + life;
            for key in keys {
                contents.remove(key);
                self.unfence(contents, key, fence);
                let fence = Fence { id: fence, expires };
                contents.fences.entry(key.clone()).or_default().push(fence);
            }
        })
    }

    fn lift<'a>(&'a self, keys: &'a [String], fence: FenceId) -> Operation<'a, ()> {
        self.operate(Access::Write, move |contents| {
            for key in keys {
                contents.remove(key);
                self.unfence(contents, key, fence);
            }
        })
    }

    fn mark_stale<'a>(&'a self, key: &'a str) -> Operation<'a, bool> {
        self.operate(Access::Write, move |contents| {
            let is_value = |header: &Header| header.state == State::Value;
            self.holds(contents, key, is_value)
                .map(|stored| record::set_stale(&mut stored.record, true))
                .is_some()
        })
    }

    fn ttl<'a>(&'a self, key: &'a str) -> Operation<'a, Option<Duration>> {
        self.operate(Access::Read, move |contents| {
            let now = self.clock.now();
            self.live(contents, key).map(|stored| stored.expires.saturating_sub(now))
        })
    }

    fn now(&self, _: &str) -> Option<u64> {
        Some(self.millis())
    }

    fn ask_time<'a>(&'a self, _: &'a str) -> Operation<'a, u64> {
        self.operate(Access::Read, |_| self.millis())
    }

    fn condition(&self) -> Condition {
        // Whoever changes a group does it here.
        Condition { tracking: Tracking::On }
    }
}

/// Whether somebody loads under the lease of a record, as far as the record says.
fn is_held(header: &Header) -> bool {
    header.state == State::Lease || header.refresh != 0
}

impl MemoryStore {
    fn look_at(&self, contents: &mut Contents, key: &str) -> Option<Found> {
        let record = self.live(contents, key)?.record.clone();
        let is_current = Header::read(&record)
            .is_none_or(|header| self.are_current(contents, header.stamps(&record)));
        Some(Found { record, is_current })
    }

    fn stamps(&self, contents: &mut Contents, groups: &[Group], life: Duration) -> Option<Stamps> {
        let clock = self.clock.now();
        let now = u64::try_from(clock.as_nanos()).unwrap_or(u64::MAX);
        contents.generations.retain(|_, living| living.expires > clock);
        let stamp = |group: &Group| {
            let key = group.key(&self.namespace);
            if self.is_fenced(contents, &key) {
                return None;
            }
            let new = || Living {
                generation: Generation::new(fastrand::u64(..).to_le_bytes(), now),
                expires: clock,
            };
            let living = contents.generations.entry(key).or_insert_with(new);
            living.expires = living.expires.max(clock + life);
            Some(Stamp { group: *group, generation: living.generation })
        };
        groups.iter().map(stamp).collect()
    }

    fn grant(&self, contents: &mut Contents, key: &str, acquire: &Acquire<'_>) -> Acquired {
        let now = self.clock.now();
        let nanos = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let id = LeaseId::new(acquire.nonce, nanos);
        let is_fenced = self.is_fenced(contents, key);
        let found = self
            .live(contents, key)
            .and_then(|stored| Header::read(&stored.record).map(|header| (stored, header)));
        let entry = found.as_ref().map(|(stored, header)| Entry {
            header: *header,
            length: stored.record.len(),
            left: Some(stored.expires.saturating_sub(now)),
        });
        match (decide(is_fenced, entry, acquire, self.millis()), found) {
            (Decision::NoStore, _) => Acquired::NoStore,
            (Decision::Hit, Some((stored, _))) => Acquired::Hit(stored.record.clone()),
            (Decision::Wait, Some((stored, header))) => Acquired::Wait {
                holder: header.lease,
                stamps: Stamps::from_slice(header.stamps(&stored.record)),
            },
            (Decision::Nothing, _) => Acquired::Nothing,
            (Decision::Again { over_seen }, Some((_, header))) => {
                Acquired::Grant { lease: header.lease, over_seen }
            }
            (Decision::Over { over_seen }, Some((stored, header))) => {
                record::sign(&mut stored.record, &id);
                if acquire.intent == Intent::Write {
                    record::set_refresh(&mut stored.record, 0);
                } else {
                    self.outlive(stored, &header, acquire.lease);
                }
                contents.changed(key);
                Acquired::Grant { lease: id, over_seen }
            }
            // Only of an entry that is there can it be said otherwise.
            (Decision::Anew, _) | (_, None) => {
                let is_write = acquire.intent == Intent::Write;
                let record = record::lease(&id, acquire.schema, acquire.stamps, is_write);
                self.put(contents, key, record, acquire.lease);
                Acquired::Grant { lease: id, over_seen: false }
            }
        }
    }

    fn filled(&self, contents: &mut Contents, fill: Fill<'_>) -> Filled {
        let Fill { key, lease, record, life } = fill;
        if self.holds(contents, key, |header| header.lease == lease).is_none() {
            return Filled::Lost;
        }
        self.store(contents, key, record, life);
        Filled::Stored
    }

    fn remove(&self, contents: &mut Contents, keys: &[String]) -> Result<(), Error> {
        self.permits(keys)?;
        for key in keys {
            contents.remove(key);
        }
        Ok(())
    }

    fn is_fenced(&self, contents: &Contents, key: &str) -> bool {
        let now = self.clock.now();
        contents.fences.get(key).is_some_and(|all| all.iter().any(|fence| fence.expires > now))
    }

    /// In milliseconds, as a server tells it.
    fn millis(&self) -> u64 {
        u64::try_from(self.clock.now().as_millis()).unwrap_or(u64::MAX)
    }

    /// Keeps a value from expiring while it is reloaded; its fresh life ends as it would have.
    fn outlive(&self, stored: &mut Stored, header: &Header, lease: Duration) {
        let expires = self.clock.now() + lease;
        if stored.expires < expires {
            if header.soft.is_none() {
                let soft = u64::try_from(stored.expires.as_millis()).unwrap_or(u64::MAX);
                record::set_soft(&mut stored.record, Some(soft));
            }
            stored.expires = expires;
        }
        record::set_refresh(&mut stored.record, self.millis_after(lease));
    }

    fn millis_after(&self, life: Duration) -> u64 {
        self.millis().saturating_add(u64::try_from(life.as_millis()).unwrap_or(u64::MAX))
    }

    fn are_current(&self, contents: &Contents, all: &[u8]) -> bool {
        stamps(all).all(|stamp| {
            let living = contents.generations.get(&stamp.group.key(&self.namespace));
            living.is_some_and(|living| {
                living.generation == stamp.generation && living.expires > self.clock.now()
            })
        })
    }

    /// Puts a record with the life that it is to have.
    fn store(&self, contents: &mut Contents, key: &str, record: &[u8], life: Life) {
        let mut record = record.to_vec();
        record::set_soft(&mut record, life.fresh.map(|fresh| self.millis_after(fresh)));
        self.put(contents, key, record, life.whole);
    }

    fn unfence(&self, contents: &mut Contents, key: &str, fence: FenceId) {
        let now = self.clock.now();
        if let Some(all) = contents.fences.get_mut(key) {
            all.retain(|other| other.id != fence && other.expires > now);
            if all.is_empty() {
                contents.fences.remove(key);
            }
        }
    }

    /// The entry under a key, to be changed if its header is as wanted.
    fn holds<'a>(
        &self,
        contents: &'a mut Contents,
        key: &str,
        wanted: impl FnOnce(&Header) -> bool,
    ) -> Option<&'a mut Stored> {
        let stored = self.live(contents, key)?;
        if !Header::read(&stored.record).is_some_and(|header| wanted(&header)) {
            return None;
        }
        contents.changed(key);
        contents.records.get_mut(key)
    }
}
