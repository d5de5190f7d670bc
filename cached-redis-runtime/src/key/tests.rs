//! The key encoding: fixed vectors, so that it never changes by accident and other languages can
//! check theirs, and injectivity.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use serde::ser::{
    SerializeMap as _, SerializeSeq as _, SerializeStruct as _, SerializeStructVariant as _,
    SerializeTuple as _, SerializeTupleStruct as _, SerializeTupleVariant as _,
};
use serde::{Deserialize, Serialize, Serializer};

use super::{HashedPart as _, Key, Placeholder, ReadablePart as _};
use crate::depth::tests::Deep;
use crate::function::Function;

/// A value of the data model, spelled out, as in the vectors.
#[derive(Clone, Debug, PartialEq, PartialOrd, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Value {
    Unit,
    None,
    Some(Box<Value>),
    Bool(bool),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    /// As text: JSON readers lose digits.
    U128(String),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    I128(String),
    /// As text, so that `NaN` and `-0` can be written.
    F32(String),
    F64(String),
    Char(char),
    Str(String),
    Bytes(Vec<u8>),
    Seq(Vec<Value>),
    Tuple(Vec<Value>),
    TupleStruct(String, Vec<Value>),
    Struct(String, Vec<(String, Value)>),
    Map(Vec<(Value, Value)>),
    NewtypeStruct(String, Box<Value>),
    UnitStruct(String),
    UnitVariant(String, u32, String),
    NewtypeVariant(String, u32, String, Box<Value>),
    TupleVariant(String, u32, String, Vec<Value>),
    StructVariant(String, u32, String, Vec<(String, Value)>),
}

/// Names in serde are static; tests may leak.
fn name(text: &str) -> &'static str {
    text.to_owned().leak()
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unit => s.serialize_unit(),
            Self::None => s.serialize_none(),
            Self::Some(value) => s.serialize_some(value),
            Self::Bool(value) => s.serialize_bool(*value),
            Self::U8(value) => s.serialize_u8(*value),
            Self::U16(value) => s.serialize_u16(*value),
            Self::U32(value) => s.serialize_u32(*value),
            Self::U64(value) => s.serialize_u64(*value),
            Self::U128(value) => s.serialize_u128(value.parse().expect("a number")),
            Self::I8(value) => s.serialize_i8(*value),
            Self::I16(value) => s.serialize_i16(*value),
            Self::I32(value) => s.serialize_i32(*value),
            Self::I64(value) => s.serialize_i64(*value),
            Self::I128(value) => s.serialize_i128(value.parse().expect("a number")),
            Self::F32(value) => s.serialize_f32(value.parse().expect("a number")),
            Self::F64(value) => s.serialize_f64(value.parse().expect("a number")),
            Self::Char(value) => s.serialize_char(*value),
            Self::Str(value) => s.serialize_str(value),
            Self::Bytes(value) => s.serialize_bytes(value),
            Self::Seq(values) => {
                let mut seq = s.serialize_seq(Some(values.len()))?;
                values.iter().try_for_each(|value| seq.serialize_element(value))?;
                seq.end()
            }
            Self::Tuple(values) => {
                let mut tuple = s.serialize_tuple(values.len())?;
                values.iter().try_for_each(|value| tuple.serialize_element(value))?;
                tuple.end()
            }
            Self::TupleStruct(of, values) => {
                let mut tuple = s.serialize_tuple_struct(name(of), values.len())?;
                values.iter().try_for_each(|value| tuple.serialize_field(value))?;
                tuple.end()
            }
            Self::Struct(of, fields) => {
                let mut all = s.serialize_struct(name(of), fields.len())?;
                fields
                    .iter()
                    .try_for_each(|(field, value)| all.serialize_field(name(field), value))?;
                all.end()
            }
            Self::Map(entries) => {
                let mut map = s.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
            Self::NewtypeStruct(of, value) => s.serialize_newtype_struct(name(of), value),
            Self::UnitStruct(of) => s.serialize_unit_struct(name(of)),
            Self::UnitVariant(of, index, variant) => {
                s.serialize_unit_variant(name(of), *index, name(variant))
            }
            Self::NewtypeVariant(of, index, variant, value) => {
                s.serialize_newtype_variant(name(of), *index, name(variant), value)
            }
            Self::TupleVariant(of, index, variant, values) => {
                let length = values.len();
                let mut all = s.serialize_tuple_variant(name(of), *index, name(variant), length)?;
                values.iter().try_for_each(|value| all.serialize_field(value))?;
                all.end()
            }
            Self::StructVariant(of, index, variant, fields) => {
                let length = fields.len();
                let mut all =
                    s.serialize_struct_variant(name(of), *index, name(variant), length)?;
                fields
                    .iter()
                    .try_for_each(|(field, value)| all.serialize_field(name(field), value))?;
                all.end()
            }
        }
    }
}

