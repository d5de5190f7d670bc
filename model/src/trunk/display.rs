//! Counterexamples for people.

use std::fmt::{Display, Formatter, Result};

use super::{Acquired, Action, Command, Id, Nonce, Phase, Record, State};

impl Display for Nonce {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        write!(formatter, "{}.{}", self.caller, self.round)
    }
}

impl Display for Id {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        write!(formatter, "{}/{}", self.nonce, self.stamp)
    }
}

impl Display for Command {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Self::Acquire { nonce, executed: 0 } => write!(formatter, "ACQUIRE({nonce})"),
            Self::Acquire { nonce, .. } => write!(formatter, "late ACQUIRE({nonce})"),
            Self::Fill { id, version, .. } => write!(formatter, "FILL({id}, v{version})"),
            Self::Release(nonce) => write!(formatter, "RELEASE({nonce})"),
            Self::Unlink(version) => write!(formatter, "UNLINK after v{version}"),
        }
    }
}

impl Display for Action {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let text = match self {
            Self::Write => "the source is written".to_owned(),
            Self::Lose => "the record expires or is evicted".to_owned(),
            Self::Execute { command, repeated: false, .. } => format!("executed: {command}"),
            Self::Execute { command, answered: true, .. } => {
                format!("executed: {command}, and will be again")
            }
            Self::Execute { command, .. } => {
                format!("executed: {command}, unanswered, and will be again")
            }
            Self::Begin(caller) => format!("call {caller} begins"),
            Self::Receive(caller) => format!("call {caller} gets its answer"),
            Self::Look(caller) => format!("call {caller} looks again"),
            Self::Read(caller) => format!("call {caller} reads the source"),
            Self::Fail(caller) => format!("call {caller} fails to load"),
            Self::Fill(caller) => format!("call {caller} sends FILL"),
            Self::Adopt(caller) => format!("call {caller} adopts the lease"),
            Self::AskAgain(caller) => format!("call {caller} follows no longer"),
            Self::TimeOut(caller) => format!("call {caller} gives up on an answer"),
            Self::Refuse(caller) => format!("FILL of call {caller} is refused"),
            Self::Cancel(caller) => format!("call {caller} is cancelled"),
            Self::Die(process) => format!("process {process} dies"),
        };
        formatter.pad(&text)
    }
}

impl Display for Phase {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Self::Idle => write!(formatter, "-"),
            Self::Asking(nonce, None) => write!(formatter, "asks {nonce}"),
            Self::Asking(_, Some(Acquired::Grant(id))) => write!(formatter, "<- GRANT {id}"),
            Self::Asking(_, Some(Acquired::Wait(id))) => write!(formatter, "<- WAIT {id}"),
            Self::Asking(_, Some(Acquired::Hit(version))) => write!(formatter, "<- HIT v{version}"),
            Self::Following(nonce) => write!(formatter, "follows {nonce}"),
            Self::Pausing(id) => write!(formatter, "pauses for {id}"),
            Self::Waiting(id) => write!(formatter, "waits for {id}"),
            Self::Loading(id) => write!(formatter, "leads {id}"),
            Self::Loaded(id, version) => write!(formatter, "leads {id}, has v{version}"),
            Self::Filling(id, version, None) => write!(formatter, "fills {id} with v{version}"),
            Self::Filling(_, _, Some(filled)) => write!(formatter, "<- {filled:?}"),
            Self::Ended => write!(formatter, "ended"),
            Self::EndedStale => write!(formatter, "ENDED STALE"),
        }
    }
}

impl Display for State {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        write!(formatter, "source v{}, invalidated v{}, ", self.source, self.invalidated)?;
        match self.record {
            None => write!(formatter, "empty")?,
            Some(Record::Lease(id)) => write!(formatter, "L({id})")?,
            Some(Record::Value(id, version)) => write!(formatter, "V({id}, v{version})")?,
        }
        for call in &self.calls {
            write!(formatter, " | {}", call.phase)?;
        }
        Ok(())
    }
}
