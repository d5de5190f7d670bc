//! Silent losses: what goes wrong without an error that a caller could see.

/// A kind of silent loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(dead_code, reason = "reported by what is built next")]
pub(crate) enum Loss {
    /// What was stored does not read back as what the function returned.
    Unfaithful,
    /// Entries are found and cannot be decoded.
    Unreadable,
    /// The function stores entries and never hits.
    NeverHits,
    /// The server refuses to remove entries.
    Refused,
    /// The server does not report changes of groups, so hits cost a second read.
    Untracked,
    /// No cache was chosen.
    NoCache,
}

/// The silent losses of one cache: each kind is reported once per function and hour.
#[derive(Debug, Default)]
pub(crate) struct Losses {}

impl Losses {
    /// Reports a loss of a function (`prefix`, `name`), or of the whole cache. `detail` says what to do
    /// about it, and never contains a key, an argument, a value or a URL.
    #[expect(clippy::unused_self, reason = "reported by what is built next")]
    pub(crate) fn report(
        &self,
        loss: Loss,
        function: Option<(&'static str, &'static str)>,
        detail: &str,
    ) {
        let _ = (loss, function, detail);
    }
}
