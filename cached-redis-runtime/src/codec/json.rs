//! Which values JSON cannot carry.
//!
//! `None`, `()` and numbers that are none (`NaN`, infinities) are all written as `null`. What was not `None` is then
//! not readable, which is noticed; but a `Some` around one of them would be read as `None`, which is not.

use std::fmt::{self, Display};

use serde::Serialize;
use serde::ser::{self, Serializer};

/// Whether no `Some` in `value` would come back as `None`.
pub(super) fn carries<T: Serialize + ?Sized>(value: &T) -> bool {
    value.serialize(Look).is_ok()
}

/// A serializer that writes nothing: it only looks at what JSON would be written.
struct Look;

#[derive(Clone, Copy, PartialEq)]
enum Written {
    Null,
    Other,
}

/// A `Some` that would be written as `null`; or the value refused to be serialized at all.
#[derive(Debug)]
struct Lost;

impl Display for Lost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON cannot carry this value")
    }
}

impl std::error::Error for Lost {}

impl ser::Error for Lost {
    fn custom<T: Display>(_message: T) -> Self {
        Self
    }
}

/// What has parts: each of them is looked at.
struct Parts;

/// Methods that do not depend on their arguments.
macro_rules! always {
    ($type:ty, $value:expr; $($method:ident($($argument:ty),*)),* $(,)?) => {$(
        fn $method(self $(, _: $argument)*) -> Result<$type, Lost> {
            Ok($value)
        }
    )*};
}

impl Serializer for Look {
    type Ok = Written;
    type Error = Lost;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    always! { Written, Written::Other;
        serialize_bool(bool),
        serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64), serialize_i128(i128),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64), serialize_u128(u128),
        serialize_char(char), serialize_str(&str), serialize_bytes(&[u8]),
        serialize_unit_variant(&'static str, u32, &'static str),
    }

    always! { Written, Written::Null;
        serialize_none(), serialize_unit(), serialize_unit_struct(&'static str),
    }

    always! { Parts, Parts;
        serialize_seq(Option<usize>),
        serialize_tuple(usize),
        serialize_tuple_struct(&'static str, usize),
        serialize_tuple_variant(&'static str, u32, &'static str, usize),
        serialize_map(Option<usize>),
        serialize_struct(&'static str, usize),
        serialize_struct_variant(&'static str, u32, &'static str, usize),
    }

    fn serialize_f32(self, value: f32) -> Result<Written, Lost> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<Written, Lost> {
        Ok(if value.is_finite() { Written::Other } else { Written::Null })
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Written, Lost> {
        match value.serialize(self)? {
            Written::Null => Err(Lost),
            Written::Other => Ok(Written::Other),
        }
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Written, Lost> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<Written, Lost> {
        value.serialize(self).map(|_| Written::Other)
    }

    fn collect_str<T: Display + ?Sized>(self, _: &T) -> Result<Written, Lost> {
        Ok(Written::Other)
    }
}

macro_rules! parts {
    ($($trait:ident { $($method:ident($($name:ident: $type:ty)?)),* }),* $(,)?) => {$(
        impl ser::$trait for Parts {
            type Ok = Written;
            type Error = Lost;

            $(
                fn $method<T: Serialize + ?Sized>(
                    &mut self,
                    $($name: $type,)?
                    value: &T,
                ) -> Result<(), Lost> {
                    value.serialize(Look).map(|_| ())
                }
            )*

            fn end(self) -> Result<Written, Lost> {
                Ok(Written::Other)
            }
        }
    )*};
}

parts! {
    SerializeSeq { serialize_element() },
    SerializeTuple { serialize_element() },
    SerializeTupleStruct { serialize_field() },
    SerializeTupleVariant { serialize_field() },
    // A key is a text in any case.
    SerializeMap { serialize_key(), serialize_value() },
    SerializeStruct { serialize_field(_name: &'static str) },
    SerializeStructVariant { serialize_field(_name: &'static str) },
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize, de::DeserializeOwned};

    use super::carries;

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
        check(&[BTreeMap::from([
            ("a".to_owned(), Some(None)),
            ("b".to_owned(), Some(Some(1_u8))),
        ])]);
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
    fn a_number_that_is_none_is_none_only_inside_of_some() {
        assert!(!carries(&Some(f64::NAN)) && !carries(&Some(f32::NEG_INFINITY)));
        // Not readable, which is noticed.
        assert!(carries(&f64::NAN) && there_and_back(&f64::NAN).is_none());
    }
}
