//! The arguments of the scripts that are run for one entry or for many.

use crate::lease::{Acquire, Fill, LONGEST_LEASE, LeaseId};
use crate::store::redis::commands::{millis, millis_or_none};
use crate::store::redis::scripts;

/// Those of ACQUIRE.
pub(super) struct AcquireArguments<'a> {
    lease: String,
    nonce: [u8; 16],
    schema: [u8; 8],
    intent: &'static str,
    seen: LeaseId,
    stamps: &'a [u8],
    longest: String,
    longest_lease: String,
}

impl<'a> AcquireArguments<'a> {
    pub(super) fn new(acquire: &Acquire<'a>) -> Self {
        Self {
            lease: millis(acquire.lease),
            nonce: acquire.nonce.bytes(),
            schema: acquire.schema.to_le_bytes(),
            intent: scripts::name_of(acquire.intent),
            seen: acquire.seen_lease(),
            stamps: acquire.stamps.bytes(),
            longest: acquire.longest.to_string(),
            longest_lease: millis(LONGEST_LEASE),
        }
    }

    /// In the order in which the script takes them.
    pub(super) fn all(&self) -> [&[u8]; 8] {
        [
            self.lease.as_bytes(),
            &self.nonce,
            &self.schema,
            self.intent.as_bytes(),
            self.seen.bytes(),
            self.stamps,
            self.longest.as_bytes(),
            self.longest_lease.as_bytes(),
        ]
    }
}

/// Those of FILL.
pub(super) struct FillArguments<'a> {
    lease: LeaseId,
    whole: String,
    fresh: String,
    record: &'a [u8],
}

impl<'a> FillArguments<'a> {
    pub(super) fn new(fill: &Fill<'a>) -> Self {
        let (whole, fresh) = (millis(fill.life.whole), millis_or_none(fill.life.fresh));
        Self { lease: fill.lease, whole, fresh, record: fill.record }
    }

    /// In the order in which the script takes them.
    pub(super) fn all(&self) -> [&[u8]; 4] {
        [self.lease.bytes(), self.whole.as_bytes(), self.fresh.as_bytes(), self.record]
    }
}
