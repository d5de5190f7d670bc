//! How deeply a value may be nested, for codecs that do not bound it themselves: writing and reading recurse once for
//! each layer, and a stack that overflows ends the process. So does a list without end, in a format where its elements
//! take no bytes.

mod read;
mod write;

use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::codec::Refused;
use crate::depth::Depth;
use read::Limits;
use write::Course;

/// A value that is written, and refused if it is nested too deeply.
pub(super) struct BoundedRef<'a, T> {
    value: &'a T,
    course: &'a Course,
}

/// Writes a value with `write`, which says whether it could.
///
/// With `has_null`, as in most self-describing formats, `None` and `()` are written as the same and `Some` is not
/// written at all. What was a `Some` around one of them would be read as `None`: it is refused.
pub(super) fn write<T: Serialize>(
    value: &T,
    has_null: bool,
    write: impl FnOnce(&BoundedRef<'_, T>) -> bool,
) -> Result<(), Refused> {
    let course = Course::new(has_null);
    let is_written = write(&BoundedRef { value, course: &course });
    match course.refused() {
        Some(refused) => Err(refused),
        None if is_written => Ok(()),
        None => Err(Refused::Itself),
    }
}

impl<T: Serialize> Serialize for BoundedRef<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(write::Bounded::new(to, Depth::OUTSIDE, self.course))
    }
}

/// Reads a value from a payload of so many bytes.
#[cfg(any(feature = "messagepack", feature = "postcard", test))]
pub(super) fn read<'de, T, D>(from: D, length: usize) -> Result<T, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    // Most elements take a byte or more.
    read_within(from, Limits::new(u32::try_from(length).unwrap_or(u32::MAX), length, BEYOND))
}

fn read_within<'de, T, D>(from: D, limits: Limits) -> Result<T, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    T::deserialize(read::Bounded { from, depth: Depth::OUTSIDE, limits: &limits })
}

/// Memory for elements that take no bytes of the payload. One that takes no memory either counts as a byte.
const BEYOND: usize = 1 << 20;

/// A value that is read, and refused if it is nested too deeply or has too many elements.
pub(super) struct Bounded<T>(pub(super) T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // How long the payload is, nobody knows here.
        const MOST: u32 = 1 << 24;
        const ANNOUNCED: usize = 1 << 12;
        read_within(from, Limits::new(MOST, ANNOUNCED, BEYOND)).map(Self)
    }
}

#[cfg(test)]
mod tests;
