//! One entry, from outside: to look at it, fill it or remove it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::{Cache, Core};
use crate::call::Call;
use crate::codec::{self, Decoded, Encoded};
use crate::error::{Error, ErrorKind};
use crate::lease::{Acquire, Acquired, Filled, Intent};
use crate::outcome::{Outcome, Storable};
use crate::policy::Policy;
use crate::record::Kind;

/// Life of the lease under which [`Entry::put`] stores: it only needs to reach the next command.
const PUT_LEASE: Duration = Duration::from_secs(10);

/// The entry of one call of a cached function; `f_entry(..)` makes it. `R` is the function's return
/// type.
///
/// ```
/// # use cached_redis_runtime::{Entry, Error};
/// # async fn example(entry: Entry<Option<String>>) -> Result<(), Error> {
/// if entry.get().await?.is_none() {
///     entry.put("warm".to_owned()).await?; // the plain value, or `None` for an absence
/// }
/// println!("{:?} left", entry.ttl().await?);
/// entry.invalidate().await?;
/// # Ok(())
/// # }
/// ```
pub struct Entry<R> {
    cache: Cache,
    key: Result<String, Error>,
    policy: Policy,
    schema: u64,
    meaning: Box<dyn Meaning<R>>,
}

impl<R> fmt::Debug for Entry<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Entry").field("key", &self.key).finish_non_exhaustive()
    }
}

/// An [`Outcome`] whose stored type has been forgotten: aliases of return types work because no
/// signature has to name it.
trait Meaning<R>: Send + Sync {
    fn type_name(&self) -> &'static str;
    fn encode(&self, returned: &R, schema: u64) -> Result<Encoded, Error>;
    fn decode(&self, record: &[u8], schema: u64) -> Decoded<R>;
}

impl<O> Meaning<O::Return> for O
where
    O: Outcome + Send + Sync,
    O::Value: Storable,
{
    fn type_name(&self) -> &'static str {
        std::any::type_name::<O::Value>()
    }

    fn encode(&self, returned: &O::Return, schema: u64) -> Result<Encoded, Error> {
        codec::encode(self, returned, schema)
    }

    fn decode(&self, record: &[u8], schema: u64) -> Decoded<O::Return> {
        codec::decode(self, record, schema)
    }
}

/// What [`Entry::put`] accepts for a function that returns `R`: the plain value, an `Option` of it
/// where the function can return none, or all of `R`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a function that returns `{R}` keeps",
    label = "expected the plain value"
)]
pub trait Plain<R> {
    /// The value as the function would return it.
    fn returned(self) -> R;
}

impl<T> Plain<T> for T {
    fn returned(self) -> T {
        self
    }
}

impl<T> Plain<Option<T>> for T {
    fn returned(self) -> Option<T> {
        Some(self)
    }
}

impl<T, E> Plain<Result<T, E>> for T {
    fn returned(self) -> Result<T, E> {
        Ok(self)
    }
}

impl<T, E> Plain<Result<Option<T>, E>> for T {
    fn returned(self) -> Result<Option<T>, E> {
        Ok(Some(self))
    }
}

impl Call {
    /// The entry that this call is about.
    pub fn entry<O>(self, outcome: O) -> Entry<O::Return>
    where
        O: Outcome + Send + Sync + 'static,
        O::Value: Storable,
    {
        let key = self.cache.core().key(self.function, &self.key);
        let meaning = Box::new(outcome);
        let schema = self.function.schema(meaning.type_name(), self.policy.version);
        Entry { cache: self.cache.into_owned(), key, policy: self.policy, schema, meaning }
    }
}

impl<R> Entry<R> {
    /// The key in the store.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Key`] if an argument could not be serialized.
    pub fn key(&self) -> Result<&str, Error> {
        self.key.as_deref().map_err(Clone::clone)
    }

