use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::Unfaithful;
use crate::error::Error;
use crate::outcome::ReturnTypePlain as _;
use crate::outcome::{CanBeCompared as _, CanBeStored as _, Outcome, ReturnType, Storable, Stored};
use crate::payload::{Encoding, Gate, assess};

fn faith<O>(outcome: &O, returned: &O::Return) -> Result<(), String>
where
    O: Outcome,
    O::Value: Storable,
{
    let assessed = assess(outcome, returned, 7, Some(&AlwaysChecks));
    assert!(assessed.encoded.expect("it serializes").is_some(), "a value");
    assessed.faith.map_err(|Unfaithful { path }| path)
}

struct AlwaysChecks;

impl Gate for AlwaysChecks {
    fn admit(&self, encoding: Encoding) -> Result<Option<Encoding>, Error> {
        Ok(Some(encoding))
    }

    fn is_check_due(&self) -> bool {
        true
    }
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
