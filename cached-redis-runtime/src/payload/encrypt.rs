//! Encrypted payloads.
//!
//! | bytes | content |
//! |---|---|
//! | 0 | length of the id of the key |
//! | 1.. | that id |
//! | 32 | commitment to the key |
//! | 24 | nonce, random |
//! | rest | XChaCha20-Poly1305 of the payload, with its tag |
//!
//! What is encrypted belongs to one entry: the key of the entry, and what its header says of the payload, are
//! authenticated with it. So it cannot be moved to another entry, function, namespace or type. Two keys decrypt nothing
//! of each other, and the commitment keeps anybody from making a payload that two keys can decrypt. 24 random bytes never
//! meet twice, however many values there are; those of GCM, 12, would.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::seal::Unopened;
use crate::error::{Error, ErrorKind};
use crate::record::Header;

const NONCE: usize = 24;
const COMMITMENT: usize = 32;
const KEY: usize = 32;
const LONGEST_ID: usize = 64;

/// Says what keys are derived for, and by which version of this.
const SALT: &[u8] = b"cached-redis payload v1";

/// The keys of a cache: the first encrypts, all of them decrypt.
///
/// ```
/// # #[cfg(feature = "encryption")] {
/// use cached_redis_runtime::KeyRing;
///
/// # let (this_year, last_year) = ([1; 32], [2; 32]);
/// let keys = KeyRing::new("2026", this_year).and("2025", last_year);
/// # assert_eq!(format!("{keys:?}"), "KeyRing([\"2026\", \"2025\"])");
/// # }
/// ```
///
/// A key is 32 random bytes, not a password. Its id stands in the clear in front of each value.
pub struct KeyRing(Vec<(String, Zeroizing<[u8; KEY]>)>);

impl KeyRing {
    /// The key that encrypts.
    #[must_use]
    pub fn new(id: impl Into<String>, key: [u8; KEY]) -> Self {
        Self(Vec::new()).and(id, key)
    }

    /// A key that only decrypts: one that was used before, or, while a deploy is under way, the next one.
    #[must_use]
    pub fn and(mut self, id: impl Into<String>, key: [u8; KEY]) -> Self {
        self.0.push((id.into(), Zeroizing::new(key)));
        self
    }

    fn check(&self) -> Result<(), Error> {
        for (at, (id, key)) in self.0.iter().enumerate() {
            if id.is_empty() || id.len() > LONGEST_ID {
                return Err(Error::config("the id of a key has from 1 to 64 bytes"));
            }
            if self.0[..at].iter().any(|(other, _)| other == id) {
                return Err(Error::config("two keys of the ring have the same id"));
            }
            if key.iter().all(|byte| *byte == 0) {
                return Err(Error::config(
                    "a key of the ring is all zeros: it was never filled in",
                ));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.0.iter().map(|(id, _)| id).collect();
        formatter.debug_tuple("KeyRing").field(&ids).finish()
    }
}

/// The keys of one namespace.
pub(crate) struct Keys(Vec<Key>);

struct Key {
    id: String,
    cipher: XChaCha20Poly1305,
    /// Says which key it is, and nothing else of it.
    commitment: [u8; COMMITMENT],
}

impl Keys {
    pub(crate) fn derive(ring: &KeyRing, namespace: &str) -> Result<Self, Error> {
        ring.check()?;
        let derive = |(id, key): &(String, Zeroizing<[u8; KEY]>)| {
            let mut of_cipher = Zeroizing::new([0; KEY]);
            let mut commitment = [0; COMMITMENT];
            let derived = Hkdf::<Sha256>::new(Some(SALT), key.as_slice());
            // Fails only beyond 8,160 bytes.
            let too_long = |_| Error::config("a key cannot be derived");
            let namespace = namespace.as_bytes();
            derived
                .expand_multi_info(&[b"encrypt ", namespace], of_cipher.as_mut_slice())
                .map_err(too_long)?;
            derived
                .expand_multi_info(&[b"commit ", namespace], &mut commitment)
                .map_err(too_long)?;
            let cipher = XChaCha20Poly1305::new_from_slice(of_cipher.as_slice());
            let cipher = cipher.map_err(|_| Error::config("a key has another length"))?;
            Ok(Key { id: id.clone(), cipher, commitment })
        };
        ring.0.iter().map(derive).collect::<Result<_, _>>().map(Self)
    }

    /// Encrypts a payload of the entry with this key, whose header says this of it.
    pub(super) fn seal(
        &self,
        entry: &str,
        header: &Header,
        payload: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let failed = || Error::new(ErrorKind::Encode, "the value cannot be encrypted");
        let key = self.0.first().ok_or_else(failed)?;
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| failed())?;
        let aad = associated(entry, header, &key.id);
        let payload = Payload { msg: payload, aad: &aad };
        let encrypted = key.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| failed())?;
        let length = u8::try_from(key.id.len()).map_err(|_| failed())?;
        Ok([&[length], key.id.as_bytes(), &key.commitment, &nonce, &*encrypted].concat())
    }

    /// The payload of the entry with this key, if one of these keys has encrypted it for that entry.
    pub(super) fn open(
        &self,
        entry: &str,
        header: &Header,
        sealed: &[u8],
    ) -> Result<Vec<u8>, Unopened> {
        let (length, rest) = sealed.split_first().ok_or(Unopened::Damaged)?;
        let (id, rest) = rest.split_at_checked((*length).into()).ok_or(Unopened::Damaged)?;
        let (commitment, rest) = rest.split_first_chunk::<COMMITMENT>().ok_or(Unopened::Damaged)?;
        let (nonce, encrypted) = rest.split_first_chunk::<NONCE>().ok_or(Unopened::Damaged)?;
        let is_this = |key: &&Key| key.id.as_bytes() == id && key.commitment == *commitment;
        let key = self.0.iter().find(is_this).ok_or(Unopened::UnknownKey)?;
        let aad = associated(entry, header, &key.id);
        let payload = Payload { msg: encrypted, aad: &aad };
        key.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| Unopened::NotAuthentic)
    }
}

/// What a payload belongs to. Of a header, what does not change while the value is there.
fn associated(entry: &str, header: &Header, id: &str) -> Vec<u8> {
    let fixed = [header.kind as u8, header.codec.byte(), header.seal.byte()];
    let length = (entry.len() as u64).to_le_bytes();
    let schema = header.schema.to_le_bytes();
    [&length, entry.as_bytes(), &fixed, &schema, id.as_bytes()].concat()
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

#[cfg(test)]
mod tests;
