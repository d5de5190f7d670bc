//! Values as JSON, and the values that JSON cannot carry.
//!
//! `None`, `()` and numbers that are none (`NaN`, infinities) are all written as `null`. What was not `None` is then
//! not readable, which is noticed; but a `Some` around one of them would be read as `None`, which is not. So it is
//! refused, and so is what is nested too deeply.
//!
//! What `serde_json` writes, byte for byte, in one pass with these checks. Its own serializer has two parameters, and
//! is compiled again for each crate and each type; this one has none, so only the shape of a type is compiled for it.

mod parts;

use std::fmt::{Display, Write as _};

use serde::Serialize;
use serde::ser::{self, Serializer};

use super::codec::{Refused, Unreadable};
use crate::depth::Depth;
use parts::Parts;

/// Appends a value, if no `Some` in it would come back as `None` and it is not nested too deeply.
pub(super) fn write<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), Refused> {
    value.serialize(Writer { out, depth: Depth::OUTSIDE })
}

/// The name of the field that an error misses; of other errors nothing, as they may quote.
pub(super) fn unreadable(error: serde_json::Error) -> Unreadable {
    let error = error.to_string();
    let name = error.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
    Unreadable { missing: name.map(|(name, _)| name.to_owned()) }
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    depth: Depth,
}

impl ser::Error for Refused {
    fn custom<T: Display>(_message: T) -> Self {
        Self::Itself
    }
}

impl<'a> Writer<'a> {
    fn parts(self, begin: &[u8], end: &'static [u8]) -> Result<Parts<'a>, Refused> {
        let inside = self.depth.in_container().ok_or(Refused::TooDeep)?;
        self.out.extend_from_slice(begin);
        Ok(Parts::new(self.out, inside, end))
    }

    /// A variant with several fields is a list or a map inside of a map.
    fn parts_of_variant(
        self,
        variant: &str,
        begin: &[u8],
        end: &'static [u8],
    ) -> Result<Parts<'a>, Refused> {
        let depth = self.depth.in_container().ok_or(Refused::TooDeep)?;
        self.out.push(b'{');
        text(variant, self.out);
        self.out.push(b':');
        Writer { out: self.out, depth }.parts(begin, end)
    }

    fn layer(self) -> Result<Self, Refused> {
        let depth = self.depth.in_layer().ok_or(Refused::TooDeep)?;
        Ok(Self { depth, ..self })
    }
}

/// A text in quotes.
fn text(text: &str, out: &mut Vec<u8>) {
    // Writing into memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

fn check_some(written: &[u8]) -> Result<(), Refused> {
    // White space may stand around text that is JSON already.
    if written.trim_ascii() == b"null" { Err(Refused::SomeNull) } else { Ok(()) }
}

macro_rules! integers {
    ($($method:ident: $type:ty),* $(,)?) => {$(
        fn $method(self, value: $type) -> Result<(), Refused> {
            self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            Ok(())
        }
    )*};
}

macro_rules! floats {
    ($($method:ident: $type:ty),* $(,)?) => {$(
        fn $method(self, value: $type) -> Result<(), Refused> {
            // The shortest text that reads back as this number; `null` for what is none.
            let _ = serde_json::to_writer(self.out, &value);
            Ok(())
        }
    )*};
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = Refused;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    integers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
    }

    floats! { serialize_f32: f32, serialize_f64: f64 }

    fn serialize_bool(self, value: bool) -> Result<(), Refused> {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Refused> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Refused> {
        text(value, self.out);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Refused> {
        let _ = serde_json::to_writer(self.out, value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Refused> {
        self.serialize_unit()
    }

    fn serialize_unit(self) -> Result<(), Refused> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Refused> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Refused> {
        self.serialize_str(variant)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Refused> {
        let Self { out, depth } = self.layer()?;
        let start = out.len();
        value.serialize(Writer { out: &mut *out, depth })?;
        check_some(&out[start..])
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        value.serialize(self.layer()?)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        let mut parts = self.parts(b"{", b"}")?;
        parts.name(variant);
        value.serialize(parts.next())?;
        parts.close();
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'a>, Refused> {
        self.parts(b"[", b"]")
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'a>, Refused> {
        self.parts(b"[", b"]")
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Refused> {
        self.parts(b"[", b"]")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Refused> {
        self.parts_of_variant(variant, b"[", b"]}")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'a>, Refused> {
        self.parts(b"{", b"}")
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts<'a>, Refused> {
        if parts::is_json_already(name) {
            return Ok(Parts::json_already(self.out, self.depth));
        }
        self.parts(b"{", b"}")
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Refused> {
        self.parts_of_variant(variant, b"{", b"}}")
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), Refused> {
        let mut shown = String::new();
        write!(shown, "{value}").map_err(|_| Refused::Itself)?;
        self.serialize_str(&shown)
    }
}

#[cfg(test)]
mod tests;
