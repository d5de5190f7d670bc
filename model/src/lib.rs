//! The cache protocol as models whose every interleaving is checked.
//!
//! - [`trunk`]: one entry that is either there or not; leases, flights and processes in all detail.
//! - [`freshness`]: what stands on it; soft deadlines, groups, guards, write-through. Leases are as
//!   in the trunk, flights as simple as they can be.
//! - [`cluster`]: groups whose generations are on several nodes, and buckets that move.
//! - [`local`]: copies of an entry in a process; watches, the bound on silence, what ends a copy.
//!
//! Each says what there is (`State`), what can happen next (`Action`), and which rules hold: those
//! that are implemented, or those with one of them broken. `tests/` has both.

mod check;
pub mod cluster;
pub mod freshness;
pub mod local;
pub mod trunk;

pub use check::{Outcome, Readable, Story, check, counterexample, is_large};
