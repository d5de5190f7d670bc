//! What ACQUIRE makes of the entry that it finds, for all stores. The in-process store asks here; a server has
//! `redis/scripts/acquire.lua`, which is the same in the same order and by the same names.

use std::time::Duration;

use crate::lease::{Acquire, Intent, LONGEST_LEASE, LeaseId};
use crate::record::{Header, State};

/// What becomes of the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing may be stored now.
    NoStore,
    /// The value is the answer.
    Hit,
    /// Somebody else is loading.
    Wait,
    /// There is nothing to reload.
    Nothing,
    /// The caller has the lease already: its question was sent again.
    Again { over_seen: bool },
    /// It is granted over the value, which stays readable.
    Over { over_seen: bool },
    /// It is granted in the place of whatever is there.
    Anew,
}

/// A record that is there and that can be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) header: Header,
    /// Of the whole record, in bytes.
    pub(super) length: usize,
    /// Of its life; `None` if it has no end.
    pub(super) left: Option<Duration>,
}

impl Entry {
    /// Whether it is replaced, and not read: it is too long, or a lease that nobody of ours would ask for.
    fn is_void(&self, longest: usize) -> bool {
        let is_endless = self.left.is_none_or(|left| left > LONGEST_LEASE);
        self.length > longest || (self.header.state == State::Lease && is_endless)
    }
}

/// `now` is the time of the store's clock, in milliseconds.
pub(super) fn decide(
    is_fenced: bool,
    entry: Option<Entry>,
    acquire: &Acquire<'_>,
    now: u64,
) -> Decision {
    if is_fenced {
        return Decision::NoStore;
    }
    let entry = entry.filter(|entry| !entry.is_void(acquire.longest));
    let Some(Entry { header, .. }) = entry else {
        return match acquire.intent {
            Intent::Reload => Decision::Nothing,
            _ => Decision::Anew,
        };
    };
    let holder = header.lease;
    let is_lease = header.state == State::Lease;
    let is_value = !is_lease && header.schema == acquire.schema;
    let is_fresh =
        is_value && header.state == State::Value && header.soft.is_none_or(|soft| now < soft);
    let longest_lease = u64::try_from(LONGEST_LEASE.as_millis()).unwrap_or(u64::MAX);
    let is_busy =
        is_value && header.refresh > now && header.refresh <= now.saturating_add(longest_lease);
    let seen = acquire.seen_lease();
    let is_seen = holder == seen;
    // All values whose lease was given up carry none: which of them was seen, nobody knows.
    let is_known = seen != LeaseId::NONE;

    match acquire.intent {
        Intent::Replace(_) if is_seen => return Decision::Anew,
        Intent::Read | Intent::Replace(_) => {
            if is_fresh {
                return Decision::Hit;
            } else if is_lease && header.is_write {
                return Decision::NoStore;
            } else if is_lease || (is_busy && holder != LeaseId::NONE) {
                return Decision::Wait;
            }
        }
        Intent::Reload => {
            if is_value && holder.nonce() == acquire.nonce {
                return Decision::Again { over_seen: is_known };
            } else if !is_value || !is_seen || is_busy {
                return Decision::Nothing;
            }
        }
        Intent::Refresh | Intent::Write => {}
    }
    if is_value {
        return Decision::Over { over_seen: is_seen && is_known };
    }
    Decision::Anew
}
