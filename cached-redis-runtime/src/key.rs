//! Keys: `{namespace}:{prefix}:{name}:{H}`, where the last braces are literal (a Redis Cluster
//! hash tag) and `H` is the hex of the first 128 bits of a SHA-256 over the function's identity
//! and its arguments in the canonical encoding of [`encoder`].

mod encoder;
mod error;
#[cfg(feature = "local")]
mod local;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::panics::{guarded, guarded_here};
use encoder::{Encoder, Sink};

/// SHA-256 over everything that tells one function from another, apart from its arguments.
pub(crate) type Identity = [u8; 32];

/// Something that can be part of a cache key: every [`serde::Serialize`].
///
/// Two values of one type get different keys exactly if they serialize differently.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a cache key",
    label = "not `serde::Serialize`",
    note = "leave it out of the key with `skip(..)` or `#[cache(skip)]`, choose what identifies it with `key(..)`, or derive `serde::Serialize` for it"
)]
pub trait KeyPart {
    #[doc(hidden)]
    fn encode<S: Sink>(&self, encoder: &mut Encoder<S>) -> Result<(), KeyError>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> KeyPart for T {
    fn encode<S: Sink>(&self, encoder: &mut Encoder<S>) -> Result<(), KeyError> {
        self.serialize(encoder)
    }
}

pub(crate) use error::KeyError;
#[cfg(feature = "local")]
pub use local::{KeyBytes, LocalKey};

/// The key of one entry, before the namespace of a [`Cache`](crate::Cache) is put in front.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(Result<KeyText, KeyError>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum KeyText {
    Hashed([u8; 16]),
    Readable(Box<str>),
}

impl Key {
    /// None.
    pub(crate) fn failed(error: KeyError) -> Self {
        Self(Err(error))
    }

    /// A number by which keys are spread over buckets.
    pub(crate) fn spread(&self) -> u64 {
        let mut first = [0; 8];
        match &self.0 {
            Ok(KeyText::Hashed(digest)) => first.copy_from_slice(&digest[..8]),
            Ok(KeyText::Readable(text)) => {
                first.copy_from_slice(&Sha256::digest(text.as_bytes())[..8])
            }
            Err(_) => {}
        }
        u64::from_le_bytes(first)
    }

    /// The whole key; an argument whose `Serialize` failed has none.
    pub(crate) fn render(
        &self,
        namespace: &str,
        prefix: &str,
        name: &str,
    ) -> Result<String, KeyError> {
        let text = self.0.as_ref().map_err(Clone::clone)?;
        let mut key = family(namespace, prefix, name);
        match text {
            KeyText::Hashed(digest) => push_hex(&mut key, digest),
            KeyText::Readable(readable) => key.push_str(readable),
        }
        key.push('}');
        Ok(key)
    }
}

/// What all keys of one function begin with.
pub(crate) fn family(namespace: &str, prefix: &str, name: &str) -> String {
    const HASH_HEX_AND_BRACE: usize = 33;
    let mut text = String::with_capacity(
        namespace.len() + prefix.len() + name.len() + ":::{".len() + HASH_HEX_AND_BRACE,
    );
    for part in [namespace, prefix, name] {
        text.push_str(part);
        text.push(':');
    }
    text.push('{');
    text
}

/// Builds a hashed key from arguments, without allocating (maps excepted).
#[derive(Debug)]
pub struct KeyBuilder<S = Sha256> {
    encoder: Encoder<S>,
    outcome: Result<(), KeyError>,
}

impl<S: Sink> KeyBuilder<S> {
    pub(crate) fn new(identity: &Result<Identity, KeyError>) -> Self {
        let mut encoder = Encoder::new();
        let outcome = identity.as_ref().map(|identity| encoder.raw(identity));
        let outcome = outcome.map_err(Clone::clone);
        Self { encoder, outcome }
    }

    /// Adds one argument.
    pub fn part<T: KeyPart + ?Sized>(&mut self, part: &T) {
        if self.outcome.is_ok() {
            let encode = || part.encode(&mut self.encoder);
            let encoded = if S::IS_CHEAP { guarded_here(encode) } else { guarded(encode) };
            self.outcome = encoded.unwrap_or_else(|| Err(KeyError::refused()));
        }
    }

    /// Adds one argument together with the name of its type, for `impl Trait` arguments, whose
    /// type no other part of the key would tell.
    pub fn typed_part<T: KeyPart + ?Sized>(&mut self, part: &T) {
        self.part(std::any::type_name::<T>());
        self.part(part);
    }
}

impl KeyBuilder {
    /// The finished key.
    #[must_use]
    pub fn finish(self) -> Key {
        Key(self.digest().map(KeyText::Hashed))
    }

    /// The hash of what was added.
    pub(crate) fn digest(self) -> Result<[u8; 16], KeyError> {
        self.outcome.map(|()| self.encoder.digest())
    }
}

