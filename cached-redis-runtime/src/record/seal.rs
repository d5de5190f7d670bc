//! What a payload went through after its codec.

/// How values are compressed before they are stored: see
/// [`CacheBuilder::compress`](crate::CacheBuilder::compress).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// LZ4, which costs little. Needs the feature `compression`.
    Lz4,
    /// Zstandard, which saves more and costs more. Needs the feature `zstd`.
    Zstd,
}

/// What a payload went through after its codec: compression, then encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    pub(crate) compression: Compression,
    pub(crate) is_encrypted: bool,
}

const ENCRYPTED: u8 = 16;

impl Seal {
    pub(crate) const NONE: Self = Self { compression: Compression::None, is_encrypted: false };

    pub(crate) const fn byte(self) -> u8 {
        let compression = match self.compression {
            Compression::None => 0,
            Compression::Lz4 => 1,
            Compression::Zstd => 2,
        };
        if self.is_encrypted { compression | ENCRYPTED } else { compression }
    }

    pub(crate) fn of(byte: u8) -> Option<Self> {
        let compression = match byte & !ENCRYPTED {
            0 => Compression::None,
            1 => Compression::Lz4,
            2 => Compression::Zstd,
            _ => return None,
        };
        Some(Self { compression, is_encrypted: byte & ENCRYPTED != 0 })
    }

    /// The bytes that stand for one, for the scripts.
    pub(crate) fn bytes() -> Vec<u8> {
        (0..=u8::MAX).filter(|byte| Self::of(*byte).is_some()).collect()
    }
}
