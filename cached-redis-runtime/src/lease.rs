//! The protocol as types: who may fill an entry.
//!
//! A lease lives in the entry itself. Whoever misses asks for it; the store mints an id that no
//! other execution ever mints; a value is stored only if the entry still carries exactly that id.
//! A delete removes whatever id is there, so a load that began before it can no longer store
//! (the leases of Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013).

use std::time::Duration;

use crate::group::Stamps;

/// Names one execution of ACQUIRE: the process, the call in it, and the server's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LeaseId([u8; LeaseId::LENGTH]);

/// The part of a lease id that the client chooses. Never used as an id by itself: a duplicated,
/// late ACQUIRE would hand out the same id twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Nonce {
    pub(crate) process: u64,
    pub(crate) sequence: u64,
}

impl LeaseId {
    pub(crate) const LENGTH: usize = Nonce::LENGTH + 8;

    pub(crate) fn new(nonce: Nonce, server_time: u64) -> Self {
        let mut bytes = [0; Self::LENGTH];
        bytes[..Nonce::LENGTH].copy_from_slice(&nonce.bytes());
        bytes[Nonce::LENGTH..].copy_from_slice(&server_time.to_le_bytes());
        Self(bytes)
    }

    /// In a record whose lease has been given up.
    pub(crate) const NONE: Self = Self([0; Self::LENGTH]);

    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub(crate) fn bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    pub(crate) fn nonce(&self) -> Nonce {
        let half = |from: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&self.0[from..from + 8]);
            u64::from_le_bytes(bytes)
        };
        Nonce { process: half(0), sequence: half(8) }
    }
}

impl Nonce {
    pub(crate) const LENGTH: usize = 16;

    pub(crate) fn bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[..8].copy_from_slice(&self.process.to_le_bytes());
        bytes[8..].copy_from_slice(&self.sequence.to_le_bytes());
        bytes
    }
}

/// How to ask for a lease.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acquire<'a> {
    pub(crate) nonce: Nonce,
    pub(crate) lease: Duration,
    pub(crate) schema: u64,
    pub(crate) intent: Intent,
    /// The lease of the value that the caller has seen and means to replace.
    pub(crate) seen: LeaseId,
    /// What the groups of the entry are at before the load.
    pub(crate) stamps: &'a Stamps,
    /// A record that is longer is void: it is replaced, not read.
    pub(crate) longest: usize,
}

impl Acquire<'_> {
    /// The lease that the caller has seen in the entry.
    pub(crate) fn seen_lease(&self) -> LeaseId {
        match self.intent {
            Intent::Replace(void) => void,
            _ => self.seen,
        }
    }
}

/// A lease that would live for longer, or has no end, is void: none of ours, or one whose end somebody
/// has taken away. It would keep everybody waiting for as long as they wait for any load.
pub(crate) const LONGEST_LEASE: Duration = Duration::from_secs(24 * 60 * 60);

/// What the asker wants of an entry that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Intent {
    /// Its value; the lease only if there is none, or if its fresh life is over.
    Read,
    /// As `Read`, but a record that carries this lease is none: it cannot be read, or belongs to a
    /// generation that is over.
    Replace(LeaseId),
    /// The lease over the value that was seen, unless somebody reloads it already.
    Reload,
    /// The lease in any case; a value stays readable until the new one is stored.
    Refresh,
    /// As `Refresh`, for a write: how long it takes is not the cache's business, so nobody waits for it.
    Write,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Acquired {
    /// The lease is the caller's.
    Grant {
        lease: LeaseId,
        /// The value that the caller has seen is there, and stays until the new one is stored.
        over_seen: bool,
    },
    /// Somebody else is loading.
    Wait {
        holder: LeaseId,
        /// What the groups were at before that load, or are said to be by the value that it reloads.
        stamps: Stamps,
    },
    /// A value has come meanwhile: its whole record.
    Hit(Vec<u8>),
    /// Nothing may be stored now.
    NoStore,
    /// There is nothing to reload.
    Nothing,
}

/// How long a record is to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// Until the entry ends.
    pub(crate) whole: Duration,
    /// Until its fresh life ends, where readers have to know.
    pub(crate) fresh: Option<Duration>,
}

/// One FILL among many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill<'a> {
    pub(crate) key: &'a str,
    pub(crate) lease: LeaseId,
    pub(crate) record: &'a [u8],
    pub(crate) life: Life,
}

/// What became of a FILL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// Stored: no invalidation came between ACQUIRE and FILL.
    Stored,
    /// Refused: the lease is gone.
    Lost,
}

/// Names one fence of one process.
pub(crate) type FenceId = Nonce;
