//! The stored value that a load is about to replace, for a source that can be asked whether it has
//! changed.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::loading::{self, Stored};
use crate::payload;
use crate::record::Kind;

/// Inside the body of a cached function: the stored value that this load is about to replace. `None`
/// where there is none, where it is an absence, or where it is not a `T`, which is the function's
/// value without `Result` and `Option`.
///
/// There is one after its fresh life with `stale` or `stale_if_error`, at an early reload, and after
/// [`Entry::expire`](crate::Entry::expire); never in [`refresh`](crate::refresh).
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// #[derive(Serialize, Deserialize)]
/// struct Page { etag: String, text: String }
///
/// # async fn get(_: &str, _: Option<&str>) -> Option<Page> { None }
/// async fn page(url: &str) -> Page { // with `#[redis_cached(ttl = 60, stale_if_error = "1h")]`
///     let known = cached_redis_runtime::previous::<Page>();
///     match get(url, known.as_ref().map(|page| page.etag.as_str())).await {
///         Some(page) => page,
///         // 304 Not Modified: only asked for with an etag
///         None => known.unwrap().keep(),
///     }
/// }
/// ```
#[must_use]
pub fn previous<T: DeserializeOwned>() -> Option<Previous<T>> {
    let stored = loading::previous()?;
    if stored.type_name() != std::any::type_name::<T>() {
        return None;
    }
    let record = stored.record();
    let header = record.header();
    let value = match header.kind {
        Kind::Value => payload::read_any(header, stored.payload())?,
        Kind::Absence => return None,
    };
    Some(Previous { value, stored })
}

/// The stored value that a load is about to replace; [`previous`] gives it.
pub struct Previous<T> {
    value: T,
    stored: Arc<Stored>,
}

impl<T> Previous<T> {
    /// The source says that it has not changed: return this from the function. The stored value stays
    /// as it is and gets a new life; it is not sent again. What is returned instead, or does not serialize as
    /// it did before (a `HashMap` may not), is stored as any other value.
    #[must_use = "return it from the function"]
    pub fn keep(self) -> T {
        self.stored.keep();
        self.value
    }
}

impl<T> Deref for Previous<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> fmt::Debug for Previous<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the value: it may be a secret.
        formatter.debug_struct("Previous").finish_non_exhaustive()
    }
}
