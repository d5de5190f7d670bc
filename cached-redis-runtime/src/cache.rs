//! The cache: a store and everything that is shared by the calls that use it.

mod builder;
mod namespace;
mod switch;

use std::any::Any;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

pub use builder::CacheBuilder;

use crate::background::Background;
use crate::bucket::Buckets;
use crate::error::Error;
use crate::flight::Flights;
use crate::freshness::{Freshness, freshness};
use crate::function::Function;
use crate::group::{self, Group, Groups, IntoTag, TagText};
use crate::health::{Health, Tracking};
use crate::invalidation::{Invalidator, Target};
use crate::join::{Boxed, join_all};
use crate::key::{Key, KeyError};
#[cfg(feature = "local")]
use crate::local::Local;
use crate::loss::{Loss, Losses};
use crate::payload::Keys;
use crate::payload::seal::no_keys;
use crate::policy::Policy;
use crate::record::{Compression, Header};
use crate::session::{Session, Sessions};
use crate::sharing::{Lines, LoadQueues};
use crate::stats::{ConnectionCounters, Registry, Stats};
use crate::store::Store;
#[cfg(feature = "unfenced-for-tests")]
use crate::store::mutated::{Mutated, Rule};
use crate::store::none::NoStore;

/// A cache: a connection to a server (or an in-process store) with its settings. Cheap to clone;
/// clones share everything.
///
/// ```
/// use cached_redis_runtime::Cache;
///
/// # fn main() -> Result<(), cached_redis_runtime::Error> {
/// let cache = Cache::builder().url("redis://127.0.0.1:6379").namespace("shop").build()?;
/// cache.install()?; // from now on, every cached function of this process uses it
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Cache(Arc<Core>);

/// What the clones of a cache share.
pub(crate) struct Core {
    /// Unique in this process.
    pub(crate) id: u64,
    pub(crate) sessions: Sessions,
    /// The store as its own type, if it stands in for a server.
    double: Option<Arc<dyn Any + Send + Sync>>,
    pub(crate) settings: Settings,
    pub(crate) stats: Registry,
    pub(crate) flights: Arc<Flights>,
    /// Who asks for whom.
    pub(crate) lines: Arc<Lines>,
    /// Who loads although another load has failed, or takes too long.
    pub(crate) load_queues: Arc<LoadQueues>,
    pub(crate) invalidator: Arc<Invalidator>,
    pub(crate) loads_while_down: Arc<Semaphore>,
    pub(crate) background: Arc<Background>,
    pub(crate) connection: Arc<ConnectionCounters>,
    pub(crate) losses: Arc<Losses>,
    /// Copies in this process, where the store can say what changes.
    #[cfg(feature = "local")]
    pub(crate) local: Option<Arc<Local>>,
}

/// A store that stands in for a server. Whoever has made it knows its type.
pub(crate) struct Double {
    store: Arc<dyn Store>,
    itself: Arc<dyn Any + Send + Sync>,
}

impl Double {
    pub(crate) fn new<S: Store + 'static>(store: Arc<S>) -> Self {
        Self { itself: Arc::clone(&store) as _, store }
    }
}

