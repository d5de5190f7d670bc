//! One entry, from outside: to look at it, fill it or remove it.

mod meaning;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::Core;
use crate::call::slot::Slot;
use crate::error::{Error, ErrorKind};
use crate::fill::{EntryRef, Lease};
use crate::flight::Leader;
use crate::freshness::answers;
use crate::function::{CountersOf, Function, StoredType};
use crate::group::Groups;
use crate::invalidation::Target;
use crate::judgement::{Judgement, judge};
use crate::key::Key;
use crate::lease::{Intent, LeaseId};
use crate::outcome::{Outcome, Storable};
use crate::payload::Encoding;
use crate::payload::codec::Format;
use crate::policy::Policy;
use crate::record::Record;
use crate::scope::{Choice, Handle};
pub(crate) use meaning::{CopyKey, Meaning};

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
#[must_use = "an entry does nothing by itself: ask it for something"]
pub struct Entry<R> {
    untyped: Untyped,
    meaning: Box<dyn Meaning<R>>,
}

impl<R> fmt::Debug for Entry<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Entry").field("key", &self.untyped.key).finish_non_exhaustive()
    }
}

/// An entry, whatever its type and whichever its cache.
struct Untyped {
    choice: Choice,
    function: &'static Function,
    key: Key,
    policy: Policy,
    /// Or why there is none, which makes every use of the value an error.
    schema: Result<u64, Error>,
    groups: Groups,
    /// Where copies of it are kept.
    copy_key: Option<CopyKey>,
}

/// What an entry is made of, besides its type.
pub(crate) struct Parts {
    pub(crate) choice: Choice,
    pub(crate) function: &'static Function,
    pub(crate) key: Key,
    pub(crate) policy: Policy,
    pub(crate) groups: Groups,
}

/// One of the entries of a batch.
pub(crate) struct Member<R> {
    pub(crate) slot: Slot,
    pub(crate) copy_key: Option<CopyKey>,
    pub(crate) meaning: Box<dyn Meaning<R>>,
}

/// An entry in one cache. Every operation finds that cache once, when it is first polled.
pub(crate) struct Located<'a> {
    entry: &'a Untyped,
    cache: Handle,
    key: String,
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

impl<R> Entry<R> {
    /// Of a call of this function with this key.
    pub(crate) fn new<O>(call: Parts, outcome: O) -> Self
    where
        O: Outcome<Return = R> + Send + Sync + 'static,
        O::Value: Storable,
    {
        let format = Format::of::<O::Codec, O::Value>();
        Self::of(call, format, None, outcome)
    }

    /// The same, of what is kept in this format, and of which there may be copies under that key.
    pub(crate) fn of(
        call: Parts,
        format: Format,
        copy_key: Option<CopyKey>,
        meaning: impl Meaning<R> + 'static,
    ) -> Self {
        let Parts { choice, function, key, policy, groups } = call;
        let schema = function.schema(StoredType {
            type_name: meaning.type_name(),
            version: policy.version,
            classes: groups.classes,
            format,
        });
        let untyped = Untyped { choice, function, key, policy, schema, groups, copy_key };
        Self { untyped, meaning: Box::new(meaning) }
    }

    /// The key in the store, in the namespace of the cache that is in use where you ask.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Key`] if an argument could not be serialized.
    pub fn key(&self) -> Result<String, Error> {
        Ok(self.located()?.key)
    }

