//! Whether what is stored reads back as what the function returned.
//!
//! `Serialize` and `Deserialize` may disagree: a field that is skipped on one side, an untagged enum whose
//! first variant takes what another one wrote, names that differ. Then a hit is another value than the
//! function's, or there is never a hit, and nobody would say so.

use serde::Serialize as _;
use serde_json::Value as Tree;

use super::Encoding;
use crate::outcome::{Outcome, Storable, View};
use crate::panics::guarded;
use crate::record::{Header, Kind};

/// What differs: the path of a field, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unfaithful {
    pub(crate) path: String,
}

/// Reads back what would be stored, and compares: with the value itself where its type can, and otherwise
/// with what it is stored as.
pub(crate) fn check<O>(
    outcome: &O,
    returned: &O::Return,
    encoding: &Encoding,
) -> Result<(), Unfaithful>
where
    O: Outcome,
    O::Value: Storable,
{
    if encoding.kind == Kind::Absence {
        return Ok(());
    }
    let Some(header) = Header::read(&encoding.record) else { return Ok(()) };
    let payload = header.payload(&encoding.record);
    // What panics here panics elsewhere too, and says nothing of the rest.
    guarded(|| read_back(outcome, returned, payload))
        .flatten()
        .map_or(Ok(()), |read| judge(payload, read))
}

/// What was written and read back, unless it is equal.
struct ReadBack {
    /// Written again, or why it could not be read.
    again: Result<Option<Vec<u8>>, serde_json::Error>,
    /// Its type says that it is not equal.
    differs: bool,
}

fn read_back<O>(outcome: &O, returned: &O::Return, payload: &[u8]) -> Option<ReadBack>
where
    O: Outcome,
    O::Value: Storable,
{
    let View::Value(value) = outcome.view(returned) else { return None };
    let read: O::Value = match serde_json::from_slice(payload) {
        Ok(read) => read,
        Err(error) => return Some(ReadBack { again: Err(error), differs: true }),
    };
    let same = outcome.same(value, &read);
    if same == Some(true) {
        return None;
    }
    // As text, like the other: a tree of numbers keeps more digits of an `f32` than its text.
    let mut again = Vec::new();
    let written = read.serialize(&mut serde_json::Serializer::new(&mut again));
    Some(ReadBack { again: Ok(written.is_ok().then_some(again)), differs: same == Some(false) })
}

fn judge(payload: &[u8], read: ReadBack) -> Result<(), Unfaithful> {
    let ReadBack { again, differs } = read;
    let again = match again {
        Ok(again) => again,
        Err(error) => return Err(Unfaithful { path: missing_field(&error.to_string()) }),
    };
    let stored: Option<Tree> = serde_json::from_slice(payload).ok();
    let again = again.and_then(|again| serde_json::from_slice(&again).ok());
    let difference = match (stored, again) {
        (Some(stored), Some(again)) => difference(&stored, &again, "$"),
        (None, _) => None,
        (Some(_), None) => Some("$".to_owned()),
    };
    match difference {
        Some(path) => Err(Unfaithful { path }),
        // It is written as it was, and is another value: what differs is not written.
        None if differs => Err(Unfaithful { path: "a field that is not serialized".to_owned() }),
        None => Ok(()),
    }
}

/// The name of the field that an error of `serde` misses; of other errors nothing, as they may quote.
fn missing_field(error: &str) -> String {
    let name = error.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
    name.map_or_else(|| "$".to_owned(), |(name, _)| format!("$.{name}"))
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
mod tests {
    use std::collections::{BTreeMap, HashMap, HashSet};

    use serde::{Deserialize, Serialize};

    use super::{Unfaithful, check};
    use crate::codec::encode;
    use crate::outcome::ReturnTypePlain as _;
    use crate::outcome::{
        CanBeCompared as _, CanBeStored as _, Outcome, ReturnType, Storable, Stored,
    };

    fn faith<O>(outcome: &O, returned: &O::Return) -> Result<(), String>
    where
        O: Outcome,
        O::Value: Storable,
    {
        let encoding = encode(outcome, returned, 7).expect("it serializes").expect("a value");
        check(outcome, returned, &encoding).map_err(|Unfaithful { path }| path)
    }

    macro_rules! faith {
        ($type:ty, $value:expr) => {{
            let outcome = (&&&ReturnType::<$type>::new()).outcome();
            let outcome = (&&&Stored(&outcome)).check().pass(outcome);
            faith(&outcome, &$value)
        }};
    }

    #[derive(Serialize, Deserialize)]
    #[expect(dead_code, reason = "it is about what is written")]
    struct Hidden {
        name: String,
        #[serde(skip_serializing)]
        id: u64,
    }

    #[derive(PartialEq, Serialize, Deserialize)]
    struct Zeroed {
        name: String,
        #[serde(skip_serializing, default)]
        id: u64,
    }

    #[derive(Serialize, Deserialize)]
    struct Renamed {
        #[serde(rename(serialize = "Name"))]
        name: String,
    }

    #[derive(Serialize, Deserialize)]
    struct Absent {
        #[serde(skip_serializing_if = "Vec::is_empty")]
        list: Vec<u8>,
    }

    #[derive(PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Number {
        Text(String),
        #[serde(with = "as_text")]
        Number(u64),
    }

    mod as_text {
        use serde::{Deserialize as _, Deserializer, Serializer};

        pub(super) fn serialize<S: Serializer>(number: &u64, to: S) -> Result<S::Ok, S::Error> {
            to.serialize_str(&number.to_string())
        }

        pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
            u64::deserialize(from)
        }
    }

    /// Without `PartialEq`: the first time it is read, it drops a digit.
    struct Rounded(f64);

    impl Serialize for Rounded {
        fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            [("price", self.0)].into_iter().collect::<BTreeMap<_, _>>().serialize(to)
        }
    }

    impl<'de> Deserialize<'de> for Rounded {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            let all = BTreeMap::<String, f64>::deserialize(from)?;
            Ok(Self(all.get("price").copied().unwrap_or_default().round()))
        }
    }

    #[test]
    fn what_does_not_read_back_is_named_by_its_field() {
        let name = || "lamp".to_owned();
        assert_eq!(faith!(Hidden, Hidden { name: name(), id: 7 }), Err("$.id".to_owned()));
        let zeroed = Zeroed { name: name(), id: 7 };
        assert_eq!(faith!(Zeroed, zeroed), Err("a field that is not serialized".to_owned()));
        assert_eq!(faith!(Renamed, Renamed { name: name() }), Err("$.name".to_owned()));
        assert_eq!(faith!(Absent, Absent { list: vec![] }), Err("$.list".to_owned()));
        assert!(faith!(Vec<Number>, vec![Number::Number(7)]).is_err());
        assert_eq!(faith!(Rounded, Rounded(1.5)), Err("$.price".to_owned()));
    }

    #[test]
    fn what_reads_back_is_faithful_whatever_its_order() {
        #[derive(Serialize, Deserialize)]
        struct Odd {
            set: HashSet<u32>,
            map: HashMap<String, f32>,
            pair: (i8, Option<char>),
        }
        let set: HashSet<_> = (0..50).collect();
        let map = (0..50_u8).map(|key| (key.to_string(), f32::from(key) / 3.0)).collect();
        assert_eq!(faith!(Odd, Odd { set, map, pair: (-1, None) }), Ok(()));
        assert_eq!(faith!(Zeroed, Zeroed { name: String::new(), id: 0 }), Ok(()));
        assert_eq!(faith!(f64, 0.1 + 0.2), Ok(()));
        assert_eq!(faith!(u128, u128::MAX), Ok(()));
    }
}
