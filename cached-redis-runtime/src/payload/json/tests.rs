use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Refused;
use crate::depth::tests::Deep;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct New(Option<u8>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Patch {
    name: Option<Option<String>>,
    rest: (Option<u8>, Unit),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Plain,
    New(Option<u8>),
    Tuple(Option<u8>, Option<()>),
    Struct { inner: Option<Unit> },
}

fn look<T: Serialize + ?Sized>(value: &T) -> Result<(), Refused> {
    super::write(value, &mut Vec::new())
}

fn carries<T: Serialize + ?Sized>(value: &T) -> bool {
    look(value).is_ok()
}

/// What JSON makes of it, where that can be read.
fn there_and_back<T: Serialize + DeserializeOwned>(value: &T) -> Option<T> {
    serde_json::from_slice(&serde_json::to_vec(value).ok()?).ok()
}

fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(values: &[T]) {
    for value in values {
        let is_lost = there_and_back(value).is_some_and(|read| read != *value);
        assert_eq!(carries(value), !is_lost, "{value:?}");
    }
}

#[test]
fn what_would_come_back_as_another_value_is_told() {
    check(&[None, Some(None), Some(Some(1_u8))]);
    check(&[None, Some(None), Some(Some(None)), Some(Some(Some("x".to_owned())))]);
    check(&[None, Some(())]);
    check(&[None, Some(Unit)]);
    check(&[None, Some(New(None)), Some(New(Some(1)))]);
    check(&[vec![None, Some(None)], vec![Some(Some(1_u8)), None]]);
    check(&[Some(vec![None, Some(1_u8)])]);
    check(&[(None, Some(())), (Some(1_u8), None)]);
    check(&[BTreeMap::from([("a".to_owned(), Some(None)), ("b".to_owned(), Some(Some(1_u8)))])]);
    check(&[Some(serde_json::Value::Null), Some(1.into()), None]);
    check(&[Some(f64::NAN), Some(f64::INFINITY), None, Some(1.5)].map(|v| v.map(f64::to_bits)));
    for name in [None, Some(None), Some(Some("x".to_owned()))] {
        check(&[Patch { name, rest: (None, Unit) }]);
    }
    check(&[None, Some(Kind::Plain), Some(Kind::New(None)), Some(Kind::Tuple(None, None))]);
    check(&[Kind::Tuple(None, Some(())), Kind::Tuple(Some(1), None)]);
    check(&[Kind::Struct { inner: None }, Kind::Struct { inner: Some(Unit) }]);
}

#[test]
fn text_that_is_json_already_may_be_null() {
    let raw = |text: &str| serde_json::value::RawValue::from_string(text.to_owned()).expect("JSON");
    assert_eq!(look(&vec![Some(raw("null"))]), Err(Refused::SomeNull));
    assert_eq!(look(&Some(Some(raw(" null ")))), Err(Refused::SomeNull));
    assert!(carries(&raw("null")) && carries(&None::<Box<serde_json::value::RawValue>>));
    assert!(carries(&Some(raw("[null]"))) && carries(&Some(raw("\"null\""))));
    assert!(carries(&Some("null")));
}

#[test]
fn what_a_reader_would_refuse_as_too_deep_is_told() {
    let lists = |depth| (0..depth).fold(serde_json::json!(1), |inner, _| [inner].into());
    for depth in [100, 127, 128, 129] {
        let value: serde_json::Value = lists(depth);
        assert_eq!(carries(&value), there_and_back(&value).is_some(), "{depth} lists");
    }
    for depth in 120..136 {
        for deep in Deep::all(depth).into_iter().filter(|deep| !matches!(deep, Deep::Layers(_))) {
            let is_readable = there_and_back(&deep).is_some();
            assert_eq!(carries(&deep), is_readable, "{deep}, {depth} deep");
        }
    }
    for deep in Deep::all(5_000) {
        assert_eq!(look(&deep), Err(Refused::TooDeep), "{deep}");
    }
}

#[test]
fn a_number_that_is_none_is_none_only_inside_of_some() {
    assert!(!carries(&Some(f64::NAN)) && !carries(&Some(f32::NEG_INFINITY)));
    // Not readable, which is noticed.
    assert!(carries(&f64::NAN) && there_and_back(&f64::NAN).is_none());
}

/// Everything that is written another way than the rest.
#[derive(Clone, Debug, Serialize)]
struct Everything {
    bool: bool,
    signed: (i8, i16, i32, i64, i128),
    unsigned: (u8, u16, u32, u64, u128),
    floats: (f32, f64, f64, f32),
    text: String,
    character: char,
    unit: (),
    unit_struct: Unit,
    new: New,
    kinds: Vec<Kind>,
    options: (Option<u8>, Option<String>),
    numbers: BTreeMap<i64, u8>,
    bools: BTreeMap<bool, u8>,
    characters: BTreeMap<char, u8>,
    texts: BTreeMap<String, u8>,
    empty: (Vec<u8>, BTreeMap<u8, u8>, [u8; 0]),
    #[serde(rename = "quoted \" \\ \u{1} name")]
    quoted: Bytes,
    shown: Shown,
    tree: serde_json::Value,
    raw: Box<serde_json::value::RawValue>,
}

#[derive(Clone, Debug)]
struct Bytes;

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(b"\x00\xff")
    }
}

