//! Which values JSON cannot carry.
//!
//! `None`, `()` and numbers that are none (`NaN`, infinities) are all written as `null`. What was not `None` is then
//! not readable, which is noticed; but a `Some` around one of them would be read as `None`, which is not.

use std::fmt::{self, Display};

use serde::Serialize;
use serde::ser::{self, Serializer};

use crate::depth::Depth;

/// Whether no `Some` in `value` would come back as `None`, and whether it is not nested too deeply.
pub(super) fn check<T: Serialize + ?Sized>(value: &T) -> Result<(), Lost> {
    value.serialize(Look(Depth::OUTSIDE)).map(|_| ())
}

/// A serializer that writes nothing: it only looks at what JSON would be written.
struct Look(Depth);

#[derive(Clone, Copy, PartialEq)]
enum Written {
    Null,
    /// The text `"null"`, which is `null` where it is JSON already.
    NullText,
    Other,
}

/// Why JSON cannot carry a value.
#[derive(Debug, PartialEq)]
pub(super) enum Lost {
    /// A `Some` that would be written as `null`.
    SomeNull,
    /// A reader of JSON would refuse it, and a value of any depth would overflow the stack.
    TooDeep,
    /// It refuses to be serialized at all.
    Refused,
}

impl Display for Lost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::SomeNull => {
                "the value has a `Some(None)` or the like, which JSON cannot tell from `None`"
            }
            Self::TooDeep => "the value is nested too deeply",
            Self::Refused => "the value cannot be serialized",
        })
    }
}

impl std::error::Error for Lost {}

impl ser::Error for Lost {
    fn custom<T: Display>(_message: T) -> Self {
        Self::Refused
    }
}

/// What has parts: each of them is looked at.
struct Parts {
    inside: Depth,
    /// What the whole is written as.
    written: Written,
    is_raw: bool,
}

/// How `serde_json` names the type of text that is JSON already, and its one field.
const RAW: &str = "$serde_json::private::RawValue";

impl Look {
    fn parts(self) -> Result<Parts, Lost> {
        let inside = self.0.in_container().ok_or(Lost::TooDeep)?;
        Ok(Parts { inside, written: Written::Other, is_raw: false })
    }

    /// A variant with several fields is a list or a map inside of a map.
    fn parts_of_variant(self) -> Result<Parts, Lost> {
        Self(self.0.in_container().ok_or(Lost::TooDeep)?).parts()
    }

    fn layer(self) -> Result<Self, Lost> {
        self.0.in_layer().map(Self).ok_or(Lost::TooDeep)
    }
}

/// Methods that do not depend on their arguments.
macro_rules! always {
    ($type:ty, $value:expr; $($method:ident($($argument:ty),*)),* $(,)?) => {$(
        fn $method(self $(, _: $argument)*) -> Result<$type, Lost> {
            Ok($value)
        }
    )*};
}

/// What begins something with parts.
macro_rules! parts_of {
    ($parts:ident; $($method:ident($($argument:ty),*)),* $(,)?) => {$(
        fn $method(self $(, _: $argument)*) -> Result<Parts, Lost> {
            self.$parts()
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
        serialize_char(char), serialize_bytes(&[u8]),
        serialize_unit_variant(&'static str, u32, &'static str),
    }

    always! { Written, Written::Null;
        serialize_none(), serialize_unit(), serialize_unit_struct(&'static str),
    }

    parts_of! { parts;
        serialize_seq(Option<usize>),
        serialize_tuple(usize),
        serialize_tuple_struct(&'static str, usize),
        serialize_map(Option<usize>),
    }

    parts_of! { parts_of_variant;
        serialize_tuple_variant(&'static str, u32, &'static str, usize),
        serialize_struct_variant(&'static str, u32, &'static str, usize),
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts, Lost> {
        Ok(Parts { is_raw: name == RAW, ..self.parts()? })
    }

    fn serialize_str(self, text: &str) -> Result<Written, Lost> {
        Ok(if text.trim() == "null" { Written::NullText } else { Written::Other })
    }

    fn serialize_f32(self, value: f32) -> Result<Written, Lost> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<Written, Lost> {
        Ok(if value.is_finite() { Written::Other } else { Written::Null })
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Written, Lost> {
        match value.serialize(self.layer()?)? {
            Written::Null => Err(Lost::SomeNull),
            written => Ok(written),
        }
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Written, Lost> {
        value.serialize(self.layer()?)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<Written, Lost> {
        let inside = self.0.in_container().ok_or(Lost::TooDeep)?;
        value.serialize(Self(inside)).map(|_| Written::Other)
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
                    let written = value.serialize(Look(self.inside))?;
                    if self.is_raw && written == Written::NullText {
                        self.written = Written::Null;
                    }
                    Ok(())
                }
            )*

            fn end(self) -> Result<Written, Lost> {
                Ok(self.written)
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

    use super::{Lost, check as look};
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
    fn text_that_is_json_already_may_be_null() {
        let raw =
            |text: &str| serde_json::value::RawValue::from_string(text.to_owned()).expect("JSON");
        assert_eq!(look(&vec![Some(raw("null"))]), Err(Lost::SomeNull));
        assert_eq!(look(&Some(Some(raw(" null ")))), Err(Lost::SomeNull));
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
            for deep in Deep::all(depth).into_iter().filter(|deep| !matches!(deep, Deep::Layers(_)))
            {
                let is_readable = there_and_back(&deep).is_some();
                assert_eq!(carries(&deep), is_readable, "{deep}, {depth} deep");
            }
        }
        for deep in Deep::all(5_000) {
            assert_eq!(look(&deep), Err(Lost::TooDeep), "{deep}");
        }
    }

    #[test]
    fn a_number_that_is_none_is_none_only_inside_of_some() {
        assert!(!carries(&Some(f64::NAN)) && !carries(&Some(f32::NEG_INFINITY)));
        // Not readable, which is noticed.
        assert!(carries(&f64::NAN) && there_and_back(&f64::NAN).is_none());
    }
}
