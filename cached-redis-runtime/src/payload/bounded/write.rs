//! A serializer around another that counts how deep it is.

use std::cell::Cell;
use std::fmt::Display;

use serde::ser::{self, Serialize, Serializer};

use crate::depth::Depth;
use crate::payload::codec::Refused;

/// How the writing of a value goes.
pub(super) struct Course {
    /// Whether `None` and `()` are the same, and `Some` is nothing.
    has_null: bool,
    /// What was written last is one of these.
    is_null: Cell<bool>,
    refused: Cell<Option<Refused>>,
}

impl Course {
    pub(super) fn new(has_null: bool) -> Self {
        Self { has_null, is_null: Cell::new(false), refused: Cell::new(None) }
    }

    /// Why it is not written, if that was decided here.
    pub(super) fn refused(&self) -> Option<Refused> {
        self.refused.get()
    }

    fn refuse<E: ser::Error>(&self, why: Refused) -> E {
        self.refused.set(Some(why));
        E::custom(why)
    }

    fn deeper<E: ser::Error>(&self, depth: Option<Depth>) -> Result<Depth, E> {
        depth.ok_or_else(|| self.refuse(Refused::TooDeep))
    }
}

pub(super) struct Bounded<'c, S> {
    to: S,
    depth: Depth,
    course: &'c Course,
}

impl<'c, S> Bounded<'c, S> {
    pub(super) fn new(to: S, depth: Depth, course: &'c Course) -> Self {
        Self { to, depth, course }
    }
}

/// What has parts, and how deep those are.
pub(super) struct Parts<'c, P> {
    parts: P,
    inside: Depth,
    course: &'c Course,
}

/// A part, to be written at its depth.
struct Inside<'a, T: ?Sized> {
    value: &'a T,
    depth: Depth,
    course: &'a Course,
}

impl<T: Serialize + ?Sized> Serialize for Inside<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Bounded { to, depth: self.depth, course: self.course })
    }
}

/// Methods that only pass on.
macro_rules! pass {
    ($is_null:literal; $($method:ident($($name:ident: $type:ty),*)),* $(,)?) => {$(
        fn $method(self $(, $name: $type)*) -> Result<S::Ok, S::Error> {
            self.course.is_null.set($is_null);
            self.to.$method($($name),*)
        }
    )*};
}

fn in_container(depth: Depth) -> Option<Depth> {
    depth.in_container()
}

/// A reader meets the variant first, and then what is in it.
fn in_variant(depth: Depth) -> Option<Depth> {
    depth.in_container()?.in_container()
}

/// What begins something with parts.
macro_rules! parts_of {
    ($depth:ident; $($method:ident($($name:ident: $type:ty),*) -> $parts:ident),* $(,)?) => {$(
        fn $method(self $(, $name: $type)*) -> Result<Parts<'c, S::$parts>, S::Error> {
            let Self { to, depth, course } = self;
            let inside = course.deeper($depth(depth))?;
            Ok(Parts { parts: to.$method($($name),*)?, inside, course })
        }
    )*};
}

impl<'c, S: Serializer> Serializer for Bounded<'c, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Parts<'c, S::SerializeSeq>;
    type SerializeTuple = Parts<'c, S::SerializeTuple>;
    type SerializeTupleStruct = Parts<'c, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Parts<'c, S::SerializeTupleVariant>;
    type SerializeMap = Parts<'c, S::SerializeMap>;
    type SerializeStruct = Parts<'c, S::SerializeStruct>;
    type SerializeStructVariant = Parts<'c, S::SerializeStructVariant>;

    pass! { false;
        serialize_bool(value: bool),
        serialize_i8(value: i8), serialize_i16(value: i16), serialize_i32(value: i32),
        serialize_i64(value: i64), serialize_i128(value: i128),
        serialize_u8(value: u8), serialize_u16(value: u16), serialize_u32(value: u32),
        serialize_u64(value: u64), serialize_u128(value: u128),
        serialize_f32(value: f32), serialize_f64(value: f64),
        serialize_char(value: char), serialize_str(value: &str), serialize_bytes(value: &[u8]),
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        let Self { to, depth, course } = self;
        course.deeper(in_container(depth))?;
        course.is_null.set(false);
        to.serialize_unit_variant(name, index, variant)
    }

    pass! { true;
        serialize_none(), serialize_unit(), serialize_unit_struct(name: &'static str),
    }

    parts_of! { in_container;
        serialize_seq(length: Option<usize>) -> SerializeSeq,
        serialize_tuple(length: usize) -> SerializeTuple,
        serialize_tuple_struct(name: &'static str, length: usize) -> SerializeTupleStruct,
        serialize_map(length: Option<usize>) -> SerializeMap,
        serialize_struct(name: &'static str, length: usize) -> SerializeStruct,
    }

    parts_of! { in_variant;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, length: usize)
            -> SerializeTupleVariant,
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, length: usize)
            -> SerializeStructVariant,
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let Self { to, depth, course } = self;
        let depth = course.deeper(depth.in_layer())?;
        let written = to.serialize_some(&Inside { value, depth, course })?;
        if course.has_null && course.is_null.get() {
            return Err(course.refuse(Refused::SomeNull));
        }
        Ok(written)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let Self { to, depth, course } = self;
        let depth = course.deeper(depth.in_layer())?;
        to.serialize_newtype_struct(name, &Inside { value, depth, course })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let Self { to, depth, course } = self;
        let depth = course.deeper(depth.in_container())?;
        let inside = Inside { value, depth, course };
        let written = to.serialize_newtype_variant(name, index, variant, &inside)?;
        course.is_null.set(false);
        Ok(written)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.course.is_null.set(false);
        self.to.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.to.is_human_readable()
    }
}

macro_rules! parts {
    ($($trait:ident { $($method:ident($($name:ident: $type:ty)?)),* $(; $skip:ident)? }),* $(,)?) => {$(
        impl<P: ser::$trait> ser::$trait for Parts<'_, P> {
            type Ok = P::Ok;
            type Error = P::Error;

            $(
                fn $method<T: Serialize + ?Sized>(
                    &mut self,
                    $($name: $type,)?
                    value: &T,
                ) -> Result<(), P::Error> {
                    let Self { parts, inside: depth, course } = self;
                    parts.$method($($name,)? &Inside { value, depth: *depth, course })
                }
            )*

            $(
                fn $skip(&mut self, name: &'static str) -> Result<(), P::Error> {
                    self.parts.$skip(name)
                }
            )?

            fn end(self) -> Result<P::Ok, P::Error> {
                self.course.is_null.set(false);
                self.parts.end()
            }
        }
    )*};
}

parts! {
    SerializeSeq { serialize_element() },
    SerializeTuple { serialize_element() },
    SerializeTupleStruct { serialize_field() },
    SerializeTupleVariant { serialize_field() },
    SerializeMap { serialize_key(), serialize_value() },
    SerializeStruct { serialize_field(name: &'static str); skip_field },
    SerializeStructVariant { serialize_field(name: &'static str); skip_field },
}
