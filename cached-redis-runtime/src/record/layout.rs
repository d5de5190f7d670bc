//! Where each field of a header stands. The scripts of the Redis store get these numbers from here.

use std::ops::Range;

pub(crate) const HEADER: usize = 64;
/// The unit in which the length of header and stamps is given.
pub(crate) const WORD: usize = 8;
/// `CR`, and the format of the header.
pub(crate) const MAGIC: &[u8; 3] = b"CR\x01";
pub(crate) const STATE: usize = 3;
pub(crate) const KIND: usize = 4;
pub(crate) const CODEC: usize = 5;
pub(crate) const SEAL: usize = 6;
pub(crate) const WORDS: usize = 7;
pub(crate) const SCHEMA: Range<usize> = 8..16;
pub(crate) const LEASE: Range<usize> = 16..40;
pub(crate) const SOFT: Range<usize> = 40..48;
pub(crate) const REFRESH: Range<usize> = 48..56;
pub(crate) const LOAD: Range<usize> = 56..60;
pub(crate) const IS_WRITE: usize = 60;
pub(crate) const RESERVED: Range<usize> = 61..64;

// The scripts read and write these in one piece.
const _: () = assert!(WORDS + 1 == SCHEMA.start && SCHEMA.end == LEASE.start);
const _: () = assert!(LEASE.end == SOFT.start && SOFT.end == REFRESH.start);
