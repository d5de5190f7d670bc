//! A deserializer around another that counts how deep it is, and how many elements it has read.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use crate::depth::Depth;

/// What is left for a whole payload.
pub(super) struct Limits {
    /// Elements that are read, of whatever kind.
    elements: Cell<u32>,
    /// Bytes of memory for those that follow.
    beyond: Cell<usize>,
    /// Elements for which there may be room before they are read.
    announced: Cell<usize>,
}

impl Limits {
    pub(super) fn new(elements: u32, announced: usize, beyond: usize) -> Self {
        Self {
            elements: Cell::new(elements),
            beyond: Cell::new(beyond),
            announced: Cell::new(announced),
        }
    }

    /// One more, which takes so much memory.
    fn element<E: de::Error>(&self, size: usize) -> Result<(), E> {
        if let Some(left) = self.elements.get().checked_sub(1) {
            self.elements.set(left);
            return Ok(());
        }
        let left = self.beyond.get().checked_sub(size.max(1));
        self.beyond.set(left.ok_or_else(|| E::custom("too many elements"))?);
        Ok(())
    }

    /// As many of those that a payload announces as it may have. Each layer that is read makes room for what is
    /// announced to it, a megabyte at most: a hundred layers, of five bytes each, would take a hundred of them.
    fn announced(&self, hint: Option<usize>) -> Option<usize> {
        let granted = hint?.min(self.announced.get());
        self.announced.set(self.announced.get() - granted);
        Some(granted)
    }
}

/// A deserializer, or what gives one, and what is left inside of it.
#[derive(Clone, Copy)]
pub(super) struct Bounded<'l, D> {
    pub(super) from: D,
    pub(super) depth: Depth,
    pub(super) limits: &'l Limits,
}

impl<'l, D> Bounded<'l, D> {
    /// The same limits around something else.
    fn around<F>(&self, from: F) -> Bounded<'l, F> {
        Bounded { from, depth: self.depth, limits: self.limits }
    }

    fn in_container<E: de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.in_container().ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { depth, ..self })
    }

    fn in_layer<E: de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.in_layer().ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { depth, ..self })
    }
}

macro_rules! pass {
    ($($method:ident($($name:ident: $type:ty),*)),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let Self { from, depth, limits } = self;
            from.$method($($name,)* Bounded { from: visitor, depth, limits })
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Bounded<'_, D> {
    type Error = D::Error;

    pass! {
        deserialize_any(), deserialize_bool(),
        deserialize_i8(), deserialize_i16(), deserialize_i32(), deserialize_i64(), deserialize_i128(),
        deserialize_u8(), deserialize_u16(), deserialize_u32(), deserialize_u64(), deserialize_u128(),
        deserialize_f32(), deserialize_f64(), deserialize_char(), deserialize_str(), deserialize_string(),
        deserialize_bytes(), deserialize_byte_buf(), deserialize_option(), deserialize_unit(),
        deserialize_unit_struct(name: &'static str),
        deserialize_newtype_struct(name: &'static str),
        deserialize_seq(), deserialize_tuple(length: usize),
        deserialize_tuple_struct(name: &'static str, length: usize),
        deserialize_map(),
        deserialize_struct(name: &'static str, fields: &'static [&'static str]),
        deserialize_enum(name: &'static str, variants: &'static [&'static str]),
        deserialize_identifier(), deserialize_ignored_any(),
    }

    fn is_human_readable(&self) -> bool {
        self.from.is_human_readable()
    }
}

macro_rules! visit {
    ($($method:ident($type:ty)),* $(,)?) => {$(
        fn $method<E: de::Error>(self, value: $type) -> Result<V::Value, E> {
            self.from.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Bounded<'_, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.from.expecting(formatter)
    }

    visit! {
        visit_bool(bool), visit_i8(i8), visit_i16(i16), visit_i32(i32), visit_i64(i64), visit_i128(i128),
        visit_u8(u8), visit_u16(u16), visit_u32(u32), visit_u64(u64), visit_u128(u128),
        visit_f32(f32), visit_f64(f64), visit_char(char),
        visit_str(&str), visit_borrowed_str(&'de str), visit_string(String),
        visit_bytes(&[u8]), visit_borrowed_bytes(&'de [u8]), visit_byte_buf(Vec<u8>),
    }

    fn visit_none<E: de::Error>(self) -> Result<V::Value, E> {
        self.from.visit_none()
    }

    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        self.from.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        let inside = self.in_layer()?;
        let from = inside.around(from);
        inside.from.visit_some(from)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        let inside = self.in_layer()?;
        let from = inside.around(from);
        inside.from.visit_newtype_struct(from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, parts: A) -> Result<V::Value, A::Error> {
        let inside = self.in_container()?;
        let parts = inside.around(parts);
        inside.from.visit_seq(parts)
    }

    fn visit_map<A: MapAccess<'de>>(self, parts: A) -> Result<V::Value, A::Error> {
        let inside = self.in_container()?;
        let parts = inside.around(parts);
        inside.from.visit_map(parts)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, parts: A) -> Result<V::Value, A::Error> {
        let inside = self.in_container()?;
        let parts = inside.around(parts);
        inside.from.visit_enum(parts)
    }
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Bounded<'_, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T::Value, D::Error> {
        let from = self.around(from);
        self.from.deserialize(from)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, A::Error> {
        self.limits.element(size_of::<T::Value>())?;
        let seed = self.around(seed);
        self.from.next_element_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.limits.announced(self.from.size_hint())
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    fn next_key_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, A::Error> {
        self.limits.element(size_of::<T::Value>())?;
        let seed = self.around(seed);
        self.from.next_key_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        let seed = self.around(seed);
        self.from.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.limits.announced(self.from.size_hint())
    }
}

impl<'de, 'l, A: EnumAccess<'de>> EnumAccess<'de> for Bounded<'l, A> {
    type Error = A::Error;
    type Variant = Bounded<'l, A::Variant>;

    fn variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<(T::Value, Self::Variant), A::Error> {
        let seed = self.around(seed);
        let Self { from, depth, limits } = self;
        let (value, from) = from.variant_seed(seed)?;
        Ok((value, Bounded { from, depth, limits }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.from.unit_variant()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        let seed = self.around(seed);
        self.from.newtype_variant_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = self.around(visitor);
        self.from.tuple_variant(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = self.around(visitor);
        self.from.struct_variant(fields, visitor)
    }
}
