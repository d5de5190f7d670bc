//! How a cache is: its server, its connection, and what goes wrong in silence.

use std::fmt;
use std::time::Duration;

use crate::error::Error;
use crate::loss::SilentLoss;

/// What [`Cache::health`](crate::Cache::health) found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Health {
    /// How long the server took to answer, or why it did not.
    pub ping: Result<Duration, Error>,
    /// Whether the server reports changes of groups to this process.
    pub tracking: Tracking,
    /// What has gone wrong since the cache was built without an error that a caller could see; empty if all is
    /// well. Each of them is logged too, once an hour.
    pub losses: Vec<SilentLoss>,
}

impl Health {
    /// Whether the server answered.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.ping.is_ok()
    }
}

/// Whether the server reports changes of groups to this process. It decides what a hit costs, never what it returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tracking {
    /// It does, or there is no server to ask: a hit is one `GET`.
    On,
    /// It does not: each hit reads a second key in the same round trip.
    Off(Untracked),
    /// There is no connection now.
    #[default]
    Unknown,
}

/// Why the server does not report changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Untracked {
    /// It is switched off, by [`CacheBuilder::tracking`](crate::CacheBuilder::tracking) or by `protocol=resp2` in
    /// the URL.
    SwitchedOff,
    /// The server, or a proxy before it, does not speak RESP3.
    Protocol,
    /// The user may not do it: the rights `+hello`, `+client|tracking` and `+client|caching` are needed.
    Rights,
    /// The server has agreed to report changes, and its reports do not arrive.
    Silent,
    /// It could not be tried whether reports arrive: the server takes no writes now.
    Untried,
    /// The connection was made by the application ([`CacheBuilder::connection`](crate::CacheBuilder::connection)).
    Foreign,
}

impl fmt::Display for Tracking {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On => formatter.write_str("on"),
            Self::Off(why) => write!(formatter, "off: {why}"),
            Self::Unknown => formatter.write_str("unknown: there is no connection"),
        }
    }
}

impl fmt::Display for Untracked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::SwitchedOff => "switched off by the settings of this cache",
            Self::Protocol => "the server, or a proxy before it, does not speak RESP3",
            Self::Rights => {
                "the user needs the rights `+hello`, `+client|tracking` and `+client|caching`"
            }
            Self::Silent => "the server's reports do not arrive; a proxy may keep them",
            Self::Untried => "the server takes no writes, so its reports could not be tried",
            Self::Foreign => "the connection was made by the application",
        })
    }
}

/// What a store knows of its connection, without asking the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) tracking: Tracking,
}
