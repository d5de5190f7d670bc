//! The canonical, injective encoding of arguments (version 1), written straight into SHA-256.
//!
//! Every value is a tag followed by its content, and every content ends where its tag says: fixed
//! width, a length in front, or the tag `END` behind. So no two different sequences of values give
//! the same bytes. `docs/keys.md` has the table and the test vectors.

mod elements;
mod entries;

use std::fmt::{self, Display, Write as _};

use serde::ser::{self, Serialize};
use sha2::{Digest, Sha256};

use super::error::KeyError;
use crate::depth::Depth;
use elements::Elements;
use entries::Entries;

mod tag {
    pub(super) const END: u8 = 0x00;
    pub(super) const UNIT: u8 = 0x01;
    pub(super) const NONE: u8 = 0x02;
    pub(super) const SOME: u8 = 0x03;
    pub(super) const FALSE: u8 = 0x04;
    pub(super) const TRUE: u8 = 0x05;
    pub(super) const U8: u8 = 0x10;
    pub(super) const U16: u8 = 0x11;
    pub(super) const U32: u8 = 0x12;
    pub(super) const U64: u8 = 0x13;
    pub(super) const U128: u8 = 0x14;
    pub(super) const I8: u8 = 0x18;
    pub(super) const I16: u8 = 0x19;
    pub(super) const I32: u8 = 0x1a;
    pub(super) const I64: u8 = 0x1b;
    pub(super) const I128: u8 = 0x1c;
    pub(super) const F32: u8 = 0x20;
    pub(super) const F64: u8 = 0x21;
    pub(super) const CHAR: u8 = 0x22;
    pub(super) const STR: u8 = 0x30;
    pub(super) const BYTES: u8 = 0x31;
    pub(super) const SEQ: u8 = 0x40;
    pub(super) const TUPLE: u8 = 0x41;
    pub(super) const TUPLE_STRUCT: u8 = 0x42;
    pub(super) const STRUCT: u8 = 0x43;
    pub(super) const MAP: u8 = 0x44;
    pub(super) const NEWTYPE_STRUCT: u8 = 0x45;
    pub(super) const UNIT_STRUCT: u8 = 0x46;
    pub(super) const UNIT_VARIANT: u8 = 0x50;
    pub(super) const NEWTYPE_VARIANT: u8 = 0x51;
    pub(super) const TUPLE_VARIANT: u8 = 0x52;
    pub(super) const STRUCT_VARIANT: u8 = 0x53;
}

/// Where the encoding of a key goes.
pub trait Sink: Default {
    /// Whether what is appended to it takes so little that a call to catch panics matters.
    const IS_CHEAP: bool;

    /// Appends bytes.
    fn append(&mut self, bytes: &[u8]);
}

impl Sink for Sha256 {
    const IS_CHEAP: bool = false;

    fn append(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

/// A serializer whose output is a hash, or the bytes that would be hashed.
#[derive(Debug)]
pub struct Encoder<S = Sha256> {
    sink: S,
    depth: Depth,
}

impl Encoder {
    /// The first 128 bits.
    pub(super) fn digest(self) -> [u8; 16] {
        first_half(&self.sink.finalize())
    }
}

/// The first 128 bits of a digest.
pub(super) fn first_half(digest: &[u8]) -> [u8; 16] {
    let mut first = [0; 16];
    first.copy_from_slice(&digest[..16]);
    first
}

impl<S: Sink> Encoder<S> {
    pub(super) fn new() -> Self {
        Self::at(Depth::OUTSIDE)
    }

    fn at(depth: Depth) -> Self {
        Self { sink: S::default(), depth }
    }

    #[cfg(feature = "local")]
    pub(super) fn sink(&self) -> &S {
        &self.sink
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.sink.append(bytes);
    }

    /// Encodes what is inside of what has been begun.
    fn inside<T: Serialize + ?Sized>(
        &mut self,
        depth: Option<Depth>,
        value: &T,
    ) -> Result<(), KeyError> {
        let outside = self.depth;
        self.depth = depth.ok_or_else(KeyError::too_deep)?;
        let encoded = value.serialize(&mut *self);
        self.depth = outside;
        encoded
    }

    fn tagged<const N: usize>(&mut self, tag: u8, content: [u8; N]) {
        self.sink.append(&[tag]);
        self.sink.append(&content);
    }

    fn sized(&mut self, bytes: &[u8]) {
        self.sink.append(&(bytes.len() as u64).to_le_bytes());
        self.sink.append(bytes);
    }

    fn named(&mut self, tag: u8, name: &str) {
        self.sink.append(&[tag]);
        self.sized(name.as_bytes());
    }

    fn variant(&mut self, tag: u8, name: &str, index: u32, variant: &str) {
        self.named(tag, name);
        self.sink.append(&index.to_le_bytes());
        self.sized(variant.as_bytes());
    }
}

/// Counts the bytes of a `Display`, so that its length can stand in front without a buffer.
struct Count(u64);

impl fmt::Write for Count {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len() as u64;
        Ok(())
    }
}

/// Hashes the text of a `Display`, and counts it, because it may differ from one time to the next.
struct Hashed<'a, S>(&'a mut S, Count);