#[derive(Clone, Debug)]
struct Shown;

impl Serialize for Shown {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str("it \"is\"\n")
    }
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
enum KeyOfMap {
    Unit,
    New(u8),
}

#[test]
fn what_is_written_is_what_serde_json_writes() {
    let value = Everything {
        bool: true,
        signed: (i8::MIN, -1, 0, i64::MIN, i128::MIN),
        unsigned: (u8::MAX, 1, 0, u64::MAX, u128::MAX),
        floats: (0.1, 1e300, f64::NAN, -0.0),
        text: "a\u{0}\"\\/\u{7f}\u{2028}é𝄞\n\r\t\u{8}\u{c}".to_owned(),
        character: '"',
        unit: (),
        unit_struct: Unit,
        new: New(Some(1)),
        kinds: vec![
            Kind::Plain,
            Kind::New(None),
            Kind::Tuple(Some(1), None),
            Kind::Struct { inner: None },
        ],
        options: (None, Some("x".to_owned())),
        numbers: [(-1, 1), (2, 2)].into(),
        bools: [(true, 1), (false, 2)].into(),
        characters: [('"', 1)].into(),
        texts: [("a\"b".to_owned(), 1), (String::new(), 2)].into(),
        empty: (vec![], BTreeMap::new(), []),
        quoted: Bytes,
        shown: Shown,
        tree: serde_json::json!({"a": [1, -2, 0.5, null, "x", {}], "b": {"c": []}}),
        raw: serde_json::value::RawValue::from_string(" { \"a\" : 1 } ".to_owned()).expect("JSON"),
    };
    let mut written = Vec::new();
    super::write(&value, &mut written).expect("JSON");
    let expected = serde_json::to_vec(&value).expect("JSON");
    assert_eq!(String::from_utf8(written), String::from_utf8(expected));
}

#[test]
fn keys_are_texts_as_those_of_serde_json() {
    fn check<K: Serialize + Ord>(key: K) {
        let map = BTreeMap::from([(key, 1)]);
        let mut written = Vec::new();
        let ours = super::write(&map, &mut written).ok().map(|()| written);
        assert_eq!(ours, serde_json::to_vec(&map).ok());
    }
    check("x");
    check(u128::MAX);
    check(KeyOfMap::Unit);
    check(KeyOfMap::New(1));
    check(Some(7));
    check(None::<u8>);
    check(());
    check((1, 2));
    check(vec![1]);
    check([0; 0]);
}
