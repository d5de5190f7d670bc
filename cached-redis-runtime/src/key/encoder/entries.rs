//! Maps: their entries sorted by digest, each key once.

use serde::ser::{self, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Encoder, Sink};
use crate::key::KeyError;

/// Entries of a map, hashed one by one so that they can be sorted: iteration order of a
/// `HashMap` is arbitrary.
#[derive(Debug)]
pub struct Entries<'a, S = Sha256> {
    encoder: &'a mut Encoder<S>,
    entry: Encoder,
    /// Of a key whose value has not come yet.
    key: Option<[u8; 32]>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    key: [u8; 32],
    whole: [u8; 32],
}

impl<'a, S: Sink> Entries<'a, S> {
    pub(super) fn of(encoder: &'a mut Encoder<S>, length: Option<usize>) -> Result<Self, KeyError> {
        let inside = encoder.depth.in_container().ok_or_else(KeyError::too_deep)?;
        let entries = Vec::with_capacity(length.unwrap_or(0).min(64));
        Ok(Self { encoder, entry: Encoder::at(inside), key: None, entries })
    }
}

impl<S: Sink> ser::SerializeMap for Entries<'_, S> {
    type Ok = ();
    type Error = KeyError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), KeyError> {
        if self.key.is_some() {
            return Err(KeyError::refused());
        }
        key.serialize(&mut self.entry)?;
        self.key = Some(self.entry.sink.clone().finalize().into());
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
        let key = self.key.take().ok_or_else(KeyError::refused)?;
        value.serialize(&mut self.entry)?;
        let next = Encoder::at(self.entry.depth);
        let whole = std::mem::replace(&mut self.entry, next).sink.finalize().into();
        self.entries.push(Entry { key, whole });
        Ok(())
    }

    fn end(mut self) -> Result<(), KeyError> {
        if self.key.is_some() {
            return Err(KeyError::refused());
        }
        self.entries.sort_unstable_by_key(|entry| entry.key);
        if !self.entries.is_sorted_by(|one, next| one.key < next.key) {
            return Err(KeyError::twice());
        }
        self.entries.sort_unstable_by_key(|entry| entry.whole);
        self.encoder.raw(&(self.entries.len() as u64).to_le_bytes());
        for entry in &self.entries {
            self.encoder.raw(&entry.whole);
        }
        Ok(())
    }
}