    /// Whether the function is cached at all: whether options that come from expressions go together, and
    /// whether a key can be made of these arguments. A call only counts and logs it; ask once at the
    /// start, so that a mistake in the configuration is noticed.
    ///
    /// ```
    /// # use cached_redis_runtime::{Entry, Error};
    /// # fn price_entry(_: u64) -> Entry<u64> { unimplemented!() }
    /// # fn example() -> Result<(), Error> {
    /// price_entry(7).check()?; // in `main`
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Ttl`], [`ErrorKind::Policy`] or [`ErrorKind::Key`]. Does not ask the store.
    pub fn check(&self) -> Result<(), Error> {
        let Untyped { policy, schema, .. } = &self.untyped;
        self.located()?.core().admits(policy)?;
        schema.clone().map(|_| ())
    }

    /// What a call would be answered from the cache; `None` if it would have to load, also if that might fail
    /// and the last good value stand in (`stale_if_error`). Shortly after such a failure calls do not load, and
    /// are answered with that value: so is this.
    ///
    /// # Errors
    ///
    /// If the cache fails, or as [`check`](Self::check) does. The function itself would run its body.
    pub async fn get(&self) -> Result<Option<R>, Error> {
        let located = self.located()?;
        let Untyped { policy, schema, groups, .. } = located.entry;
        let (core, key) = (located.core(), &*located.key);
        core.admits(policy)?;
        let schema = schema.clone()?;
        let life = || policy.life_after_invalidation(core.settings.max_ttl);
        if core.invalidator.is_outstanding(key, life) {
            // Its invalidation is still being retried, so a call would load.
            return Ok(None);
        }
        let mut session = core.sessions.begin();
        let before = core.invalidator.before_reading();
        let Some(found) = session.read(key, groups).await? else {
            return Ok(None);
        };
        let Some(record) = Record::read(found.record) else { return Ok(None) };
        let outstanding =
            |stamps: &[u8]| core.invalidator.was_outstanding(before, key, stamps, life);
        let judgement = judge(&record, schema, groups, found.is_current, outstanding);
        if judgement != Judgement::Value {
            return Ok(None);
        }
        let freshness = core.freshness(key, record.header(), policy, &mut session).await?;
        if !answers(freshness, record.header(), core.now(key)) {
            return Ok(None);
        }
        let payload = located.entry().sealer().open(&record).ok();
        Ok(payload.and_then(|payload| self.meaning.decode(record.header(), &payload)))
    }

    /// Stores a value, as if the function had just returned it. Loads that are under way will not
    /// replace it.
    ///
    /// The value counts as being as new as this call. If it was read from its source before, an
    /// update in between would be lost: to fill an entry from the source, use
    /// [`refresh`](crate::refresh) around a call of the function, which is fenced from the read on;
    /// to store what a write has made of it, `#[updates]`, which is fenced from before the write.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Superseded`] if an invalidation came between, [`ErrorKind::TooLarge`],
    /// [`ErrorKind::Encode`], or if the cache fails.
    pub fn put<V: Plain<R>>(&self, value: V) -> impl Future<Output = Result<(), Error>> {
        let encoded = self.encoded(value);
        async move { self.located()?.put(encoded).await }
    }

    /// What the function would return, as it is stored. Encoded at once: nothing of `R` may live
    /// across an await, for it need not be `Send`.
    pub(crate) fn encoded<V: Plain<R>>(&self, value: V) -> Encoded {
        let schema = self.untyped.schema.clone();
        Encoded(schema.and_then(|schema| self.meaning.encode(&value.returned(), schema)))
    }

    /// Removes the entry. After this has returned `Ok`, no load that began earlier can be stored,
    /// and no call that starts later gets an older value.
    ///
    /// # Errors
    ///
    /// If the cache fails; the invalidation is retried in the background.
    pub async fn invalidate(&self) -> Result<(), Error> {
        self.located()?.invalidate().await
    }

    /// Ends the fresh life of the value: the next call loads, or, with `stale`, is answered with it
    /// once more while it is reloaded. Tells whether there was a value. Unlike
    /// [`invalidate`](Self::invalidate), it does not keep a load that is under way from storing.
    ///
    /// # Errors
    ///
    /// If the cache fails.
    pub async fn expire(&self) -> Result<bool, Error> {
        let located = self.located()?;
        located.core().sessions.begin().mark_stale(&located.key).await
    }

    /// What is left until the store drops the entry; `None` if there is none. With `stale` or
    /// `stale_if_error` that includes the grace; while a first load runs, it is what its lease has left.
    ///
    /// # Errors
    ///
    /// If the cache fails.
    pub async fn ttl(&self) -> Result<Option<Duration>, Error> {
        let located = self.located()?;
        located.core().sessions.begin().ttl(&located.key).await
    }

