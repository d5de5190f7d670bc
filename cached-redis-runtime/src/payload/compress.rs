//! Compressed payloads: the length of what was compressed (`u32`, little-endian), then one block.
//!
//! The length is checked before anything is allocated: 33 kB of zstd can be a gigabyte.

use super::seal::Unopened;
use crate::error::{Error, ErrorKind};
use crate::record::Compression;

/// Less is not worth it.
const SHORTEST: usize = 1024;

const LENGTH: usize = size_of::<u32>();

/// The payload compressed, if that saves a tenth of it.
pub(super) fn pack(compression: Compression, payload: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    if compression == Compression::None || payload.len() < SHORTEST {
        return Ok(None);
    }
    let Ok(length) = u32::try_from(payload.len()) else { return Ok(None) };
    let block = match compression {
        Compression::None => return Ok(None),
        Compression::Lz4 => lz4::pack(payload)?,
        Compression::Zstd => zstd_block::pack(payload)?,
    };
    let is_worth_it = (LENGTH + block.len()) / 9 < payload.len() / 10;
    Ok(is_worth_it.then(|| [&length.to_le_bytes(), block.as_slice()].concat()))
}

/// What was compressed, if it is no longer than `longest`.
pub(super) fn unpack(
    compression: Compression,
    packed: &[u8],
    longest: usize,
) -> Result<Vec<u8>, Unopened> {
    let (length, block) = packed.split_first_chunk::<LENGTH>().ok_or(Unopened::Damaged)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > longest {
        return Err(Unopened::Damaged);
    }
    match compression {
        Compression::None => Err(Unopened::Damaged),
        Compression::Lz4 => lz4::unpack(block, length),
        Compression::Zstd => zstd_block::unpack(block, length),
    }
}

#[cfg(feature = "compression")]
mod lz4 {
    use super::{Error, Unopened};

    /// A block of LZ4 cannot be longer than this for each of its bytes.
    const MOST_FOR_A_BYTE: usize = 255;

    #[expect(clippy::unnecessary_wraps, reason = "without the feature it fails")]
    pub(super) fn pack(payload: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(lz4_flex::block::compress(payload))
    }

    pub(super) fn unpack(block: &[u8], length: usize) -> Result<Vec<u8>, Unopened> {
        if length > block.len().saturating_mul(MOST_FOR_A_BYTE) {
            return Err(Unopened::Damaged);
        }
        let mut payload = vec![0; length];
        match lz4_flex::block::decompress_into(block, &mut payload) {
            Ok(written) if written == length => Ok(payload),
            _ => Err(Unopened::Damaged),
        }
    }
}

#[cfg(feature = "zstd")]
mod zstd_block {
    use super::{Error, ErrorKind, Unopened};

    /// Its default: about four times as fast as the next that is worth its name.
    const LEVEL: i32 = 3;

    pub(super) fn pack(payload: &[u8]) -> Result<Vec<u8>, Error> {
        zstd::bulk::compress(payload, LEVEL)
            .map_err(|_| Error::new(ErrorKind::Encode, "the value cannot be compressed"))
    }

    pub(super) fn unpack(block: &[u8], length: usize) -> Result<Vec<u8>, Unopened> {
        let mut payload = vec![0; length];
        match zstd::bulk::decompress_to_buffer(block, &mut payload) {
            Ok(written) if written == length => Ok(payload),
            _ => Err(Unopened::Damaged),
        }
    }
}

/// In the place of what a feature would bring.
macro_rules! missing {
    ($module:ident, $feature:literal) => {
        #[cfg(not(feature = $feature))]
        mod $module {
            use super::{Error, ErrorKind, Unopened};

            pub(super) fn pack(_: &[u8]) -> Result<Vec<u8>, Error> {
                let message = concat!("this takes the feature `", $feature, "` of cached-redis");
                Err(Error::new(ErrorKind::Policy, message))
            }

            pub(super) fn unpack(_: &[u8], _: usize) -> Result<Vec<u8>, Unopened> {
                Err(Unopened::Unsupported)
            }
        }
    };
}

missing!(lz4, "compression");
missing!(zstd_block, "zstd");

#[cfg(all(test, feature = "compression", feature = "zstd"))]
mod tests;
