//! Keys of copies in this process: what would be hashed, not the hash.
//!
//! Hashing takes longer than all of a local hit may. The encoding is injective itself, so its bytes are the key.

use sha2::{Digest as _, Sha256};

use super::encoder::{Sink, first_half};
use super::{Key, KeyBuilder, KeyError, KeyText, TemplateBuilder};

/// More than the identity of a function and a few numbers or a short text take.
const INLINE: usize = 120;

/// The encoding of a key, in place while it is short.
#[derive(Clone, Debug)]
pub struct KeyBytes {
    inline: [u8; INLINE],
    length: usize,
    /// All of it, where it is longer.
    spilled: Vec<u8>,
}

impl Default for KeyBytes {
    fn default() -> Self {
        Self { inline: [0; INLINE], length: 0, spilled: Vec::new() }
    }
}

impl Sink for KeyBytes {
    fn append(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        match self.inline.get_mut(self.length..end) {
            Some(place) if self.spilled.is_empty() => place.copy_from_slice(bytes),
            _ => {
                if self.spilled.is_empty() {
                    self.spilled.extend_from_slice(&self.inline[..self.length]);
                }
                self.spilled.extend_from_slice(bytes);
            }
        }
        self.length = end;
    }
}

impl KeyBytes {
    fn as_slice(&self) -> &[u8] {
        if self.spilled.is_empty() { &self.inline[..self.length] } else { &self.spilled }
    }
}

/// The key of a copy, from which that of its entry follows.
#[derive(Clone, Debug)]
pub struct LocalKey {
    bytes: KeyBytes,
    entry: EntryKey,
}

#[derive(Clone, Debug)]
enum EntryKey {
    /// The hash of the bytes.
    Hashed,
    Known(Key),
}

impl LocalKey {
    /// What it is found by; nothing if an argument could not be encoded.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match &self.entry {
            EntryKey::Known(Key(Err(_))) => None,
            _ => Some(self.bytes.as_slice()),
        }
    }

    /// The key of the entry.
    pub(crate) fn entry(&self) -> Key {
        match &self.entry {
            EntryKey::Hashed => {
                let digest = Sha256::digest(self.bytes.as_slice());
                Key(Ok(KeyText::Hashed(first_half(&digest))))
            }
            EntryKey::Known(key) => key.clone(),
        }
    }

    fn failed(error: KeyError) -> Self {
        Self { bytes: KeyBytes::default(), entry: EntryKey::Known(Key(Err(error))) }
    }
}

impl KeyBuilder<KeyBytes> {
    /// The finished key.
    #[must_use]
    pub fn finish(self) -> LocalKey {
        match self.outcome {
            Ok(()) => LocalKey { bytes: self.encoder.into_sink(), entry: EntryKey::Hashed },
            Err(error) => LocalKey::failed(error),
        }
    }
}

impl TemplateBuilder {
    /// The finished key of a copy. Other functions may use the same template, and all of one have one
    /// identity, of which the text has only the beginning.
    #[must_use]
    pub fn finish_local(self, prefix: &str, name: &str) -> LocalKey {
        let key = self.finish();
        let mut bytes = KeyBytes::default();
        for part in [prefix, name] {
            bytes.append(&(part.len() as u64).to_le_bytes());
            bytes.append(part.as_bytes());
        }
        if let Key(Ok(KeyText::Readable(text))) = &key {
            bytes.append(text.as_bytes());
        }
        LocalKey { bytes, entry: EntryKey::Known(key) }
    }
}

#[cfg(test)]
mod tests {
    use super::{INLINE, KeyBytes, Sink as _};
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
            assert_eq!(local.finish().entry(), entry.finish(), "{text}");
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