    /// What a call would be answered from the cache; `None` if it would have to load.
    ///
    /// # Errors
    ///
    /// If the cache fails. The function itself would run its body.
    pub async fn get(&self) -> Result<Option<R>, Error> {
        let core = self.core();
        let key = self.key()?;
        if core.invalidator.is_outstanding(key) {
            // Its invalidation is still being retried, so a call would load.
            return Ok(None);
        }
        let found = core.budget().run(&*core.store, core.store.get(key)).await?;
        Ok(found.and_then(|record| match self.meaning.decode(&record, self.schema) {
            Decoded::Hit(returned, _) => Some(returned),
            Decoded::Miss | Decoded::Unreadable => None,
        }))
    }

    /// Stores a value, as if the function had just returned it. Loads that are under way will not
    /// replace it.
    ///
    /// The value counts as being as new as this call. If it was read from its source before, an
    /// update in between would be lost: to fill an entry from the source, use
    /// [`refresh`](crate::refresh) around a call of the function, which is fenced from the read on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Superseded`] if an invalidation came between, [`ErrorKind::TooLarge`],
    /// [`ErrorKind::Encode`], or if the cache fails.
    pub fn put<V: Plain<R>>(&self, value: V) -> impl Future<Output = Result<(), Error>> {
        // Encoded at once: nothing of `R` may live across an await, for it need not be `Send`.
        let admitted = self.admitted(&value.returned());
        async move {
            match admitted? {
                Some((record, kind)) => self.store(record, kind).await,
                None => self.invalidate().await,
            }
        }
    }

    fn admitted(&self, returned: &R) -> Result<Option<(Vec<u8>, Kind)>, Error> {
        let core = self.core();
        core.admits(&self.policy)?;
        core.admit(self.meaning.encode(returned, self.schema)?, &self.policy)
    }

    async fn store(&self, mut record: Vec<u8>, kind: Kind) -> Result<(), Error> {
        let core = self.core();
        let key = self.key()?;
        let asking = core.ask(key);
        let acquire = Acquire {
            nonce: asking.nonce(),
            lease: PUT_LEASE,
            schema: self.schema,
            intent: Intent::Refresh,
        };
        let mut budget = core.budget();
        let acquired = budget.run(&*core.store, core.store.acquire(key, acquire)).await?;
        let Acquired::Grant(lease) = acquired else {
            asking.not_granted();
            return Err(superseded());
        };
        let leader = asking.granted(lease);
        leader.seal();
        crate::record::sign(&mut record, &lease);
        let life = core.life(&self.policy, kind);
        let fill = core.store.fill(key, lease, &record, life);
        let filled = budget.run(&*core.store, fill).await;
        leader.filled(&filled, record);
        match filled? {
            Filled::Stored => Ok(()),
            Filled::Lost => Err(superseded()),
        }
    }

    /// Removes the entry. After this has returned `Ok`, no load that began earlier can be stored,
    /// and no call that starts later gets an older value.
    ///
    /// # Errors
    ///
    /// If the cache fails; the invalidation is retried in the background.
    pub async fn invalidate(&self) -> Result<(), Error> {
        self.core().invalidator.invalidate(self.key()?.to_owned()).await
    }

    /// Marks the value as stale: the next call loads. Tells whether there was a value. Unlike
    /// [`invalidate`](Self::invalidate), it does not keep a load that is under way from storing.
    ///
    /// # Errors
    ///
    /// If the cache fails.
    pub async fn expire(&self) -> Result<bool, Error> {
        let core = self.core();
        core.budget().run(&*core.store, core.store.mark_stale(self.key()?)).await
    }

    /// What is left of the entry's life; `None` if there is no entry.
    ///
    /// # Errors
    ///
    /// If the cache fails.
    pub async fn ttl(&self) -> Result<Option<Duration>, Error> {
        let core = self.core();
        core.budget().run(&*core.store, core.store.ttl(self.key()?)).await
    }

    pub(crate) fn into_target(self) -> (Cache, Result<String, Error>) {
        (self.cache, self.key)
    }

    fn core(&self) -> &Arc<Core> {
        self.cache.core()
    }
}

fn superseded() -> Error {
    Error::new(ErrorKind::Superseded, "another write or invalidation came between")
}
