//! stub
use crate::Cache;
/// c
pub fn current() -> Cache { Cache{} }
/// What `cache = …` accepts.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a cache", label = "expected a `cached_redis::Cache`", note = "`cache = …` takes an expression of type `Cache`, `&Cache` or `Arc<Cache>`, for example `cache = self.cache`")]
pub trait CacheRef { /// c
 fn cache(&self) -> Cache; }
impl CacheRef for Cache { fn cache(&self) -> Cache { self.clone() } }
impl<T: CacheRef + ?Sized> CacheRef for &T { fn cache(&self) -> Cache { (**self).cache() } }
impl<T: CacheRef + ?Sized> CacheRef for std::sync::Arc<T> { fn cache(&self) -> Cache { (**self).cache() } }
/// b
pub async fn bypass<F: Future>(f: F) -> F::Output { f.await }
/// r
pub async fn refresh<F: Future>(f: F) -> F::Output { f.await }
