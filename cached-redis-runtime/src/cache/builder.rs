//! How a cache is set up.

mod cluster;

use std::sync::Arc;
use std::time::Duration;

use redis::Client;
use redis::aio::MultiplexedConnection;

use super::{Cache, Double, Settings, namespace, switch};
use crate::bucket::Buckets;
use crate::error::Error;
use crate::payload::seal;
#[cfg(feature = "encryption")]
use crate::payload::{KeyRing, Keys};
use crate::policy::MIN_LIFE;
use crate::record::Compression;
use crate::store::Store;
use crate::store::redis::{
    AddressMap, ClusterSettings, Credentials, LinkSettings, Provider, RedisStore, Seeds, Server,
    SocketOptions,
};

/// Beyond these a setting is a mistake, and sums of times could overflow.
const LONGEST_BUDGET: Duration = Duration::from_secs(60);
const LONGEST_TTL: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

const VARIABLE: &str = "REDIS_URL";

/// More than the usual pools have connections; see [`CacheBuilder::max_loads_while_down`].
const MOST_LOADS_WHILE_DOWN: usize = 64;

/// Builds a [`Cache`]. Building does not connect; the first call does.
#[derive(Debug, Default)]
#[must_use = "call `build`"]
pub struct CacheBuilder {
    place: Place,
    sockets: SocketOptions,
    settings: Settings,
    namespace: Option<String>,
    without_tracking: bool,
    credentials: Option<Arc<Provider>>,
    addresses: Option<AddressMap>,
    #[cfg(feature = "encryption")]
    keys: Option<KeyRing>,
}

/// Where entries are.
#[derive(Debug, Default)]
enum Place {
    /// On the server that `REDIS_URL` names.
    #[default]
    Environment,
    Server(Box<Server>),
    /// On a cluster.
    Cluster(Seeds),
    /// On what stands in for a server, made for a namespace.
    Double(fn(&str) -> Double),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // Of a store that is in this process: nobody else uses it.
            namespace: "memory".to_owned(),
            budget: Duration::from_millis(100),
            max_value: 1024 * 1024,
            max_ttl: Duration::from_secs(30 * 24 * 60 * 60),
            max_loads_while_down: MOST_LOADS_WHILE_DOWN,
            max_loads_after_failure: 4,
            max_pending_invalidations: 10_000,
            max_background_reloads: 64,
            failure_throttle: Duration::from_secs(30),
            #[cfg(feature = "local")]
            local_max_bytes: 64 * 1024 * 1024,
            compression: Compression::None,
            encrypts: false,
            keys: None,
            buckets: None,
            switched_off: None,
        }
    }
}