/// One line of `vectors.json`.
#[derive(Deserialize)]
struct Vector {
    prefix: String,
    name: String,
    function: String,
    scope: String,
    shape: String,
    generics: Vec<String>,
    arguments: Vec<Value>,
    key: String,
}

#[test]
fn the_vectors_hold() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors.json")).expect("vectors");
    for vector in vectors {
        let function = Function::new(
            name(&vector.prefix),
            name(&vector.name),
            name(&vector.function),
            name(&vector.shape),
        );
        let generics: Vec<_> = vector.generics.iter().map(|text| name(text)).collect();
        let mut builder = function.key(name(&vector.scope), &generics);
        vector.arguments.iter().for_each(|argument| builder.part(argument));
        let key = builder.finish().render("ns", &vector.prefix, &vector.name).expect("a key");
        assert_eq!(key, vector.key, "{:?}", vector.arguments);
    }
}

fn key<T: Serialize + ?Sized>(value: &T) -> Key {
    static FUNCTION: Function = Function::new("p", "n", "f", "x");
    let mut builder = FUNCTION.key("here", &[]);
    builder.part(value);
    builder.finish()
}

#[test]
fn minus_zero_and_the_many_nan_are_one() {
    assert_eq!(key(&0.0_f64), key(&-0.0_f64));
    assert_eq!(key(&0.0_f32), key(&-0.0_f32));
    assert_eq!(key(&f64::NAN), key(&-f64::NAN));
    assert_eq!(key(&f64::NAN), key(&f64::from_bits(0x7ff0_0000_0000_0001)));
    assert_ne!(key(&0.0_f64), key(&f64::MIN_POSITIVE));
}

#[test]
fn the_order_of_a_hash_map_does_not_matter() {
    let pairs: Vec<_> = (0..100).map(|number| (number, number * 2)).collect();
    let hashed: HashMap<_, _> = pairs.iter().copied().collect();
    let backwards: HashMap<_, _> = pairs.iter().rev().copied().collect();
    let sorted: BTreeMap<_, _> = pairs.iter().copied().collect();
    assert_eq!(key(&hashed), key(&backwards));
    assert_eq!(key(&hashed), key(&sorted));
}

#[test]
fn references_and_owners_of_a_value_are_one() {
    assert_eq!(key("a"), key(&String::from("a")));
    assert_eq!(key(&Some(&5_u64)), key(&Some(5_u64)));
    assert_eq!(key(&[1_u8, 2][..]), key(&vec![1_u8, 2]));
}

#[test]
fn text_that_is_written_in_pieces_is_one_text() {
    struct Pieces;
    impl std::fmt::Display for Pieces {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("ab").and_then(|()| formatter.write_str("c"))
        }
    }
    impl Serialize for Pieces {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }
    assert_eq!(key(&Pieces), key("abc"));
}

