//! One entry of a batch: its value, and what the function whose entry it is would have returned.

use crate::call::slot::Slot;
use crate::entry::{Meaning, Plain};
use crate::error::Error;
use crate::payload::{Assessed, Encoding};

/// The value of an entry of a function that returns `R`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a function that returns `{R}` keeps",
    label = "the values of a batch are those of the function that `of` names"
)]
pub trait MemberOf<R>: Plain<R> + Sized {
    /// The value in what the function has returned; `None` if it is absent.
    fn of(returned: R) -> Option<Self>;
}

impl<T> MemberOf<T> for T {
    fn of(returned: T) -> Option<T> {
        Some(returned)
    }
}

impl<T> MemberOf<Option<T>> for T {
    fn of(returned: Option<T>) -> Option<T> {
        returned
    }
}

impl<T, E> MemberOf<Result<T, E>> for T {
    fn of(returned: Result<T, E>) -> Option<T> {
        returned.ok()
    }
}

impl<T, E> MemberOf<Result<Option<T>, E>> for T {
    fn of(returned: Result<Option<T>, E>) -> Option<T> {
        returned.ok().flatten()
    }
}

/// A loaded value as it is stored under `slot`, if it may be: there is none for what nobody may store.
pub(super) fn encode<R, V: MemberOf<R>>(
    value: Option<V>,
    meaning: &dyn Meaning<R>,
    slot: Option<&Slot>,
) -> (Option<V>, Result<Option<Encoding>, Error>) {
    let Some(slot) = slot else { return (value, Ok(None)) };
    let returned = match value {
        Some(value) => value.returned(),
        // A function that cannot return an absence keeps none.
        None => match meaning.absent() {
            Some(absent) => absent,
            None => return (None, Ok(None)),
        },
    };
    let encoded = try_encode(&returned, meaning, slot);
    (V::of(returned), encoded)
}

fn try_encode<R>(
    returned: &R,
    meaning: &dyn Meaning<R>,
    slot: &Slot,
) -> Result<Option<Encoding>, Error> {
    let Assessed { encoded, faith, .. } = meaning.assess(returned, slot.schema, slot);
    if let Err(unfaithful) = faith {
        slot.give_up(&unfaithful);
        return Ok(None);
    }
    slot.sealed(encoded?)
}