/// What a builder decides.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) namespace: String,
    pub(crate) budget: Duration,
    pub(crate) max_value: usize,
    pub(crate) max_ttl: Duration,
    pub(crate) max_loads_while_down: usize,
    pub(crate) max_loads_after_failure: usize,
    pub(crate) max_pending_invalidations: usize,
    pub(crate) max_background_reloads: usize,
    pub(crate) failure_throttle: Duration,
    #[cfg(feature = "local")]
    pub(crate) local_max_bytes: u64,
    pub(crate) compression: Compression,
    pub(crate) encrypts: bool,
    pub(crate) keys: Option<Arc<Keys>>,
    /// Into which the keys are divided, on a cluster.
    pub(crate) buckets: Option<Arc<Buckets>>,
    /// Why there is no store, where that is on purpose.
    pub(crate) switched_off: Option<&'static str>,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the store: its connection knows a password.
        formatter.debug_struct("Core").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Cache {
    /// Starts building a cache.
    pub fn builder() -> CacheBuilder {
        CacheBuilder::default()
    }

    /// A cache on the server that the environment variable `REDIS_URL` names. Does not connect.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if it is not set, or malformed.
    pub fn from_env() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// A cache that does nothing: every call loads, nothing connects, nothing is removed, and
    /// [`health`](Self::health) says so. For a flag of your configuration; `CACHED_REDIS=off` in the environment
    /// makes any [`CacheBuilder::build`] return one, except for caches in memory.
    ///
    /// Switch it off in all processes that share the entries. One that writes without it invalidates nothing, and the
    /// others would go on reading old values.
    ///
    /// ```
    /// let cache = cached_redis_runtime::Cache::disabled();
    /// ```
    #[must_use]
    pub fn disabled() -> Self {
        Self::switched_off(Settings::default(), switch::BY_PROGRAM)
    }

    fn switched_off(settings: Settings, why: &'static str) -> Self {
        let settings = Settings { switched_off: Some(why), ..settings };
        Self::new(Arc::new(NoStore), None, settings)
    }

    /// What to use if nobody chose: the environment's, else none. A malformed variable costs hits and not
    /// answers.
    pub(crate) fn from_env_or_none() -> Self {
        Self::from_env().unwrap_or_else(|error| {
            let none = Self::new(Arc::new(NoStore), None, Settings::default());
            none.0.losses.report(Loss::NoCache, None, &error.to_string());
            none
        })
    }

    pub(crate) fn with_double(double: Double, settings: Settings) -> Self {
        Self::new(double.store, Some(double.itself), settings)
    }

    pub(crate) fn new(
        store: Arc<dyn Store>,
        double: Option<Arc<dyn Any + Send + Sync>>,
        settings: Settings,
    ) -> Self {
        // Keyed by the operating system's randomness: no two processes share it.
        let process = RandomState::new().build_hasher().finish();
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let connection = Arc::<ConnectionCounters>::default();
        let losses = Arc::<Losses>::default();
        store.report_to(&connection, &losses);
        let sessions = Sessions::new(store, settings.budget);
        let invalidator = Invalidator::new(
            sessions.clone(),
            &settings.namespace,
            settings.max_pending_invalidations,
            settings.max_ttl,
            Arc::clone(&losses),
        );
        #[cfg(feature = "local")]
        let local = Local::new(&sessions, settings.local_max_bytes);
        Self(Arc::new(Core {
            #[cfg(feature = "local")]
            local,
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            sessions,
            double,
            stats: Registry::new(&losses),
            flights: Arc::new(Flights::new(process)),
            lines: Arc::default(),
            load_queues: Arc::new(LoadQueues::new(settings.max_loads_after_failure)),
            invalidator: Arc::new(invalidator),
            loads_while_down: Arc::new(Semaphore::new(
                settings.max_loads_while_down.min(Semaphore::MAX_PERMITS),
            )),
            background: Background::new(settings.max_background_reloads),
            connection,
            losses,
            settings,
        }))
    }

    /// The same cache without a rule, so that a test can show that it would notice.
    #[cfg(feature = "unfenced-for-tests")]
    #[doc(hidden)]
    #[must_use]
    pub fn without_for_tests(&self, rule: Rule) -> Self {
        let store = Mutated::new(Arc::clone(self.0.sessions.store()), rule);
        Self::new(Arc::new(store), self.0.double.clone(), self.0.settings.clone())
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0
    }

    /// A snapshot of all counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        #[cfg(feature = "local")]
        let (local_copies, local_bytes) =
            self.0.local.as_ref().map_or((0, 0), |local| local.size());
        #[cfg(not(feature = "local"))]
        let (local_copies, local_bytes) = (0, 0);
        Stats {
            functions: self.0.stats.snapshot(),
            running_reloads: self.0.background.running() as u64,
            invalidations: self.0.invalidator.done(),
            failed_invalidations: self.0.invalidator.failed(),
            pending_invalidations: self.0.invalidator.pending(),
            failed_fences: self.0.invalidator.failed_fences(),
            dropped_invalidations: self.0.invalidator.dropped(),
            refused_invalidations: self.0.invalidator.refused(),
            local_copies,
            local_bytes,
            reconnects: self.0.connection.reconnects.get(),
            untracked_connections: self.0.connection.untracked.get(),
        }
    }

    /// Asks the server for a key of this cache's namespace, within the budget of an operation: it is
    /// up if it answers and lets this user read. Also says what has gone wrong in silence so far.
    ///
    /// ```
    /// # async fn example() {
    /// let health = cached_redis_runtime::Cache::current().health().await;
    /// for loss in &health.losses {
    ///     println!("{loss} ({} times, last {:?} ago)", loss.count, loss.last_seen);
    /// }
    /// # }
    /// ```
    pub async fn health(&self) -> Health {
        let losses = self.0.losses.list();
        if !self.0.has_store() {
            let why = self.0.settings.switched_off;
            let ping = Err(Error::config(
                why.unwrap_or("there is no cache: none was chosen, and `REDIS_URL` is not set"),
            ));
            return Health { ping, tracking: Tracking::Unknown, losses };
        }
        let started = Instant::now();
        let ping = match &self.0.settings.buckets {
            None => self.0.ping(&self.0.settings.namespace).await,
            // Each node that has some of the keys is to answer.
            Some(buckets) => {
                let pings =
                    buckets.namespaces().map(|begin| Box::pin(self.0.ping(begin)) as Boxed<'_, _>);
                join_all(pings.collect()).await.into_iter().collect()
            }
        };
        let ping = ping.map(|()| started.elapsed());
        let tracking = self.0.sessions.store().condition().tracking;
        Health { ping, tracking, losses }
    }

    /// Removes every entry that carries a tag, however many there are. After this has returned `Ok`,
    /// no load that began earlier can be stored under it, and no call that starts later gets an
    /// older value.
    ///
    /// ```
    /// # async fn example() -> Result<(), cached_redis_runtime::Error> {
    /// let cache = cached_redis_runtime::Cache::current();
    /// cache.invalidate_tag("category:7").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the cache fails; the invalidation is retried in the background. [`ErrorKind::Key`](crate::ErrorKind::Key)
    /// if an argument of a [typed tag](crate::tag!) could not be serialized.
    pub async fn invalidate_tag(&self, tag: impl IntoTag) -> Result<(), Error> {
        let target = self.0.named(&tag.into_tag())?;
        self.0.invalidator.invalidate_all(target.into_iter().collect()).await
    }

    /// Begins no more reloads behind answers, and waits until those that run have stored what they
    /// load: to be awaited before the process ends, within the time that it has.
    ///
    /// The cache goes on answering, and so do its clones, which share this. Values beyond their fresh
    /// life are still served, and nobody reloads them here; with `soft_timeout`, callers wait for their
    /// loads. It does not wait for invalidations that are being retried: see
    /// [`Stats::pending_invalidations`].
    ///
    /// ```
    /// # async fn example() {
    /// let cache = cached_redis_runtime::Cache::current();
    /// let _ = tokio::time::timeout(std::time::Duration::from_secs(5), cache.shutdown()).await;
    /// # }
    /// ```
    pub async fn shutdown(&self) {
        self.0.background.shut_down().await;
    }

    /// How many loads are under way or being asked for in this process.
    #[must_use]
    pub fn loads_in_flight(&self) -> usize {
        self.0.flights.len()
    }
}

