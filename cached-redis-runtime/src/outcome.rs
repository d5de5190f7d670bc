//! What a return type means: a value, an absence, an error.
//!
//! [`return_type`] finds it out, [`stored`] asks whether such values can be stored, [`options`] changes it.

mod coded;
mod from_value;
mod options;
mod return_type;
mod stored;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::group::TagText;
use crate::payload::codec::ValueCodec;

pub use coded::coded;
pub use from_value::{tags, ttl_with};
pub use options::{Absent, absent, absent_as, cache_if, fallible};
pub use return_type::{
    Optional, ReturnType, ReturnTypeFallibleOptional, ReturnTypeOneLayer, ReturnTypePlain,
};
pub use stored::{CanBeCompared, CanBeStored, CannotBeStored, Stored};

/// A value that can be kept in the cache: every `Serialize + DeserializeOwned`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in the cache",
    label = "not `serde::Serialize` and `serde::de::DeserializeOwned`",
    note = "a cached function returns `T`, `Option<T>`, `Result<T, E>` or `Result<Option<T>, E>`, where `T` is owned and derives `serde::Serialize` and `serde::Deserialize`",
    note = "`Arc<T>` and `Rc<T>` need serde's feature `rc`: `cargo add serde --features rc`"
)]
pub trait Storable: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Storable for T {}

/// What one returned value means to the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View<'a, T> {
    /// A value to keep.
    Value(&'a T),
    /// An absence to keep, for its own shorter time.
    Absent,
    /// An error: never kept.
    Error,
    /// A success that `cache_if` turned down, or an absence that would come back as an error (`absent`).
    Unwanted,
}

/// The meaning of a return type.
pub trait Outcome {
    /// The function's return type.
    type Return;
    /// What is stored.
    type Value;
    /// How that is written.
    type Codec: ValueCodec;

    /// What `returned` means.
    fn view<'a>(&self, returned: &'a Self::Return) -> View<'a, Self::Value>;

    /// Rebuilds what the function returned from a stored value.
    fn present(&self, value: Self::Value) -> Self::Return;

    /// Rebuilds what the function returned from a stored absence; `None` if it cannot return one.
    fn absent(&self) -> Option<Self::Return>;

    /// Rebuilds what the function returned from what was stored: a value, or an absence.
    fn returned(&self, stored: Option<Self::Value>) -> Option<Self::Return> {
        match stored {
            Some(value) => Some(self.present(value)),
            None => self.absent(),
        }
    }

    /// The fresh life of this value, where it decides.
    fn life(&self, _value: &Self::Value) -> Option<Duration> {
        None
    }

    /// Whether two values are equal; `None` where their type does not say.
    fn same(&self, _one: &Self::Value, _other: &Self::Value) -> Option<bool> {
        None
    }

    /// The groups that this value is in, beyond those that the arguments name.
    fn tags(&self, _value: &Self::Value) -> Vec<TagText> {
        Vec::new()
    }

    /// What the texts of those groups begin with.
    fn classes(&self) -> &'static [&'static str] {
        &[]
    }
}
