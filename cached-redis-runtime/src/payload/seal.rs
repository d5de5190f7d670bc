//! What a payload goes through between its codec and its record: compression, then encryption. On the way back the
//! reverse, with a bound on what each stage may come to.

use std::borrow::Cow;

use super::compress;
use crate::error::Error;
use crate::record::{self, Compression, Header, Record, Seal};

/// How the payloads of one entry are sealed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealer {
    /// Of what is stored. What is read says itself how it is compressed.
    pub(crate) compression: Compression,
    /// The longest payload that is read, at each stage.
    pub(crate) longest: usize,
}

/// Why a payload cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// It takes a feature that this program does not have.
    Unsupported,
    /// It is damaged, or would be longer than what is read.
    Damaged,
}

impl Unopened {
    /// For an error.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unsupported => {
                "an entry is sealed in a way for which this program lacks the feature"
            }
            Self::Damaged => "an entry cannot be unpacked",
        }
    }
}

impl Sealer {
    /// Seals the payload of a record.
    pub(crate) fn seal(&self, record: &mut Vec<u8>) -> Result<(), Error> {
        let Some(header) = Header::read(record) else { return Ok(()) };
        let mut seal = Seal::NONE;
        let packed = compress::pack(self.compression, header.payload(record))?;
        if let Some(packed) = packed {
            seal.compression = self.compression;
            record::replace_payload(record, seal, &packed);
        }
        Ok(())
    }

    /// The payload of a record as its codec has written it.
    pub(crate) fn open<'r>(&self, record: &'r Record) -> Result<Cow<'r, [u8]>, Unopened> {
        let seal = record.header().seal;
        if seal == Seal::NONE {
            return Ok(Cow::Borrowed(record.payload()));
        }
        if seal.is_encrypted {
            return Err(Unopened::Unsupported);
        }
        compress::unpack(seal.compression, record.payload(), self.longest).map(Cow::Owned)
    }
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
