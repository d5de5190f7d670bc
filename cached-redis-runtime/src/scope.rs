//! Which cache a call uses, and whether it uses it at all.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::cache::Cache;
use crate::error::Error;

static INSTALLED: OnceLock<Cache> = OnceLock::new();
static DEFAULT: OnceLock<Cache> = OnceLock::new();

tokio::task_local! {
    static SCOPE: Cache;
    static MODE: Mode;
}

/// A cache, borrowed where it lives as long as the process.
pub type Handle = Cow<'static, Cache>;

/// Which cache a helper acts on. It is made in one place and may be awaited in another.
#[derive(Clone, Debug)]
pub enum Choice {
    /// The one that is in use where it is awaited.
    Current,
    /// This one: that of `cache = …`.
    Fixed(Handle),
}

impl Choice {
    /// The cache, if it is asked for here.
    pub(crate) fn cache(&self) -> Handle {
        match self {
            Self::Current => current(),
            Self::Fixed(cache) => cache.clone(),
        }
    }
}

impl From<Handle> for Choice {
    fn from(cache: Handle) -> Self {
        Self::Fixed(cache)
    }
}

/// What the calls inside a future do with the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Read and write.
    Use,
    /// Neither.
    Bypass,
    /// Only write.
    Refresh,
}

/// A task that uses the cache that is in use here.
pub(crate) fn inherited<F: Future>(task: F) -> impl Future<Output = F::Output> {
    let scope = SCOPE.try_with(Clone::clone).ok();
    async move {
        match scope {
            Some(cache) => SCOPE.scope(cache, task).await,
            None => task.await,
        }
    }
}

pub(crate) fn mode() -> Mode {
    MODE.try_with(|mode| *mode).unwrap_or(Mode::Use)
}

/// The cache of the innermost [`Cache::scope`], else the installed one, else the one that
/// `REDIS_URL` names.
#[must_use]
pub fn current() -> Handle {
    SCOPE.try_with(|cache| Cow::Owned(cache.clone())).unwrap_or_else(|_| {
        Cow::Borrowed(
            INSTALLED.get().unwrap_or_else(|| DEFAULT.get_or_init(Cache::from_env_or_none)),
        )
    })
}

impl Cache {
    /// The cache that cached functions use here: of the innermost [`scope`](Self::scope), else the
    /// installed one, else the one of the environment.
    ///
    /// ```
    /// # async fn example() {
    /// let hits: u64 =
    ///     cached_redis_runtime::Cache::current().stats().functions.iter().map(|f| f.hits).sum();
    /// # }
    /// ```
    #[must_use]
    pub fn current() -> Self {
        current().into_owned()
    }

    /// Makes this the cache of the process: cached functions use it unless they or their task say
    /// otherwise.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if one is installed already.
    pub fn install(&self) -> Result<(), Error> {
        INSTALLED.set(self.clone()).map_err(|_| {
            Error::config(
                "a cache is installed already; use `cache.scope(..)` or `cache = …` for more",
            )
        })
    }

    /// Runs a future whose cached calls use this cache. Holds for everything awaited inside, but
    /// not for tasks spawned there.
    ///
    /// ```
    /// # async fn price(id: u64) -> u64 { id }
    /// # async fn example() {
    /// let cache = cached_redis_runtime::Cache::memory();
    /// let price = cache.scope(price(7)).await;
    /// # }
    /// ```
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        SCOPE.scope(self.clone(), future).await
    }
}

/// Runs a call without the cache: it neither reads nor writes. Holds for every cached call awaited
/// inside, but not for tasks spawned there.
///
/// ```
/// # async fn price(id: u64) -> u64 { id }
/// # async fn example() {
/// let fresh = cached_redis_runtime::bypass(price(7)).await;
/// # }
/// ```
pub async fn bypass<F: Future>(call: F) -> F::Output {
    MODE.scope(Mode::Bypass, call).await
}

/// Runs a call that loads and stores, whatever is in the cache. Until the new value is stored,
/// other callers are answered with the old one. Holds for every cached call awaited inside, but not
/// for tasks spawned there.
///
/// ```
/// # async fn price(id: u64) -> u64 { id }
/// # async fn example() {
/// let newest = cached_redis_runtime::refresh(price(7)).await;
/// # }
/// ```
pub async fn refresh<F: Future>(call: F) -> F::Output {
    MODE.scope(Mode::Refresh, call).await
}

/// What `cache = …` accepts.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a cache",
    label = "expected a `cached_redis::Cache`",
    note = "`cache = …` takes an expression of type `Cache`, `&Cache` or `Arc<Cache>`, for example `cache = self.cache`"
)]
pub trait CacheRef {
    /// The cache.
    fn cache(&self) -> Handle;
}

impl CacheRef for Cache {
    fn cache(&self) -> Handle {
        Cow::Owned(self.clone())
    }
}

impl<T: CacheRef + ?Sized> CacheRef for &T {
    fn cache(&self) -> Handle {
        (**self).cache()
    }
}

impl<T: CacheRef + ?Sized> CacheRef for std::sync::Arc<T> {
    fn cache(&self) -> Handle {
        (**self).cache()
    }
}

impl<T: CacheRef> CacheRef for std::sync::LazyLock<T> {
    fn cache(&self) -> Handle {
        (**self).cache()
    }
}