/// Builds a readable key from the pieces of a `key = "…"` template.
#[derive(Clone, Debug)]
pub struct TemplateBuilder {
    text: String,
    suffix: [u8; 8],
    outcome: Result<(), KeyError>,
}

impl TemplateBuilder {
    pub(crate) fn new(identity: &Result<Identity, KeyError>) -> Self {
        let mut suffix = [0; 8];
        let outcome = identity.as_ref().map(|identity| suffix.copy_from_slice(&identity[..8]));
        let outcome = outcome.map_err(Clone::clone);
        Self { text: String::new(), suffix, outcome }
    }

    /// Adds text of the template itself.
    pub fn literal(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds an argument whose text cannot be mistaken for another's.
    fn readable(&mut self, part: &dyn std::fmt::Display) {
        use std::fmt::Write as _;
        if write!(self.text, "{part}").is_err() {
            self.outcome = Err(KeyError::refused());
        }
    }

    /// Adds an argument as the hash of its encoding.
    fn hashed<T: KeyPart + ?Sized>(&mut self, part: &T) {
        let mut encoder = Encoder::<Sha256>::new();
        let encoded = guarded(|| part.encode(&mut encoder));
        match encoded.unwrap_or_else(|| Err(KeyError::refused())) {
            Ok(()) => push_hex(&mut self.text, &encoder.digest()),
            Err(error) => self.outcome = Err(error),
        }
    }

    /// The finished key. The function's identity stands behind the template, because two
    /// functions may use the same one.
    #[must_use]
    pub fn finish(mut self) -> Key {
        self.text.push('#');
        push_hex(&mut self.text, &self.suffix);
        Key(self.outcome.map(|()| KeyText::Readable(self.text.into_boxed_str())))
    }
}

/// A placeholder of a template. Generated code calls `(&&Placeholder(&argument)).write(..)`: method
/// resolution prefers [`ReadablePart`] for the types that have it and falls back to
/// [`HashedPart`].
#[derive(Debug)]
pub struct Placeholder<'a, T: ?Sized>(pub &'a T);

/// Types whose text cannot collide: it has only ASCII letters, digits and `-`, which the
/// separators between placeholders have more than.
pub trait ReadablePart {
    /// Writes the argument as text.
    fn write(&self, template: &mut TemplateBuilder);
}

/// All other types: hashed into the template.
pub trait HashedPart {
    /// The argument's type.
    type Argument: ?Sized;

    /// Writes the hash of the argument. The bound stands here because a failed bound of a method
    /// is reported as such, and one of an `impl` as a missing method.
    fn write(&self, template: &mut TemplateBuilder)
    where
        Self::Argument: KeyPart;
}

macro_rules! readable {
    ($($type:ty),*) => {$(
        impl ReadablePart for &Placeholder<'_, $type> {
            fn write(&self, template: &mut TemplateBuilder) {
                template.readable(self.0);
            }
        }

        impl ReadablePart for &Placeholder<'_, &$type> {
            fn write(&self, template: &mut TemplateBuilder) {
                template.readable(self.0);
            }
        }
    )*};
}

readable!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, bool);

impl<T: ?Sized> HashedPart for Placeholder<'_, T> {
    type Argument = T;

    fn write(&self, template: &mut TemplateBuilder)
    where
        T: KeyPart,
    {
        template.hashed(self.0);
    }
}

pub(crate) fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    // By pieces of the length that keys have: every hit makes one.
    for bytes in bytes.chunks(16) {
        let mut piece = [0; 32];
        for (digits, place) in bytes.iter().map(digits).zip(piece.chunks_exact_mut(2)) {
            place.copy_from_slice(&digits);
        }
        text.push_str(std::str::from_utf8(&piece[..2 * bytes.len()]).unwrap_or_default());
    }
}

/// The first 64 bits of the SHA-256 of what a stored value is: its type, the version that the user
/// gave it, and the classes of the tags that it names itself: one that was stored without them would
/// outlive an invalidation of such a tag.
pub(crate) fn schema(version: u32, type_name: &str, classes: &[&str]) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(version.to_le_bytes());
    hasher.update(type_name.as_bytes());
    for class in classes {
        // No name of a type has a zero in it.
        hasher.update([0]);
        hasher.update((class.len() as u64).to_le_bytes());
        hasher.update(class.as_bytes());
    }
    first_bits(hasher)
}

/// The same of values that another codec than JSON has written: that codec, and what it needs to know of the type.
/// So one codec never reads what another has written, and a change of it is a miss without an error.
pub(crate) fn schema_of_format(schema: u64, codec: u8, fingerprint: u64) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(schema.to_le_bytes());
    hasher.update([codec]);
    hasher.update(fingerprint.to_le_bytes());
    first_bits(hasher)
}

fn first_bits(hasher: Sha256) -> u64 {
    let digest = hasher.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(first)
}

#[cfg(test)]
mod tests;