impl CacheBuilder {
    /// The server, as `redis://[user][:password]@host[:port][/database]`. `rediss://` for TLS needs
    /// one of the TLS features and `?protocol=resp3` for RESP3, which plain connections try by
    /// themselves (`?protocol=resp2` keeps them from it). `unix:///path` is a socket.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.place = Place::Server(Box::new(Server::Url(url.into())));
        self
    }

    /// The server of a client that is set up already, for example with certificates of its own.
    pub fn client(mut self, client: Client) -> Self {
        self.place = Place::Server(Box::new(Server::Client(client)));
        self
    }

    /// The primary that sentinels know by this name, wherever they say that it is. Each URL is that of a sentinel,
    /// with the login that the sentinel wants: `redis://[user][:password]@host[:port]`, with the port 26379 if it names
    /// none. The login of the primary is given by [`credentials`](Self::credentials), or in the one
    /// [`url`](Self::url) that says all of it, its database too:
    /// `redis+sentinel://user:password@host:port,host:port/name/database`.
    ///
    /// ```
    /// # use cached_redis_runtime::{Cache, Error};
    /// # fn example() -> Result<(), Error> {
    /// let sentinels = ["redis://one:26379", "redis://two:26379", "redis://three:26379"];
    /// let cache = Cache::builder().sentinel(sentinels, "shop").namespace("shop").build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn sentinel<U: Into<String>>(
        mut self,
        urls: impl IntoIterator<Item = U>,
        name: impl Into<String>,
    ) -> Self {
        let urls = urls.into_iter().map(Into::into).collect();
        self.place = Place::Server(Box::new(Server::Sentinels { urls, name: name.into() }));
        self
    }

    /// Who logs in, asked whenever a connection is made: for passwords and tokens that change. What the
    /// URL or the client says of user and password is not used then.
    ///
    /// A token that is said to be [valid for](Credentials::valid_for) some time is used until that is
    /// nearly over. After a refused login you are asked again, ever more seldom (up to a minute apart).
    /// An error of yours, which is not logged, counts as a refused login. It has a second to answer.
    ///
    /// ```
    /// # use cached_redis_runtime::{Cache, Credentials, Error};
    /// # async fn read_secret() -> Result<String, std::io::Error> { Ok(String::new()) }
    /// # fn example() -> Result<(), Error> {
    /// let cache = Cache::builder()
    ///     .url("redis://redis.internal:6379")
    ///     .credentials(async || Ok::<_, std::io::Error>(Credentials::new("app", read_secret().await?)))
    ///     .namespace("shop")
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn credentials<F, R, E>(mut self, provider: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<Credentials, E>> + Send + 'static,
    {
        self.credentials = Some(Arc::new(Provider::new(provider)));
        self
    }

    /// A connection that is open already. If it is lost, it is lost for the cache too: prefer
    /// [`client`](Self::client), from which the cache can make another.
    pub fn connection(mut self, connection: MultiplexedConnection) -> Self {
        self.place = Place::Server(Box::new(Server::Connection(connection)));
        self
    }

    /// A store that stands in for a server.
    pub(crate) fn double(mut self, make: fn(namespace: &str) -> Double) -> Self {
        self.place = Place::Double(make);
        self
    }

    /// First part of every key: what shares entries has the same one, and nothing else may. Give each
    /// service one of its own, and each deployment of a service (staging, a branch, a tenant) that uses
    /// the same server: otherwise one reads what the other has stored.
    ///
    /// Without one, it is the name of the executable and the version of the key format (`shop-1`),
    /// which is logged once as a warning: two deployments of one executable share it.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Whether small requests go out at once (`TCP_NODELAY`; default: yes). Not for a
    /// [`client`](Self::client), which says so itself.
    pub fn tcp_nodelay(mut self, nodelay: bool) -> Self {
        self.sockets.nodelay = nodelay;
        self
    }

    /// How long a connection is idle before the operating system asks whether its peer is still there
    /// (default 15 s). Not for a [`client`](Self::client), which says so itself.
    pub fn tcp_keepalive(mut self, idle: Duration) -> Self {
        self.sockets.keepalive = idle;
        self
    }

    /// How long the server may keep a call waiting in all, its load apart (default 100 ms). Also the
    /// longest that one invalidation waits for an answer.
    ///
    /// A hit takes one round trip, a miss two before its load (three the first time that a process meets
    /// the function). Storing the value has a budget of its own, and goes on in the background. Time that
    /// this process spends on itself does not count, as far as that can be seen (not with TLS).
    pub fn budget(mut self, budget: Duration) -> Self {
        self.settings.budget = budget;
        self
    }

    /// Largest value that is stored, in bytes as encoded (default 1 MiB). Larger ones are
    /// returned to the caller and counted.
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_value = bytes;
        self
    }

    /// How values of a kilobyte and more are compressed, unless the attribute of a function says otherwise
    /// (`compress = …`). Kept where it saves a tenth. Values are read however they are compressed.
    ///
    /// A value that is encrypted is compressed only if its function says `compress` itself: the length of what is
    /// stored would tell something of its content.
    pub fn compress(mut self, compression: Compression) -> Self {
        self.settings.compression = compression;
        self
    }

    /// Whether values are encrypted, unless the attribute of a function says otherwise (`encrypt`). Takes keys:
    /// [`encryption`](Self::encryption). What is stored in the clear is then not read.
    #[cfg(feature = "encryption")]
    pub fn encrypt(mut self, encrypt: bool) -> Self {
        self.settings.encrypts = encrypt;
        self
    }

    /// The keys for values that are encrypted. By themselves they encrypt nothing: see [`encrypt`](Self::encrypt),
    /// and the option of the same name of a function.
    #[cfg(feature = "encryption")]
    pub fn encryption(mut self, keys: KeyRing) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Longest time to live (default 30 days).
    pub fn max_ttl(mut self, ttl: Duration) -> Self {
        self.settings.max_ttl = ttl;
        self
    }

    /// How many loads may run at a time while the server is away (default 64). The others wait, for
    /// their `load_timeout` at most; a load inside a load belongs to that one. Set it to what the source
    /// of the data can take beside its other work.
    ///
    /// 64 is more than the connections that the usual pools keep (10 to 32), so it holds up nothing that
    /// a database would have served, and keeps a burst from queueing thousands of loads there.
    pub fn max_loads_while_down(mut self, loads: usize) -> Self {
        self.settings.max_loads_while_down = loads;
        self
    }

    /// How many loads of one key may run at a time in this process after one has failed, or has taken
    /// longer than `load_timeout`, while others waited for it (default 4). The others wait for their
    /// turn. As soon as one of these loads succeeds, all who waited before it began get its value.
    ///
    /// A caller that has waited for `load_timeout` doubles the bound, so that a body that hangs does not
    /// keep everybody waiting. With `stale_if_error`, the last good value is the answer instead.
    pub fn max_loads_after_failure(mut self, loads: usize) -> Self {
        self.settings.max_loads_after_failure = loads;
        self
    }

    /// How many failed invalidations may wait to be retried (default 10 000). More are dropped,
    /// counted and logged.
    pub fn max_pending_invalidations(mut self, invalidations: usize) -> Self {
        self.settings.max_pending_invalidations = invalidations;
        self
    }

    /// How many loads may run behind answers at a time (default 64). Beyond that, the next caller
    /// tries again.
    pub fn max_background_reloads(mut self, reloads: usize) -> Self {
        self.settings.max_background_reloads = reloads;
        self
    }

    /// For how long nobody tries again after a load has failed while the last good value stands in
    /// (default 30 s). At most a quarter of `stale_if_error` or `stale`, or with `early` of a tenth of
    /// `ttl` if that is longer.
    pub fn failure_throttle(mut self, throttle: Duration) -> Self {
        self.settings.failure_throttle = throttle;
        self
    }

    /// What the copies of entries in this process may take together, in bytes (default 64 MiB; 0: no function keeps
    /// copies). A value counts as long as it is stored. What is read least gives way.
    #[cfg(feature = "local")]
    pub fn local_max_bytes(mut self, bytes: u64) -> Self {
        self.settings.local_max_bytes = bytes;
        self
    }

    /// Whether the server is to tell what changes (default: yes, where it speaks RESP3). Without, a
    /// hit has the server read a second key: switch it off for proxies that cannot pass it on.
    pub fn tracking(mut self, tracking: bool) -> Self {
        self.without_tracking = !tracking;
        self
    }

    /// The cache. Does not connect. With `CACHED_REDIS=off` in the environment it is
    /// [switched off](Cache::disabled), except for one in memory.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if no server was chosen; if `CACHED_REDIS` is neither `on` nor `off`; for a malformed URL, or
    /// one that says what is not supported; for TLS without a TLS feature, a namespace that cannot be
    /// part of a key, a budget of zero or above a minute, a longest TTL out of range, or no load at all
    /// while the server is down or after a failure.
    pub fn build(mut self) -> Result<Cache, Error> {
        match (self.namespace.take(), &self.place) {
            (Some(namespace), _) => self.settings.namespace = namespace,
            (None, Place::Double(_)) => {}
            (None, _) => self.settings.namespace = namespace::of_executable(),
        }
        #[cfg(feature = "encryption")]
        if let Some(ring) = &self.keys {
            let keys = Keys::derive(ring, &self.settings.namespace)?;
            self.settings.keys = Some(Arc::new(keys));
        }
        self.settings.check()?;
        let place = match self.place {
            Place::Double(make) => {
                let double = make(&self.settings.namespace);
                return Ok(Cache::with_double(double, self.settings));
            }
            _ if switch::is_off(std::env::var_os(switch::VARIABLE).as_deref())? => {
                return Ok(Cache::switched_off(self.settings, switch::BY_ENVIRONMENT));
            }
            Place::Environment => {
                let url = std::env::var(VARIABLE).map_err(|_| no_server())?;
                Place::Server(Box::new(Server::Url(url)))
            }
            place => place,
        };
        let settings = LinkSettings {
            patience: self.settings.budget,
            tracking: !self.without_tracking,
            namespace: self.settings.namespace.clone(),
            longest_reply: self.settings.longest_record(),
            credentials: self.credentials,
            member: None,
        };
        let seeds = match place {
            Place::Server(server) => match server.seeds() {
                Some(seeds) => seeds,
                None => {
                    let store = RedisStore::standalone(*server, self.sockets, settings)?;
                    return Ok(Cache::new(Arc::new(store), None, self.settings));
                }
            },
            Place::Cluster(seeds) => seeds,
            // Both have been dealt with.
            Place::Environment | Place::Double(_) => return Err(no_server()),
        };
        let cluster = ClusterSettings::new(seeds, self.sockets, settings, self.addresses)?;
        let store: Arc<dyn Store> = Arc::new(RedisStore::cluster(cluster));
        Ok(Cache::new(store, None, self.settings.on_cluster()))
    }
}

