//! A token for the one task that does a job in the background.
//!
//! A task ends with its runtime, and gives its token back as it is dropped. A runtime that is kept and not driven,
//! because its `block_on` has returned, neither polls its tasks nor drops them. So whoever gives no sign of life loses
//! the token to the next who asks, and finds that out when it goes on.

use std::time::Duration;

use tokio::time::Instant;

/// Who has the token.
#[derive(Debug)]
pub(crate) struct SoleTask {
    /// Longer than a task that is driven takes from one sign of life to the next. Where it takes longer after all, two
    /// do the same for a moment, which does no harm.
    silence: Duration,
    next: u64,
    held: Option<(TaskToken, Instant)>,
}

/// One holder of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskToken(u64);

impl SoleTask {
    /// Whoever gives no sign of life for `silence` loses the token.
    pub(crate) fn new(silence: Duration) -> Self {
        Self { silence, next: 0, held: None }
    }

    /// Whether somebody has lost it: it was silent, and nobody has taken the token since.
    pub(crate) fn has_lapsed(&self) -> bool {
        self.held.is_some_and(|(_, seen)| seen.elapsed() >= self.silence)
    }

    /// The token, unless somebody has it.
    pub(crate) fn take(&mut self) -> Option<TaskToken> {
        if self.held.is_some() && !self.has_lapsed() {
            return None;
        }
        let token = TaskToken(self.next);
        self.next += 1;
        self.held = Some((token, Instant::now()));
        Some(token)
    }

    /// A sign of life. Whether it has not been lost.
    pub(crate) fn renew(&mut self, token: TaskToken) -> bool {
        let is_held = self.is_held(token);
        if is_held {
            self.held = Some((token, Instant::now()));
        }
        is_held
    }

    /// Gives it back. Whether it had not been lost.
    pub(crate) fn give_back(&mut self, token: TaskToken) -> bool {
        let is_held = self.is_held(token);
        if is_held {
            self.held = None;
        }
        is_held
    }

    fn is_held(&self, token: TaskToken) -> bool {
        self.held.is_some_and(|(held, _)| held == token)
    }
}

#[cfg(test)]
mod tests {
    use super::SoleTask;
    use std::time::Duration;

    const SILENCE: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn there_is_one_at_a_time_and_who_is_silent_loses_it() {
        let mut tokens = SoleTask::new(SILENCE);
        let first = tokens.take().expect("nobody has it");
        tokio::time::advance(SILENCE / 2).await;
        assert!(tokens.take().is_none() && tokens.renew(first));
        tokio::time::advance(SILENCE / 2).await;
        assert!(tokens.take().is_none());
        tokio::time::advance(SILENCE / 2).await;
        assert!(tokens.has_lapsed());
        let second = tokens.take().expect("it was silent");
        assert!(!tokens.renew(first) && !tokens.give_back(first));
        assert!(tokens.take().is_none());
        assert!(tokens.give_back(second) && tokens.take().is_some());
    }
}
