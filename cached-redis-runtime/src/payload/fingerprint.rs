//! What a type is made of, for formats that do not write it: without names, a value of one version of a type may well
//! read as another value of the next.
//!
//! A deserializer that has no data lets the type ask for what it is made of: names, fields, variants and kinds of
//! primitives. It answers with dummies. A type that turns one of them down (a date that is parsed from a text) or asks
//! what comes next (untagged, flattened) cannot be looked into.

mod access;
mod progress;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use sha2::{Digest as _, Sha256};

use crate::depth::Depth;
use crate::panics::guarded;
use access::Elements;
use progress::Progress;

/// More steps than any type takes that people write.
const MOST_STEPS: u32 = 1 << 20;

/// By the name of the type and the address of the function that has looked. Names of types are not unique, and
/// functions need not be: together they are, or are about the same.
type Known = HashMap<(&'static str, usize), Option<u64>>;

/// The first 64 bits of the SHA-256 of what a type is made of. Found out once.
pub(crate) fn fingerprint<T: DeserializeOwned>() -> Option<u64> {
    static KNOWN: Mutex<Option<Known>> = Mutex::new(None);
    let key = (std::any::type_name::<T>(), fingerprint::<T> as fn() -> Option<u64> as usize);
    let lock = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = lock().get_or_insert_default().get(&key) {
        return *known;
    }
    // Not under the lock: it is the type's own code.
    let found = guarded(|| trace(&mut |tracer| T::deserialize(tracer).map(|_| ()))).flatten();
    lock().get_or_insert_default().insert(key, found);
    found
}

type Look<'a> = &'a mut dyn FnMut(&mut Tracer) -> Result<(), Turned>;

/// Looks at a type as often as it takes to see each variant.
fn trace(look: Look<'_>) -> Option<u64> {
    let mut tracer = Tracer::new();
    loop {
        tracer.progress.begin();
        look(&mut tracer).ok()?;
        if tracer.progress.is_complete() {
            break;
        }
    }
    let digest = tracer.hasher.finalize();
    digest.first_chunk().map(|first| u64::from_le_bytes(*first))
}

/// The type has turned a dummy down, or asked for more than is known.
#[derive(Debug)]
struct Turned;

impl std::fmt::Display for Turned {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the type cannot be looked into")
    }
}

impl std::error::Error for Turned {}

impl de::Error for Turned {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self
    }
}

struct Tracer {
    hasher: Sha256,
    progress: Progress,
    depth: Depth,
    steps: u32,
}

impl Tracer {
    fn new() -> Self {
        Self {
            hasher: Sha256::new(),
            progress: Progress::default(),
            depth: Depth::OUTSIDE,
            steps: MOST_STEPS,
        }
    }

    /// Notes what the type asks for.
    fn note(&mut self, what: &str) -> Result<(), Turned> {
        self.steps = self.steps.checked_sub(1).ok_or(Turned)?;
        self.hasher.update((what.len() as u64).to_le_bytes());
        self.hasher.update(what.as_bytes());
        Ok(())
    }

    fn note_all(&mut self, what: &str, name: &str, parts: &[&str]) -> Result<(), Turned> {
        self.note(what)?;
        self.note(name)?;
        self.note(&parts.len().to_string())?;
        parts.iter().try_for_each(|part| self.note(part))
    }

    /// Goes inside of something, and comes back.
    fn inside<T>(
        &mut self,
        inside: impl FnOnce(&mut Self) -> Result<T, Turned>,
    ) -> Result<T, Turned> {
        let depth = self.depth;
        self.depth = depth.in_container().ok_or(Turned)?;
        let value = inside(self);
        self.depth = depth;
        value
    }

    /// So many elements, whatever they are.
    fn elements<'de, V: Visitor<'de>>(
        &mut self,
        visitor: V,
        count: usize,
    ) -> Result<V::Value, Turned> {
        self.inside(|tracer| visitor.visit_seq(Elements { tracer, left: count }))
    }
}

macro_rules! primitives {
    ($($method:ident => $visit:ident($($dummy:expr)?)),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Turned> {
            self.note(stringify!($method))?;
            visitor.$visit($($dummy)?)
        }
    )*};
}

macro_rules! unknown {
    ($($method:ident),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Turned> {
            Err(Turned)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Tracer {
    type Error = Turned;

    // One, because zero is what many types turn down; a text that is a number, because one that is none is.
    primitives! {
        deserialize_bool => visit_bool(false),
        deserialize_i8 => visit_i8(1), deserialize_i16 => visit_i16(1), deserialize_i32 => visit_i32(1),
        deserialize_i64 => visit_i64(1), deserialize_i128 => visit_i128(1),
        deserialize_u8 => visit_u8(1), deserialize_u16 => visit_u16(1), deserialize_u32 => visit_u32(1),
        deserialize_u64 => visit_u64(1), deserialize_u128 => visit_u128(1),
        deserialize_f32 => visit_f32(1.0), deserialize_f64 => visit_f64(1.0),
        deserialize_char => visit_char('1'),
        deserialize_str => visit_str("1"), deserialize_string => visit_str("1"),
        deserialize_bytes => visit_bytes(&[1; 16]), deserialize_byte_buf => visit_bytes(&[1; 16]),
        deserialize_unit => visit_unit(),
    }

    // A format that does not say what comes next cannot answer these.
    unknown! { deserialize_any, deserialize_identifier, deserialize_ignored_any }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Turned> {
        self.note("option")?;
        if self.progress.is_closing() {
            return visitor.visit_none();
        }
        self.inside(|tracer| visitor.visit_some(tracer))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Turned> {
        self.note_all("unit struct", name, &[])?;
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Turned> {
        self.note_all("newtype", name, &[])?;
        self.inside(|tracer| {
            tracer.progress.enter(name, &[]);
            let value = visitor.visit_newtype_struct(&mut *tracer);
            tracer.progress.leave();
            value
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Turned> {
        self.note("seq")?;
        let count = usize::from(!self.progress.is_closing());
        self.elements(visitor, count)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Turned> {
        self.note_all("tuple", &length.to_string(), &[])?;
        self.elements(visitor, length)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Turned> {
        self.note_all("tuple struct", name, &[&length.to_string()])?;
        self.progress.enter(name, &[]);
        let value = self.elements(visitor, length);
        self.progress.leave();
        value
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Turned> {
        self.note("map")?;
        let left = usize::from(!self.progress.is_closing());
        self.inside(|tracer| visitor.visit_map(Elements { tracer, left }))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Turned> {
        self.note_all("struct", name, fields)?;
        self.progress.enter(name, fields);
        let value = self.elements(visitor, fields.len());
        self.progress.leave();
        value
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Turned> {
        self.note_all("enum", name, variants)?;
        let variant = self.progress.enter_enum(name, variants).ok_or(Turned)?;
        self.note(&variant.to_string())?;
        let value = self.inside(|tracer| visitor.visit_enum(access::Variant { tracer, variant }));
        self.progress.leave_enum(variant);
        value
    }

    /// As the codec is not.
    fn is_human_readable(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
