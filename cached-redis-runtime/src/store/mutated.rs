//! A store of whose rules one does not hold, so that this project's tests can show that they would notice.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Error;
use crate::group::{Generation, Group, Groups, Stamp, Stamps};
use crate::health::Condition;
use crate::lease::{Acquire, Acquired, FenceId, Filled, Intent, LeaseId, Life, Nonce};
use crate::record::{self, Record};
use crate::store::{Found, Operation, Store};
use crate::watched::Watched;

/// A rule without which some reader gets what it must not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// FILL stores under its own lease only. Without: as every cache that does not fence.
    Fence,
    /// A value whose stamps are not the current generations of its groups counts no more.
    Stamps,
    /// A value is not stored if the class of one of its tags has changed since before its load.
    Class,
    /// While a guard stands, nothing can be stored. Without: none is planted.
    Guard,
    /// What a write has made of an entry is stored only if nothing came between.
    Update,
    /// A copy in the process ends when its entry changes. Without: nobody says so.
    Watch,
}

/// A lease that is taken to be filled at once.
const LEASE: Duration = Duration::from_secs(1);

/// As the store behind it, but for one rule.
pub(crate) struct Mutated {
    store: Arc<dyn Store>,
    without: Rule,
    /// Names the leases that it takes itself.
    process: u64,
    next: AtomicU64,
    /// What writes have asked for leases with.
    writes: Mutex<HashSet<Nonce>>,
    /// What the classes were at when they were first seen.
    classes: Mutex<HashMap<Group, Option<Generation>>>,
    /// Of whose changes nobody hears.
    watched: Arc<Watched>,
}

impl Mutated {
    pub(crate) fn new(store: Arc<dyn Store>, without: Rule) -> Self {
        Self {
            store,
            without,
            process: RandomState::new().build_hasher().finish(),
            next: AtomicU64::new(0),
            writes: Mutex::default(),
            classes: Mutex::default(),
            watched: Arc::default(),
        }
    }

    /// Whether what was loaded or written under this lease is stored although the lease is gone.
    fn stores_without(&self, lease: LeaseId) -> bool {
        let is_write = lock(&self.writes).contains(&lease.nonce());
        self.without == if is_write { Rule::Update } else { Rule::Fence }
    }

    /// Takes the lease from whoever has it, and stores under that.
    async fn overwrite(&self, key: &str, record: &[u8], life: Life) -> Result<Filled, Error> {
        let Some(seen) = Record::read(record.to_vec()) else { return Ok(Filled::Lost) };
        let sequence = self.next.fetch_add(1, Ordering::Relaxed);
        let acquire = Acquire {
            nonce: Nonce { process: self.process, sequence },
            lease: LEASE,
            schema: seen.header().schema,
            intent: Intent::Refresh,
            seen: LeaseId::NONE,
            stamps: &Stamps::from_slice(seen.stamps()),
            longest: 1 << 30,
        };
        let Acquired::Grant { lease, .. } = self.store.acquire(key, acquire).await? else {
            return Ok(Filled::Lost);
        };
        let mut record = record.to_vec();
        record::sign(&mut record, &lease);
        self.store.fill(key, lease, &record, life).await
    }

    /// These generations, but for those of classes, which stay what they were.
    fn with_old_classes(&self, stamps: &Stamps) -> Stamps {
        let mut classes = lock(&self.classes);
        let old = |stamp: Stamp| match classes.get_mut(&stamp.group) {
            Some(known) => Stamp { generation: *known.get_or_insert(stamp.generation), ..stamp },
            None => stamp,
        };
        stamps.iter().map(old).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store for Mutated {
    fn read<'a>(&'a self, key: &'a str, groups: &'a Groups) -> Operation<'a, Option<Found>> {
        if self.without == Rule::Class {
            let mut classes = lock(&self.classes);
            for class in groups.classes {
                classes.entry(Group::class(class)).or_default();
            }
        }
        let read = self.store.read(key, groups);
        Box::pin(async move {
            let mut found = read.await?;
            if let Some(found) = &mut found {
                found.is_current |= self.without == Rule::Stamps;
            }
            Ok(found)
        })
    }

    fn reads_at_once(&self, key: &str) -> Option<usize> {
        self.store.reads_at_once(key)
    }

