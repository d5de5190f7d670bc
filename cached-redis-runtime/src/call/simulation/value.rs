//! What the simulation's loads return.

/// How many values of the tag that comes from the value.
pub(super) const BRANDS: u64 = 2;

/// What is stored: a version of its entry, and which load has brought it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value(pub(super) u64);

impl Value {
    pub(super) fn new(version: u64, load: usize) -> Self {
        Self(version << 32 | load as u64)
    }

    pub(super) fn version(self) -> u64 {
        self.0 >> 32
    }

    pub(super) fn brand(self) -> u64 {
        self.version() % BRANDS
    }

    pub(super) fn load(self) -> usize {
        (self.0 & u64::from(u32::MAX)) as usize
    }
}