/// A map that writes what it is given, in this order.
struct Entries(Vec<(&'static str, u64)>);

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

#[test]
fn a_key_that_stands_twice_in_a_map_makes_no_key() {
    #[derive(Serialize)]
    struct Query {
        tenant: u64,
        #[serde(flatten)]
        filters: BTreeMap<String, u64>,
    }
    let query = |tenant, filter: &str, value| {
        let filters = BTreeMap::from([(filter.to_owned(), value)]);
        key(&Query { tenant, filters })
    };
    for (one, other) in [(1, 2), (2, 1), (1, 1)] {
        assert!(query(one, "tenant", other).render("ns", "p", "n").is_err());
    }
    assert!(query(1, "brand", 2).render("ns", "p", "n").is_ok());
    let twice = Entries(vec![("a", 1), ("b", 2), ("a", 3)]);
    assert!(key(&twice).render("ns", "p", "n").is_err());
    assert!(key(&vec![Some(twice)]).render("ns", "p", "n").is_err());
}

#[test]
fn a_map_of_half_entries_makes_no_key() {
    struct Half(&'static [u8]);
    impl Serialize for Half {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            for call in self.0 {
                match call {
                    b'k' => map.serialize_key("key")?,
                    _ => map.serialize_value("value")?,
                }
            }
            map.end()
        }
    }
    assert!(key(&Half(b"kv")).render("ns", "p", "n").is_ok());
    for calls in [&b"k"[..], b"v", b"kkv", b"kvk", b"kvv"] {
        assert!(key(&Half(calls)).render("ns", "p", "n").is_err(), "{calls:?}");
    }
}

#[test]
fn maps_are_sorted_and_lists_of_pairs_are_not() {
    assert_eq!(key(&Entries(vec![("a", 1), ("b", 2)])), key(&Entries(vec![("b", 2), ("a", 1)])));
    assert_ne!(key(&[("a", 1), ("b", 2)][..]), key(&[("b", 2), ("a", 1)][..]));
}

#[test]
fn what_is_nested_too_deeply_makes_no_key() {
    for deep in Deep::all(100) {
        assert!(key(&deep).render("ns", "p", "n").is_ok(), "{deep}");
    }
    for deep in Deep::all(5_000) {
        assert!(key(&deep).render("ns", "p", "n").is_err(), "{deep}");
        let mut template = Function::new("p", "n", "f", "x:{}").template("here", &[]);
        Placeholder(&deep).write(&mut template);
        assert!(template.finish().render("ns", "p", "n").is_err(), "{deep}");
    }
}

#[test]
fn a_template_shows_numbers_and_hashes_the_rest() {
    static FUNCTION: Function = Function::new("p", "n", "f", "x:{}:{}");
    let build = |number: u64, text: &str| {
        let mut template = FUNCTION.template("here", &[]);
        template.literal("x:");
        (&&Placeholder(&number)).write(&mut template);
        template.literal(":");
        Placeholder(&text).write(&mut template);
        template.finish().render("ns", "p", "n").expect("a key")
    };
    let rendered = build(7, "a:b");
    assert!(rendered.starts_with("ns:p:n:{x:7:"), "{rendered}");
    assert!(!rendered.contains("a:b"), "{rendered}");
    assert_ne!(rendered, build(7, "a:c"));
    assert_ne!(rendered, build(8, "a:b"));
}

/// Few letters and small numbers, so that values nearly collide.
fn value() -> impl Strategy<Value = Value> {
    let text = || "[ab:]{0,3}";
    let leaf = prop_oneof![
        Just(Value::Unit),
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        (0..3_u8).prop_map(Value::U8),
        (0..3_u16).prop_map(Value::U16),
        (0..3_u32).prop_map(Value::U32),
        (0..3_u64).prop_map(Value::U64),
        (0..3_u8).prop_map(|number| Value::U128(number.to_string())),
        (-1..2_i8).prop_map(Value::I8),
        (-1..2_i16).prop_map(Value::I16),
        (-1..2_i32).prop_map(Value::I32),
        (-1..2_i64).prop_map(Value::I64),
        (-1..2_i8).prop_map(|number| Value::I128(number.to_string())),
        (0..3_u8).prop_map(|number| Value::F32(number.to_string())),
        (0..3_u8).prop_map(|number| Value::F64(number.to_string())),
        proptest::char::range('a', 'c').prop_map(Value::Char),
        text().prop_map(Value::Str),
        proptest::collection::vec(0..3_u8, 0..3).prop_map(Value::Bytes),
        text().prop_map(Value::UnitStruct),
        (text(), 0..2_u32, text()).prop_map(|(of, at, name)| Value::UnitVariant(of, at, name)),
    ];
    leaf.prop_recursive(3, 16, 3, move |inner| {
        let values = || proptest::collection::vec(inner.clone(), 0..3);
        let fields = || proptest::collection::vec(("[ab]{0,2}", inner.clone()), 0..3);
        let one = || inner.clone().prop_map(Box::new);
        prop_oneof![
            one().prop_map(Value::Some),
            values().prop_map(Value::Seq),
            values().prop_map(Value::Tuple),
            (text(), values()).prop_map(|(of, all)| Value::TupleStruct(of, all)),
            (text(), fields()).prop_map(|(of, all)| Value::Struct(of, all)),
            proptest::collection::vec((inner.clone(), inner.clone()), 0..3).prop_map(sorted),
            (text(), one()).prop_map(|(of, value)| Value::NewtypeStruct(of, value)),
            (text(), 0..2_u32, text(), one())
                .prop_map(|(of, at, name, value)| Value::NewtypeVariant(of, at, name, value)),
            (text(), 0..2_u32, text(), values())
                .prop_map(|(of, at, name, all)| Value::TupleVariant(of, at, name, all)),
            (text(), 0..2_u32, text(), fields())
                .prop_map(|(of, at, name, all)| Value::StructVariant(of, at, name, all)),
        ]
    })
}

/// A map has no order.
fn sorted(mut entries: Vec<(Value, Value)>) -> Value {
    entries.sort_by(|one, other| one.partial_cmp(other).expect("no NaN in here"));
    Value::Map(entries)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn different_values_have_different_keys(one in value(), other in value()) {
        prop_assert_eq!(one == other, key(&one) == key(&other));
    }

    #[test]
    fn arguments_do_not_run_into_each_other(
        one in proptest::collection::vec(value(), 0..4),
        other in proptest::collection::vec(value(), 0..4),
    ) {
        static FUNCTION: Function = Function::new("p", "n", "f", "x");
        let key = |arguments: &[Value]| {
            let mut builder = FUNCTION.key("here", &[]);
            arguments.iter().for_each(|argument| builder.part(argument));
            builder.finish()
        };
        prop_assert_eq!(one == other, key(&one) == key(&other));
    }
}