impl Core {
    /// The store that stands in for a server, if there is one of this type.
    pub(crate) fn double<S: Store + 'static>(&self) -> Option<&S> {
        self.double.as_deref()?.downcast_ref()
    }

    /// Asks for a key that begins so.
    async fn ping(&self, begin: &str) -> Result<(), Error> {
        let key = format!("{begin}:health");
        self.sessions.begin().read(&key, &Groups::default()).await.map(drop)
    }

    /// Whether there is a store at all: without one, functions just run.
    pub(crate) fn has_store(&self) -> bool {
        self.sessions.store().is_there()
    }

    /// The clock of the server that has this key, as far as it is known.
    pub(crate) fn now(&self, key: &str) -> Option<u64> {
        self.sessions.store().now(key)
    }

    /// The whole key of an entry.
    pub(crate) fn key(&self, function: &Function, key: &Key) -> Result<String, Error> {
        let namespace = match &self.settings.buckets {
            None => &self.settings.namespace,
            Some(buckets) => buckets.namespace_of(key),
        };
        Ok(key.render(namespace, function.prefix(), function.name())?)
    }

    /// All entries of a function.
    pub(crate) fn function(&self, function: &Function) -> Target {
        Target::of(function, function.group().key(&self.settings.namespace))
    }

    /// All entries that carry a tag.
    pub(crate) fn tag(&self, tag: &str) -> Target {
        self.group(Group::tag(tag), group::class_of(tag).map(Group::class))
    }

    /// The same of any tag, if there is one.
    pub(crate) fn named(&self, tag: &TagText) -> Result<Option<Target>, KeyError> {
        Ok(tag.groups()?.map(|(group, class)| self.group(group, class)))
    }

    fn group(&self, group: Group, class: Option<Group>) -> Target {
        let key = |group: Group| group.key(&self.settings.namespace);
        Target { class: class.map(&key), ..Target::new(key(group)) }
    }

    /// Whether entries of this policy may be stored at all.
    pub(crate) fn admits(&self, policy: &Policy) -> Result<(), Error> {
        if policy.encrypt == Some(true) && self.settings.keys.is_none() {
            return Err(no_keys());
        }
        policy.check(self.settings.max_ttl)
    }

    /// How fresh a value is. Asks the server for the time if it takes that, and is not known.
    pub(crate) async fn freshness(
        &self,
        key: &str,
        header: &Header,
        policy: &Policy,
        session: &mut Session<'_>,
    ) -> Result<Freshness, Error> {
        // Nearly every hit does without the time, which is behind a lock.
        let now = header.soft.and_then(|_| session.now(key));
        match freshness(header, now, policy) {
            Freshness::Unknown => {
                // Boxed, because every hit would have room for it.
                let now = Box::pin(session.ask_time(key)).await?;
                Ok(freshness(header, Some(now), policy))
            }
            known => Ok(known),
        }
    }
}
