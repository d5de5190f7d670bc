//! One lease and its fill, for calls, reloads, `put` and `#[updates]` alike: asked for, kept alive while what is to be
//! stored is made, and settled. What may be stored, and for how long, is in [`storing`].

mod storing;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime;

use crate::cache::Core;
use crate::error::Error;
use crate::flight::{Asking, Leader, Release};
use crate::group::{Groups, Stamps};
use crate::lease::{Acquire, Acquired, Intent, LeaseId};
use crate::policy::Policy;
use crate::record::Record;
use crate::renewal::Renewed;
use crate::scope::Handle;
use crate::session::Session;
pub(crate) use storing::{Filling, Written, run_many};

/// An entry of a cache, for whoever fills it.
#[derive(Clone, Copy)]
pub(crate) struct EntryRef<'a> {
    pub(crate) cache: &'a Handle,
    /// As it is in the store.
    pub(crate) key: &'a str,
    pub(crate) policy: &'a Policy,
    /// Of its value.
    pub(crate) schema: u64,
    pub(crate) groups: &'a Groups,
}

/// The right to fill an entry, and the duty to settle it.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) leader: Leader,
    /// What the groups of the entry were at before what is to be stored was made.
    pub(crate) stamps: Stamps,
}

impl Lease {
    pub(crate) fn id(&self) -> LeaseId {
        self.leader.lease()
    }
}

/// The answer to a question for the lease.
pub(crate) enum Acquisition {
    Granted {
        lease: Lease,
        /// The value that was seen is there, and stays until the new one is stored.
        over_seen: bool,
    },
    /// Somebody else has it, whose load began while the groups were at this.
    Held(LeaseId, Stamps),
    /// A value has come meanwhile, if its record can be read.
    Hit(Option<Record>),
    /// Nothing may be stored.
    NoStore,
}

/// A lease that is kept alive.
#[derive(Debug)]
pub(crate) struct Renewal {
    cache: Handle,
    key: String,
    id: LeaseId,
    life: Duration,
}

impl EntryRef<'_> {
    pub(crate) fn core(&self) -> &Arc<Core> {
        self.cache.core()
    }

    /// What the groups of the entry are at; `None` if nothing may be stored.
    pub(crate) async fn stamps(&self, session: &mut Session<'_>) -> Result<Option<Stamps>, Error> {
        let life = self.policy.longest_life(self.core().settings.max_ttl);
        session.stamp(self.key, &self.groups.of_lease(), life).await
    }

    /// Asks for the lease. `stamps` is what the groups were at before.
    pub(crate) async fn acquire(
        &self,
        intent: Intent,
        seen: LeaseId,
        stamps: &Stamps,
        session: &mut Session<'_>,
    ) -> Result<Acquisition, Error> {
        let asking = self.asking();
        let acquire = self.question(&asking, intent, seen, stamps);
        // On an error `asking` is dropped, which takes the question back.
        let acquired = session.acquire(self.key, acquire).await?;
        Ok(self.acquisition(asking, acquired, stamps))
    }

    /// A question for the lease that is about to be sent: whoever hears of that lease finds its flight.
    pub(crate) fn asking(&self) -> Asking {
        self.core().flights.ask(self.key, self.release_later(Duration::ZERO))
    }

    pub(crate) fn question<'s>(
        &self,
        asking: &Asking,
        intent: Intent,
        seen: LeaseId,
        stamps: &'s Stamps,
    ) -> Acquire<'s> {
        Acquire {
            nonce: asking.nonce(),
            lease: self.lease_life(),
            schema: self.schema,
            intent,
            seen,
            stamps,
            longest: self.core().settings.longest_record(),
        }
    }

    /// What the store's answer to a question means.
    pub(crate) fn acquisition(
        &self,
        asking: Asking,
        acquired: Acquired,
        stamps: &Stamps,
    ) -> Acquisition {
        let (id, over_seen) = match acquired {
            Acquired::Grant { lease, over_seen } => (lease, over_seen),
            // Granted to this very question: it was executed, the connection lost, and it was sent
            // again.
            Acquired::Wait { holder, .. } if holder.nonce() == asking.nonce() => (holder, false),
            other => {
                asking.not_granted();
                return match other {
                    Acquired::Wait { holder, stamps } => Acquisition::Held(holder, stamps),
                    Acquired::Hit(record) => Acquisition::Hit(Record::read(record)),
                    _ => Acquisition::NoStore,
                };
            }
        };
        let lease = Lease { leader: asking.granted(id), stamps: stamps.clone() };
        Acquisition::Granted { lease, over_seen }
    }

    /// Asks for the lease with an intent that waits for nobody, and whether the value that was seen is there.
    pub(crate) async fn reserve(
        &self,
        intent: Intent,
        seen: LeaseId,
        session: &mut Session<'_>,
    ) -> Result<Option<(Lease, bool)>, Error> {
        let Some(stamps) = self.stamps(session).await? else { return Ok(None) };
        Ok(match self.acquire(intent, seen, &stamps, session).await? {
            Acquisition::Granted { lease, over_seen } => Some((lease, over_seen)),
            _ => None,
        })
    }

    /// What keeps a lease alive.
    pub(crate) fn renewal(&self, id: LeaseId) -> Renewal {
        let (cache, key) = (self.cache.clone(), self.key.to_owned());
        Renewal { cache, key, id, life: self.lease_life() }
    }

    pub(crate) fn lease_life(&self) -> Duration {
        self.policy.lease_life(self.core().settings.max_ttl)
    }

    /// Gives a lease up and ends its flight with `end`. For `pause`, no call reloads the stored value. If the server
    /// cannot be asked, the release is tried once more in the background.
    pub(crate) async fn release(
        &self,
        leader: Leader,
        end: fn(Leader),
        pause: Duration,
        session: &mut Session<'_>,
    ) -> Result<(), Error> {
        let nonce = leader.lease().nonce();
        let release = session.release(self.key, nonce, pause);
        let released = if pause.is_zero() {
            end(leader);
            release.await
        } else {
            // Followers are to find the pause there, and the last good value with it.
            let released = release.await;
            end(leader);
            released
        };
        if released.is_err() {
            self.release_later(pause)(nonce);
        }
        released
    }

    /// Gives a lease up in the background. Without a runtime or a cache, it ends by itself.
    pub(crate) fn release_later(&self, pause: Duration) -> Release {
        let core = Arc::downgrade(self.core());
        let key = self.key.to_owned();
        Box::new(move |nonce| {
            let (Some(core), Ok(runtime)) = (core.upgrade(), runtime::Handle::try_current()) else {
                return;
            };
            runtime.spawn(async move {
                let _ = core.sessions.begin().release(&key, nonce, pause).await;
            });
        })
    }
}

impl Renewed for Renewal {
    fn life(&self) -> Duration {
        self.life
    }

    async fn renew(&self) -> bool {
        let Self { cache, key, id, life } = self;
        let renewed = cache.core().sessions.begin().renew(key, *id, *life).await;
        !matches!(renewed, Ok(false))
    }
}