    fn read_watched<'a>(
        &'a self,
        key: &'a str,
        groups: &'a Groups,
    ) -> Operation<'a, (Option<Found>, bool)> {
        if self.without == Rule::Watch {
            return Box::pin(async move { Ok((self.read(key, groups).await?, true)) });
        }
        self.store.read_watched(key, groups)
    }

    #[cfg(feature = "local")]
    fn prove(&self) -> Operation<'_, bool> {
        if self.without == Rule::Watch {
            let proved = self.watched.proves(self.watched.asks(), Generation::new([0; 8], 0));
            return Box::pin(std::future::ready(Ok(proved)));
        }
        self.store.prove()
    }

    fn knows_current(&self, key: &str, stamps: &[u8]) -> Option<bool> {
        if self.without == Rule::Watch { Some(true) } else { self.store.knows_current(key, stamps) }
    }

    fn watched(&self) -> Option<&Arc<Watched>> {
        if self.without == Rule::Watch { Some(&self.watched) } else { self.store.watched() }
    }

    fn stamp<'a>(
        &'a self,
        key: &'a str,
        groups: &'a [Group],
        life: Duration,
    ) -> Operation<'a, Option<Stamps>> {
        let stamp = self.store.stamp(key, groups, life);
        Box::pin(async move { Ok(stamp.await?.map(|stamps| self.with_old_classes(&stamps))) })
    }

    fn is_current<'a>(&'a self, key: &'a str, stamps: &'a [u8]) -> Operation<'a, bool> {
        self.store.is_current(key, stamps)
    }

    fn acquire<'a>(&'a self, key: &'a str, acquire: Acquire<'a>) -> Operation<'a, Acquired> {
        if acquire.intent == Intent::Write {
            lock(&self.writes).insert(acquire.nonce);
        }
        self.store.acquire(key, acquire)
    }

    fn fill<'a>(
        &'a self,
        key: &'a str,
        lease: LeaseId,
        record: &'a [u8],
        life: Life,
    ) -> Operation<'a, Filled> {
        let fill = self.store.fill(key, lease, record, life);
        Box::pin(async move {
            match fill.await? {
                Filled::Lost if self.stores_without(lease) => {
                    self.overwrite(key, record, life).await
                }
                filled => Ok(filled),
            }
        })
    }

    fn keep<'a>(&'a self, key: &'a str, lease: LeaseId, life: Life) -> Operation<'a, Filled> {
        self.store.keep(key, lease, life)
    }

    fn renew<'a>(&'a self, key: &'a str, lease: LeaseId, life: Duration) -> Operation<'a, bool> {
        self.store.renew(key, lease, life)
    }

    fn release<'a>(&'a self, key: &'a str, nonce: Nonce, pause: Duration) -> Operation<'a, ()> {
        self.store.release(key, nonce, pause)
    }

    fn touch<'a>(&'a self, key: &'a str, lease: LeaseId, life: Duration) -> Operation<'a, ()> {
        self.store.touch(key, lease, life)
    }

    fn delete<'a>(&'a self, keys: &'a [String]) -> Operation<'a, ()> {
        self.store.delete(keys)
    }

    fn delete_each<'a>(
        &'a self,
        targets: &'a [Vec<String>],
    ) -> Operation<'a, Vec<Result<(), Error>>> {
        self.store.delete_each(targets)
    }

    fn hold<'a>(&'a self, keys: &'a [String], fence: FenceId, life: Duration) -> Operation<'a, ()> {
        if self.without == Rule::Guard {
            return Box::pin(std::future::ready(Ok(())));
        }
        self.store.hold(keys, fence, life)
    }

    fn lift<'a>(&'a self, keys: &'a [String], fence: FenceId) -> Operation<'a, ()> {
        self.store.lift(keys, fence)
    }

    fn mark_stale<'a>(&'a self, key: &'a str) -> Operation<'a, bool> {
        self.store.mark_stale(key)
    }

    fn ttl<'a>(&'a self, key: &'a str) -> Operation<'a, Option<Duration>> {
        self.store.ttl(key)
    }

    fn now(&self, key: &str) -> Option<u64> {
        self.store.now(key)
    }

    fn ask_time<'a>(&'a self, key: &'a str) -> Operation<'a, u64> {
        self.store.ask_time(key)
    }

    fn measures(&self) -> bool {
        self.store.measures()
    }

    fn is_there(&self) -> bool {
        self.store.is_there()
    }

    fn condition(&self) -> Condition {
        self.store.condition()
    }
}
