//! What must hold of bytes that anybody may have written: the targets of the fuzzer (`fuzz/`), which needs a way in, and
//! of the tests, which replay its corpora.
//!
//! Each target takes any bytes and panics if a property does not hold. Memory is counted by whoever calls it.
//!
//! Not in the packages. `derive` of serde comes from the dev-dependencies, or from the fuzzer's.

mod codecs;
mod encrypted;
mod records;
mod redis_url;
mod sealed;
#[cfg(test)]
mod tests;
mod values;

/// The longest payload that is unpacked here. Short, so that a search takes many steps in a second.
pub const LONGEST: usize = 64 * 1024;

/// What is done with bytes.
#[derive(Clone, Copy)]
pub struct Target {
    /// That of its seeds and its corpus.
    pub name: &'static str,
    /// Takes any bytes, and panics if something is wrong. Says whether they were an answer.
    pub run: fn(&[u8]) -> bool,
    /// The most memory that it may hold at a time, besides what is in proportion to the bytes.
    memory: usize,
}

const LITTLE: usize = 64 * 1024;

pub const TARGETS: [Target; 8] = [
    Target { name: "json", run: codecs::json, memory: LITTLE },
    Target { name: "messagepack", run: codecs::messagepack, memory: LITTLE },
    Target { name: "postcard", run: codecs::postcard, memory: LITTLE },
    Target { name: "lz4", run: sealed::lz4, memory: 4 * LONGEST },
    Target { name: "zstd", run: sealed::zstd, memory: 4 * LONGEST },
    Target { name: "encrypted", run: encrypted::encrypted, memory: LITTLE },
    // What was unpacked is read: a value takes more than its payload.
    Target { name: "record", run: records::record, memory: 32 * LONGEST },
    Target { name: "redis_url", run: redis_url::redis_url, memory: LITTLE },
];

impl Target {
    /// The most memory that it may hold at a time for so many bytes. An element of one byte can be 200 bytes in memory,
    /// twice while its list grows, and here it is written and read again.
    #[must_use]
    pub const fn most_memory(&self, length: usize) -> usize {
        self.memory + 1024 * length
    }
}
