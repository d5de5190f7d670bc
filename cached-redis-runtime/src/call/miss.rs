//! Who may load: ask the store, and join, wait or lead accordingly. Of the callers of one process, one
//! asks for all ([`ask`](super::ask)). What cannot be shared takes turns ([`load_queue`](super::load_queue)).

use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

use super::ask::{Asked, ROUNDS};
use super::follow::Taken;
use super::permit::{Decision, Reason};
use super::slot::Slot;
use crate::budget::{by, timed};
use crate::error::{Error, ErrorKind};
use crate::flight::{Heard, Place, Waiting};
use crate::lease::{Intent, LeaseId};
use crate::session::Session;
use crate::sharing::{Answer, Asker, Question};

/// A caller that asks for all and has not moved for so long beyond its budget is not being polled.
const STALL: Duration = Duration::from_secs(1);

impl Slot {
    /// The miss path: ask who may load, and join, wait or lead accordingly. From `soft` on the last good
    /// value is an answer.
    pub(super) async fn decide(
        &self,
        intent: Intent,
        seen: LeaseId,
        soft: Option<Instant>,
        session: &mut Session<'_>,
    ) -> Decision {
        let began = self.core().load_queues.moment();
        let patience = self.patience_from(Instant::now());
        if let Some(soft) = soft {
            let decision = self.share(intent, seen, soft.min(patience), session).await;
            let is_late = Instant::now() >= soft;
            match decision {
                None | Some(Decision::LoadAlone(Reason::NotShareable)) if is_late => {}
                Some(decision) => return decision,
                None => return self.queue_up(began, session).await,
            }
            if let Some(read) = self.fallback(session).await {
                return Decision::Answer(read);
            }
        }
        match self.share(intent, seen, patience, session).await {
            Some(decision) => decision,
            None => self.queue_up(began, session).await,
        }
    }

    /// Shares what other callers have asked, read or loaded, until `deadline`. `None`: nothing has come
    /// of it.
    async fn share(
        &self,
        mut intent: Intent,
        seen: LeaseId,
        deadline: Instant,
        session: &mut Session<'_>,
    ) -> Option<Decision> {
        // Who wants the newest takes the lease in any case.
        let is_shared = matches!(intent, Intent::Read | Intent::Replace(_));
        let mut lost = Duration::ZERO;
        let mut rounds = 0;
        loop {
            let joined = Instant::now();
            let place = if is_shared {
                self.core().lines.join(self.question(intent))
            } else {
                Place::Ask(Asker::alone())
            };
            let heard = match place {
                Place::Ask(asker) => Heard::Ask(asker),
                Place::Wait(waiting) => self.hear(waiting, deadline).await?,
            };
            let answer = match heard {
                Heard::Ask(mut asker) => {
                    match self.ask(&mut asker, intent, seen, deadline, session).await {
                        Asked::Granted(granted) => return Some(Decision::Load(granted)),
                        Asked::Inside => return Some(Decision::LoadAlone(Reason::NotShareable)),
                        Asked::Answer(answer) => answer,
                        Asked::None => return None,
                    }
                }
                Heard::Answer(Answer::Failed(error)) if error.kind() == ErrorKind::Timeout => {
                    // Perhaps the other one had little left of its budget.
                    lost += joined.elapsed();
                    if lost < self.core().settings.budget / 2 {
                        continue;
                    }
                    Answer::Failed(error)
                }
                Heard::Answer(answer) => {
                    if matches!(answer, Answer::Read(..)) {
                        self.counters.waits.increment();
                    }
                    answer
                }
            };
            match self.take(answer, deadline, session).await {
                Taken::Decided(decision) => return Some(decision),
                Taken::Nothing => return None,
                Taken::Again => {}
                Taken::Replace(found) => {
                    intent = Intent::Replace(found);
                    rounds += 1;
                }
                Taken::StartOver => rounds += 1,
            }
            if rounds >= ROUNDS || Instant::now() >= deadline {
                return None;
            }
        }
    }

    /// Waits in line until there is an answer, or it is this caller's turn to ask. `None`: not in time.
    async fn hear(
        &self,
        mut waiting: Waiting<Question, Answer>,
        deadline: Instant,
    ) -> Option<Heard<Question, Answer>> {
        let stall = self.core().settings.budget + STALL;
        let no_timers = || Heard::Answer(Answer::Failed(Error::unreachable()));
        loop {
            let until = deadline.min(Instant::now() + stall);
            let Some(word) = by(until, &mut waiting) else { return Some(no_timers()) };
            match timed(pin!(word)).await {
                None => return Some(no_timers()),
                Some(Ok(Some(heard))) => return Some(heard),
                Some(Ok(None)) => return Some(Heard::Answer(Answer::Again)),
                Some(Err(_)) if Instant::now() >= deadline => return None,
                Some(Err(_)) => {
                    if let Some(asker) = waiting.take_over(stall) {
                        return Some(Heard::Ask(asker));
                    }
                }
            }
        }
    }
}
