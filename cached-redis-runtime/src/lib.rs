//! Runtime of the `cached-redis` crate. Use that crate; its documentation is the place to start.

pub mod call;
pub mod current;
pub mod cache;
pub mod entry;
pub mod error;
mod function;
mod invalidation;
mod key;
mod outcome;
mod policy;
#[doc(hidden)]
pub mod private;

pub use cache::Cache;
pub use entry::Entry;
pub use error::Error;
pub use invalidation::InvalidateAll;
pub use key::KeyPart;
pub use outcome::{Absent, Storable};