impl<S: Sink> fmt::Write for Hashed<'_, S> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.append(text.as_bytes());
        self.1.write_str(text)
    }
}

macro_rules! fixed_width {
    ($($method:ident: $type:ty => $tag:ident),* $(,)?) => {$(
        fn $method(self, value: $type) -> Result<(), KeyError> {
            self.tagged(tag::$tag, value.to_le_bytes());
            Ok(())
        }
    )*};
}

impl<'a, S: Sink> ser::Serializer for &'a mut Encoder<S> {
    type Ok = ();
    type Error = KeyError;
    type SerializeSeq = Elements<'a, S>;
    type SerializeTuple = Elements<'a, S>;
    type SerializeTupleStruct = Elements<'a, S>;
    type SerializeTupleVariant = Elements<'a, S>;
    type SerializeMap = Entries<'a, S>;
    type SerializeStruct = Elements<'a, S>;
    type SerializeStructVariant = Elements<'a, S>;

    fixed_width! {
        serialize_u8: u8 => U8,
        serialize_u16: u16 => U16,
        serialize_u32: u32 => U32,
        serialize_u64: u64 => U64,
        serialize_u128: u128 => U128,
        serialize_i8: i8 => I8,
        serialize_i16: i16 => I16,
        serialize_i32: i32 => I32,
        serialize_i64: i64 => I64,
        serialize_i128: i128 => I128,
    }

    fn serialize_bool(self, value: bool) -> Result<(), KeyError> {
        self.raw(&[if value { tag::TRUE } else { tag::FALSE }]);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), KeyError> {
        // `+ 0.0` turns -0.0 into 0.0; all NaN are one NaN.
        let value = if value.is_nan() { f32::NAN } else { value + 0.0 };
        self.tagged(tag::F32, value.to_bits().to_le_bytes());
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), KeyError> {
        let value = if value.is_nan() { f64::NAN } else { value + 0.0 };
        self.tagged(tag::F64, value.to_bits().to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), KeyError> {
        self.tagged(tag::CHAR, u32::from(value).to_le_bytes());
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), KeyError> {
        self.named(tag::STR, value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), KeyError> {
        self.raw(&[tag::BYTES]);
        self.sized(value);
        Ok(())
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), KeyError> {
        let mut length = Count(0);
        write!(length, "{value}").map_err(|_| KeyError::refused())?;
        self.raw(&[tag::STR]);
        self.raw(&length.0.to_le_bytes());
        let mut hashed = Hashed(&mut self.sink, Count(0));
        write!(hashed, "{value}").map_err(|_| KeyError::refused())?;
        if hashed.1.0 == length.0 { Ok(()) } else { Err(KeyError::refused()) }
    }

    fn serialize_none(self) -> Result<(), KeyError> {
        self.raw(&[tag::NONE]);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), KeyError> {
        self.raw(&[tag::SOME]);
        self.inside(self.depth.in_layer(), value)
    }

    fn serialize_unit(self) -> Result<(), KeyError> {
        self.raw(&[tag::UNIT]);
        Ok(())
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<(), KeyError> {
        self.named(tag::UNIT_STRUCT, name);
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<(), KeyError> {
        self.variant(tag::UNIT_VARIANT, name, index, variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), KeyError> {
        self.named(tag::NEWTYPE_STRUCT, name);
        self.inside(self.depth.in_layer(), value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), KeyError> {
        self.variant(tag::NEWTYPE_VARIANT, name, index, variant);
        self.inside(self.depth.in_container(), value)
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Elements<'a, S>, KeyError> {
        self.raw(&[tag::SEQ]);
        Elements::of(self)
    }

    fn serialize_tuple(self, _length: usize) -> Result<Elements<'a, S>, KeyError> {
        self.raw(&[tag::TUPLE]);
        Elements::of(self)
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _length: usize,
    ) -> Result<Elements<'a, S>, KeyError> {
        self.named(tag::TUPLE_STRUCT, name);
        Elements::of(self)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Elements<'a, S>, KeyError> {
        self.variant(tag::TUPLE_VARIANT, name, index, variant);
        Elements::of(self)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Entries<'a, S>, KeyError> {
        self.raw(&[tag::MAP]);
        Entries::of(self, length)
    }

    fn serialize_struct(
        self,
        name: &'static str,
        _length: usize,
    ) -> Result<Elements<'a, S>, KeyError> {
        self.named(tag::STRUCT, name);
        Elements::of(self)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Elements<'a, S>, KeyError> {
        self.variant(tag::STRUCT_VARIANT, name, index, variant);
        Elements::of(self)
    }

    fn is_human_readable(&self) -> bool {
        // The compact forms of dates, addresses and identifiers are as injective and shorter.
        false
    }
}