    /// The entry in the cache that is in use here.
    pub(crate) fn located(&self) -> Result<Located<'_>, Error> {
        let entry = &self.untyped;
        let cache = entry.choice.cache();
        let key = cache.core().key(entry.function, &entry.key)?;
        Ok(Located { entry, cache, key })
    }

    /// The entry as one of a batch.
    pub(crate) fn into_member(self) -> Result<Member<R>, Error> {
        let Self { untyped, meaning } = self;
        let Untyped { choice, function, key, policy, schema, groups, copy_key } = untyped;
        let cache = choice.cache();
        let core = cache.core();
        let key = core.key(function, &key)?;
        let of = || core.stats.of(function.prefix(), function.name());
        let counters = function.counters(core.id, of);
        let type_name = meaning.type_name();
        let slot = Slot { counters, policy, key, schema: schema?, groups, type_name, cache };
        Ok(Member { slot, copy_key, meaning })
    }

    /// The function and the cache of the entry, for what is counted.
    pub(crate) fn counters(&self) -> CountersOf<'static> {
        let Untyped { choice, function, .. } = &self.untyped;
        let cache = choice.cache();
        function
            .counters(cache.core().id, || cache.core().stats.of(function.prefix(), function.name()))
    }

    /// The entry in the cache that is in use here, wherever it is asked from now on.
    pub(crate) fn stay(mut self) -> Self {
        self.untyped.choice = Choice::Fixed(self.untyped.choice.cache());
        self
    }

    /// Counts a failure as the function's.
    pub(crate) fn count(&self, error: &Error) {
        let Untyped { choice, function, .. } = &self.untyped;
        choice.cache().core().stats.of(function.prefix(), function.name()).error(error);
    }
}

impl Located<'_> {
    pub(crate) fn core(&self) -> &Arc<Core> {
        self.cache.core()
    }

    pub(crate) fn entry(&self) -> EntryRef<'_> {
        let Untyped { policy, schema, groups, .. } = self.entry;
        // Without a schema nothing is encoded, and a lease carries none.
        let schema = *schema.as_ref().unwrap_or(&0);
        EntryRef { cache: &self.cache, key: &self.key, policy, schema, groups }
    }

    /// What may be stored of a value, if anything.
    pub(crate) fn admit(&self, encoded: Encoded) -> Result<Option<Encoding>, Error> {
        self.core().admits(&self.entry.policy)?;
        let entry = self.entry();
        let Some(encoding) = encoded.0? else { return Ok(None) };
        let admitted = entry.admit(encoding)?;
        admitted.map(|encoding| entry.seal(encoding)).transpose()
    }

    async fn put(&self, encoded: Encoded) -> Result<(), Error> {
        let Some(encoding) = self.admit(encoded)? else { return self.invalidate().await };
        let Some(lease) = self.reserve(Intent::Refresh).await? else { return Err(superseded()) };
        if self.fill(lease, encoding).await? { Ok(()) } else { Err(superseded()) }
    }

    pub(crate) async fn invalidate(&self) -> Result<(), Error> {
        self.core().invalidator.invalidate(self.target()).await
    }

    pub(crate) fn invalidate_in_background(self) {
        self.cache.core().invalidator.retry(vec![self.target()]);
    }

    fn target(&self) -> Target {
        Target::of(self.entry.function, self.key.clone())
    }

    /// Takes the lease, whoever has it; a value stays readable. `None` if a fence stands there.
    pub(crate) async fn reserve(&self, intent: Intent) -> Result<Option<Lease>, Error> {
        let mut session = self.core().sessions.begin();
        let reserved = self.entry().reserve(intent, LeaseId::NONE, &mut session).await?;
        Ok(reserved.map(|(lease, _)| lease))
    }

    /// Stores under a lease. Whether nothing came between.
    pub(crate) async fn fill(&self, lease: Lease, encoding: Encoding) -> Result<bool, Error> {
        let mut session = self.core().sessions.begin();
        let filling = self.entry().fill(lease, encoding, Duration::ZERO, &mut session).await?;
        match filling {
            Some(filling) => Ok(filling.run().await?.is_some()),
            None => Ok(false),
        }
    }

    /// Gives a lease up: what is there is still right.
    pub(crate) async fn release(&self, lease: Lease) {
        let mut session = self.core().sessions.begin();
        // If it fails, it is tried once more.
        let _ = self
            .entry()
            .release(lease.leader, Leader::not_shareable, Duration::ZERO, &mut session)
            .await;
    }
}

/// A value as it is stored, if a cache takes it.
#[derive(Debug)]
pub struct Encoded(Result<Option<Encoding>, Error>);

fn superseded() -> Error {
    Error::new(ErrorKind::Superseded, "another write or invalidation came between")
}
