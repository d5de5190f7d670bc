//! Whether what is stored reads back as what the function returned.
//!
//! `Serialize` and `Deserialize` may disagree: a field that is skipped on one side, an untagged enum whose
//! first variant takes what another one wrote, names that differ. Then a hit is another value than the
//! function's, or there is never a hit, and nobody would say so.

use serde_json::Value as Tree;

use super::codec::{Unreadable, ValueCodec};
use crate::outcome::{Outcome, Storable};

/// What differs: the path of a field, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unfaithful {
    pub(crate) path: String,
}

/// What was written and read back, unless it is equal.
pub(super) struct ReadBack {
    /// Written again, or why it could not be read.
    again: Result<Option<Vec<u8>>, Unreadable>,
    /// Its type says that it is not equal.
    differs: bool,
}

impl ReadBack {
    /// Reads back what would be stored, and compares: with the value itself where its type can, and otherwise
    /// with what it is stored as. `None` if it is equal.
    pub(super) fn of<O>(outcome: &O, value: &O::Value, record: &[u8]) -> Option<Self>
    where
        O: Outcome,
        O::Value: Storable,
    {
        let read: O::Value = match O::Codec::read(super::payload(record)) {
            Ok(read) => read,
            Err(error) => return Some(Self { again: Err(error), differs: true }),
        };
        let same = outcome.same(value, &read);
        if same == Some(true) {
            return None;
        }
        let mut again = Vec::new();
        let written = O::Codec::write(&read, &mut again);
        Some(Self { again: Ok(written.is_ok().then_some(again)), differs: same == Some(false) })
    }

    /// Whether the payload that was stored is what was read from it.
    pub(super) fn judge(
        self,
        payload: &[u8],
        difference: fn(&[u8], &[u8]) -> Option<String>,
    ) -> Result<(), Unfaithful> {
        let again = match self.again {
            Ok(again) => again,
            Err(Unreadable { missing }) => {
                let path = missing.map_or_else(|| "$".to_owned(), |name| format!("$.{name}"));
                return Err(Unfaithful { path });
            }
        };
        let difference = match again {
            Some(again) => difference(payload, &again),
            None => Some("$".to_owned()),
        };
        match difference {
            Some(path) => Err(Unfaithful { path }),
            // It is written as it was, and is another value: what differs is not written.
            None if self.differs => {
                Err(Unfaithful { path: "a field that is not serialized".to_owned() })
            }
            None => Ok(()),
        }
    }
}

/// Of JSON, as text: a tree of numbers keeps more digits of an `f32` than its text.
pub(super) fn difference_of_json(stored: &[u8], again: &[u8]) -> Option<String> {
    let tree = |text| serde_json::from_slice::<Tree>(text).ok();
    match (tree(stored), tree(again)) {
        (Some(stored), Some(again)) => difference(&stored, &again, "$"),
        (None, _) => None,
        (Some(_), None) => Some("$".to_owned()),
    }
}

/// Of a format that is not looked into: a map or a set may be written in any order, so it is the same if the same bytes
/// are there.
pub(super) fn difference_of_bytes(stored: &[u8], again: &[u8]) -> Option<String> {
    let count = |bytes: &[u8]| {
        let mut counts = [0_usize; 256];
        bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
        counts
    };
    (stored != again && count(stored) != count(again)).then(|| "$".to_owned())
}

/// Where two trees differ first. Maps have no order, and neither have the elements of an array if
/// they are the same ones: a set is written in any order.
fn difference(one: &Tree, other: &Tree, path: &str) -> Option<String> {
    match (one, other) {
        (Tree::Object(one), Tree::Object(other)) => {
            let missing = other.keys().find(|key| !one.contains_key(*key));
            one.iter()
                .find_map(|(key, value)| {
                    // A key of a map may be the user's data: what says that it is a field's name?
                    let path = format!("{path}.{}", name(key));
                    other
                        .get(key)
                        .map_or(Some(path.clone()), |other| difference(value, other, &path))
                })
                .or_else(|| missing.map(|key| format!("{path}.{}", name(key))))
        }
        (Tree::Array(one), Tree::Array(other)) if one.len() == other.len() => {
            let path = format!("{path}[]");
            let found =
                one.iter().zip(other).find_map(|(one, other)| difference(one, other, &path));
            found.filter(|_| sorted(one) != sorted(other))
        }
        _ => (one != other).then(|| path.to_owned()),
    }
}

fn sorted(array: &[Tree]) -> Vec<String> {
    let mut texts: Vec<_> = array.iter().map(Tree::to_string).collect();
    texts.sort_unstable();
    texts
}

/// A key as part of a path, if it looks like the name of a field.
fn name(key: &str) -> &str {
    let is_name = key.len() <= 64
        && key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && key.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    if is_name { key } else { "*" }
}

#[cfg(test)]
mod tests;
