//! What a payload goes through between its codec and its record: compression, then encryption. On the way back the
//! reverse, with a bound on what each stage may come to.

use std::borrow::Cow;

use super::{Keys, compress};
use crate::error::{Error, ErrorKind};
use crate::record::{self, Compression, Header, Record, Seal};

/// How the payloads of one entry are sealed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealer<'a> {
    /// The key of the entry, as it is in the store.
    pub(crate) entry: &'a str,
    /// Of what is stored. What is read says itself how it is compressed.
    pub(crate) compression: Compression,
    /// Whether what is stored and read must be encrypted. Otherwise, what is encrypted is read as well.
    pub(crate) encrypts: bool,
    pub(crate) keys: Option<&'a Keys>,
    /// The longest payload that is read, at each stage.
    pub(crate) longest: usize,
}

/// Why a payload cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// It takes a feature that this program does not have.
    #[cfg_attr(
        all(feature = "compression", feature = "zstd"),
        expect(dead_code, reason = "it has all")
    )]
    Unsupported,
    /// It is damaged, or would be longer than what is read.
    Damaged,
    /// It is not encrypted, and must be.
    InTheClear,
    /// It was encrypted with a key that this cache does not have.
    UnknownKey,
    /// It was not encrypted for this entry, or has been changed since.
    #[cfg_attr(not(feature = "encryption"), expect(dead_code, reason = "nothing is decrypted"))]
    NotAuthentic,
}

impl Unopened {
    /// For an error.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unsupported => {
                "an entry is sealed in a way for which this program lacks the feature"
            }
            Self::Damaged => "an entry cannot be unpacked",
            Self::InTheClear => "an entry is not encrypted, and this function asks for it",
            Self::UnknownKey => "an entry is encrypted with a key that this cache does not have",
            Self::NotAuthentic => "an entry was not encrypted for its place, or has been changed",
        }
    }

    /// Whether it is about encryption.
    pub(crate) fn is_of_encryption(self) -> bool {
        matches!(self, Self::InTheClear | Self::UnknownKey | Self::NotAuthentic)
    }
}

impl Sealer<'_> {
    /// Seals the payload of a record.
    pub(crate) fn seal(&self, record: &mut Vec<u8>) -> Result<(), Error> {
        let Some(mut header) = Header::read(record) else { return Ok(()) };
        if let Some(packed) = compress::pack(self.compression, header.payload(record))? {
            header.seal.compression = self.compression;
            record::replace_payload(record, header.seal, &packed);
        }
        if self.encrypts {
            header.seal.is_encrypted = true;
            let keys = self.keys.ok_or_else(no_keys)?;
            let sealed = keys.seal(self.entry, &header, header.payload(record))?;
            record::replace_payload(record, header.seal, &sealed);
        }
        Ok(())
    }

    /// The payload of a record as its codec has written it.
    pub(crate) fn open<'r>(&self, record: &'r Record) -> Result<Cow<'r, [u8]>, Unopened> {
        let header = record.header();
        let mut payload = Cow::Borrowed(record.payload());
        if header.seal == Seal::NONE && !self.encrypts {
            return Ok(payload);
        }
        if header.seal.is_encrypted {
            let keys = self.keys.ok_or(Unopened::UnknownKey)?;
            payload = Cow::Owned(keys.open(self.entry, header, &payload)?);
        } else if self.encrypts {
            return Err(Unopened::InTheClear);
        }
        match header.seal.compression {
            Compression::None => Ok(payload),
            packed => compress::unpack(packed, &payload, self.longest).map(Cow::Owned),
        }
    }
}

/// Encryption was asked for and there is nothing to encrypt with.
pub(crate) fn no_keys() -> Error {
    let message = "`encrypt` needs keys, and this cache has none: write `.encryption(KeyRing::new(..))` on its builder";
    Error::new(ErrorKind::Policy, message)
}

/// Whether this program can compress in this way. An option of the attribute is checked by the macro.
pub(crate) fn check_feature(compression: Compression) -> Result<(), Error> {
    match compression {
        Compression::Lz4 if !cfg!(feature = "compression") => {
            Err(Error::config("compression by LZ4 needs the feature `compression` of cached-redis"))
        }
        Compression::Zstd if !cfg!(feature = "zstd") => {
            Err(Error::config("compression by zstd needs the feature `zstd` of cached-redis"))
        }
        _ => Ok(()),
    }
}
