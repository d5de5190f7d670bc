//! The claim to be the only task that does something in the background.
//!
//! A task ends with its runtime, and gives its claim back as it is dropped. A runtime that is kept and not driven,
//! because its `block_on` has returned, neither polls its tasks nor drops them. So whoever gives no sign of life loses
//! the claim to the next who asks, and finds that out when it goes on.

use std::time::Duration;

use tokio::time::Instant;

/// Who has the claim.
#[derive(Debug)]
pub(crate) struct Claims {
    /// Longer than a task that is driven takes from one sign of life to the next. Where it takes longer after all, two
    /// do the same for a moment, which does no harm.
    silence: Duration,
    next: u64,
    held: Option<(Claim, Instant)>,
}

/// One holder of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim(u64);

impl Claims {
    /// Whoever gives no sign of life for `silence` loses the claim.
    pub(crate) fn new(silence: Duration) -> Self {
        Self { silence, next: 0, held: None }
    }

    /// Whether somebody has lost it: it was silent, and nobody has taken the claim since.
    pub(crate) fn has_lapsed(&self) -> bool {
        self.held.is_some_and(|(_, seen)| seen.elapsed() >= self.silence)
    }

    /// The claim, unless somebody has it.
    pub(crate) fn take(&mut self) -> Option<Claim> {
        if self.held.is_some() && !self.has_lapsed() {
            return None;
        }
        let claim = Claim(self.next);
        self.next += 1;
        self.held = Some((claim, Instant::now()));
        Some(claim)
    }

    /// A sign of life. Whether it has not been lost.
    pub(crate) fn renew(&mut self, claim: Claim) -> bool {
        let is_held = self.is_held(claim);
        if is_held {
            self.held = Some((claim, Instant::now()));
        }
        is_held
    }

    /// Gives it back. Whether it had not been lost.
    pub(crate) fn give_back(&mut self, claim: Claim) -> bool {
        let is_held = self.is_held(claim);
        if is_held {
            self.held = None;
        }
        is_held
    }

    fn is_held(&self, claim: Claim) -> bool {
        self.held.is_some_and(|(held, _)| held == claim)
    }
}

#[cfg(test)]
mod tests {
    use super::Claims;
    use std::time::Duration;

    const SILENCE: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn there_is_one_at_a_time_and_who_is_silent_loses_it() {
        let mut claims = Claims::new(SILENCE);
        let first = claims.take().expect("nobody has it");
        tokio::time::advance(SILENCE / 2).await;
        assert!(claims.take().is_none() && claims.renew(first));
        tokio::time::advance(SILENCE / 2).await;
        assert!(claims.take().is_none());
        tokio::time::advance(SILENCE / 2).await;
        assert!(claims.has_lapsed());
        let second = claims.take().expect("it was silent");
        assert!(!claims.renew(first) && !claims.give_back(first));
        assert!(claims.take().is_none());
        assert!(claims.give_back(second) && claims.take().is_some());
    }
}
