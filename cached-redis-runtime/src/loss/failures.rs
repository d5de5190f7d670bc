//! Failures of single calls that are silent losses.

use super::Loss;
use crate::error::ErrorKind;

/// What to do about loads in the background that fail.
pub(crate) const OF_RELOADS: &str = "Callers get stored values until these expire. See to the source of the data, and \
    log the error in the body of the function";

/// What a failure of this kind is, unless the connection reports it, and what to do about it.
pub(crate) fn loss(kind: ErrorKind) -> Option<(Loss, &'static str)> {
    Some(match kind {
        ErrorKind::Key => (
            Loss::NoKey,
            "Make the argument serializable, leave it out of the key with `skip(..)`, or choose what the key is made \
             of with `key(..)`",
        ),
        ErrorKind::Encode => (
            Loss::NotEncoded,
            "Make the value one that its codec can write, or do not cache this function",
        ),
        ErrorKind::TooLarge => (
            Loss::TooLarge,
            "Store less, or raise `CacheBuilder::max_value_bytes`; large values hold up the small ones. A value may have 32 \
             tags of its own: of a list with more, tag the list as a whole",
        ),
        ErrorKind::Ttl | ErrorKind::Policy => (
            Loss::Options,
            "Mend the expression in the attribute; `f_entry(..).check()` finds this at the start",
        ),
        ErrorKind::Decode => (
            Loss::Unreadable,
            "It is loaded again and replaced. During a deploy that changes the type this is expected; if it goes on, \
             the type does not read what it writes (`#[serde(skip_serializing)]`, `rename_all(serialize = ..)`, \
             `untagged` and the like), or something else writes to these keys",
        ),
        ErrorKind::Server | ErrorKind::Protocol => (
            Loss::ServerError,
            "Functions load. The server may be full (`OOM`), read-only (`READONLY`), or its user may lack a right \
             (`NOPERM`)",
        ),
        ErrorKind::Config | ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Superseded => {
            return None;
        }
    })
}