impl Settings {
    /// The longest record that is read: longer than any that this cache stores, because another that
    /// shares the entries may store longer ones.
    pub(crate) fn longest_record(&self) -> usize {
        self.max_value.saturating_mul(4).saturating_add(64 * 1024)
    }

    /// The same for keys that are divided into buckets.
    fn on_cluster(self) -> Self {
        Self { buckets: Some(Arc::new(Buckets::new(&self.namespace))), ..self }
    }

    fn check(&self) -> Result<(), Error> {
        let unfit = |character: char| {
            matches!(character, ':' | '{' | '}')
                || character.is_control()
                || character.is_whitespace()
        };
        if self.namespace.is_empty() || self.namespace.contains(unfit) {
            return Err(Error::config(
                "the namespace must not be empty or contain `:`, braces, white space or control \
                 characters",
            ));
        }
        if self.budget.is_zero() || self.budget > LONGEST_BUDGET {
            return Err(Error::config("the budget must be more than zero and at most a minute"));
        }
        if self.max_ttl < MIN_LIFE || self.max_ttl > LONGEST_TTL {
            return Err(Error::config(
                "the longest time to live must be between a millisecond and ten years",
            ));
        }
        if self.max_loads_while_down == 0 {
            return Err(Error::config(
                "`max_loads_while_down(0)` would stop every load; use 1 or more",
            ));
        }
        seal::check_feature(self.compression)?;
        if self.encrypts && self.keys.is_none() {
            return Err(Error::config(
                "`.encrypt(true)` needs keys: write `.encryption(KeyRing::new(..))` too",
            ));
        }
        if self.max_loads_after_failure == 0 {
            return Err(Error::config(
                "`max_loads_after_failure(0)` would let nobody load after a failure; use 1 or more",
            ));
        }
        Ok(())
    }
}

fn no_server() -> Error {
    Error::config(
        "no server was chosen: set `REDIS_URL`, or write `.url(\"redis://…\")`, `.cluster([..])`, \
         `.client(..)` or `.memory()` on the builder",
    )
}
