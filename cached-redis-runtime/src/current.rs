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

pub(crate) fn mode() -> Mode {
    MODE.try_with(|mode| *mode).unwrap_or(Mode::Use)
}

/// The cache of the innermost [`Cache::scope`], else the installed one, else the one that
/// `REDIS_URL` names.
#[must_use]
pub fn current() -> Handle {
    SCOPE.try_with(|cache| Cow::Owned(cache.clone())).unwrap_or_else(|_| {
        Cow::Borrowed(
            INSTALLED.get().unwrap_or_else(|| DEFAULT.get_or_init(Cache::from_env_or_away)),
        )
    })
}

pub(crate) fn install(cache: Cache) -> Result<(), Error> {
    INSTALLED.set(cache).map_err(|_| {
        Error::config("a cache is installed already; use `cache.scope(..)` or `cache = …` for more")
    })
}

pub(crate) async fn scope<F: Future>(cache: Cache, future: F) -> F::Output {
    SCOPE.scope(cache, future).await
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
