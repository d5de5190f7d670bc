//! Keys of copies in this process: what would be hashed, not the hash.
//!
//! Hashing takes longer than all of a local hit may. The encoding is injective itself, so its bytes are the key.

use sha2::{Digest as _, Sha256};

use super::encoder::{Sink, first_half};
use super::{Key, KeyBuilder, KeyText, TemplateBuilder, family};
use crate::function::Function;

/// As much as half the identity of a function and a few numbers or a short text take.
const INLINE: usize = 96;

/// The encoding of a key, in place while it is short.
#[derive(Clone, Debug)]
pub struct KeyBytes {
    inline: [u8; INLINE],
    length: usize,
    /// All of it, where it is longer.
    spilled: Vec<u8>,
}

impl Default for KeyBytes {
    #[inline]
    fn default() -> Self {
        Self { inline: [0; INLINE], length: 0, spilled: Vec::new() }
    }
}

impl Sink for KeyBytes {
    const IS_CHEAP: bool = true;

    // What is appended has a known length nearly always, where this is compiled into the caller.
    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        match self.inline.get_mut(self.length..end) {
            Some(place) => place.copy_from_slice(bytes),
            None => self.spill(bytes),
        }
        self.length = end;
    }
}

impl KeyBytes {
    #[cold]
    fn spill(&mut self, bytes: &[u8]) {
        if self.spilled.is_empty() {
            self.spilled.extend_from_slice(&self.inline[..self.length]);
        }
        self.spilled.extend_from_slice(bytes);
    }

    #[inline]
    fn as_slice(&self) -> &[u8] {
        if self.spilled.is_empty() { &self.inline[..self.length] } else { &self.spilled }
    }
}

/// The key of a copy, from which that of its entry follows.
pub trait LocalKey {
    /// What `look` finds by it; nothing if an argument could not be encoded.
    #[doc(hidden)]
    fn find<T>(&self, function: &Function, look: impl FnOnce(&[u8]) -> Option<T>) -> Option<T>;

    /// The key of the entry.
    #[doc(hidden)]
    fn entry(&self) -> Key;
}

impl LocalKey for KeyBuilder<KeyBytes> {
    #[inline]
    fn find<T>(&self, _: &Function, look: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        match self.outcome {
            Ok(()) => look(self.encoder.sink().as_slice()),
            Err(_) => None,
        }
    }

    fn entry(&self) -> Key {
        let digest =
            |()| KeyText::Hashed(first_half(&Sha256::digest(self.encoder.sink().as_slice())));
        Key(self.outcome.clone().map(digest))
    }
}

/// Other functions may use the same template, and its text has only the beginning of an identity.
impl LocalKey for TemplateBuilder {
    fn find<T>(&self, function: &Function, look: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        let Key(Ok(KeyText::Readable(text))) = self.entry() else { return None };
        look((family("", function.prefix(), function.name()) + &text).as_bytes())
    }

    fn entry(&self) -> Key {
        self.clone().finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{INLINE, KeyBytes, LocalKey as _, Sink as _};
    use crate::function::Function;
    use proptest::prelude::*;

    #[test]
    fn a_copy_has_the_key_of_its_entry() {
        static FUNCTION: Function = Function::new("p", "n", "f", "id");
        for text in ["", "short", &"long".repeat(INLINE)] {
            let mut local = FUNCTION.local_key("here", &[]);
            let mut entry = FUNCTION.key("here", &[]);
            local.part(text);
            entry.part(text);
            assert_eq!(local.entry(), entry.finish(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn bytes_are_kept_in_order_however_they_come(
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..100), 0..8)
        ) {
            let mut bytes = KeyBytes::default();
            parts.iter().for_each(|part| bytes.append(part));
            prop_assert_eq!(bytes.as_slice(), parts.concat());
        }
    }
}
