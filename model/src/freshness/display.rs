//! Counterexamples for people.

use std::fmt::{Display, Formatter, Result};

use super::*;

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

/// An id that may be none.
struct Zero(Option<Id>);

impl Display for Zero {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self.0 {
            Some(id) => write!(formatter, "{id}"),
            None => write!(formatter, "0"),
        }
    }
}

/// Generations, where there are any.
struct Of(Stamps);

impl Display for Of {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        for (name, stamp) in ["g", "c", "t"].into_iter().zip(self.0) {
            if let Some(generation) = stamp {
                write!(formatter, " {name}{generation}")?;
            }
        }
        Ok(())
    }
}

impl Display for Group {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        formatter.write_str(match self {
            Self::Argument => "group",
            Self::Class => "class",
            Self::Tag => "tag",
        })
    }
}

impl Display for Record {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Self::Lease { id, stamps } => write!(formatter, "L({id}{})", Of(*stamps)),
            Self::Value(Value { id, version, stale, reload, stamps }) => {
                let state = if *stale { "S" } else { "V" };
                write!(formatter, "{state}({}, v{version}{}", Zero(*id), Of(*stamps))?;
                match reload {
                    Reload::None => write!(formatter, ")"),
                    Reload::Running => write!(formatter, ", reloading)"),
                    Reload::Throttled => write!(formatter, ", throttled)"),
                }
            }
            Self::Tombstone => write!(formatter, "T"),
        }
    }
}

/// A record that may be none.
struct Entry(Option<Record>);

impl Display for Entry {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self.0 {
            Some(record) => write!(formatter, "{record}"),
            None => write!(formatter, "nothing"),
        }
    }
}

impl Display for Intent {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Self::Read => write!(formatter, "read"),
            Self::Replace(found) => write!(formatter, "replace {}", Zero(*found)),
            Self::Revalidate(found) => write!(formatter, "revalidate {}", Zero(*found)),
            Self::Refresh => write!(formatter, "refresh"),
        }
    }
}

impl Display for Command {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Self::Acquire { nonce, intent, stamps, executed } => {
                let late = if *executed > 0 { "late " } else { "" };
                write!(formatter, "{late}ACQUIRE({nonce}, {intent}{})", Of(*stamps))
            }
            Self::Ensure { nonce } => write!(formatter, "ENSURE({nonce})"),
            Self::Fill { id, version, stamps, .. } => {
                write!(formatter, "FILL({id}, v{version}{})", Of(*stamps))
            }
            Self::Keep { id, stamps, .. } => write!(formatter, "KEEP({id}{})", Of(*stamps)),
            Self::Renew(id) => write!(formatter, "RENEW({id})"),
            Self::Release { nonce, throttle: false } => write!(formatter, "RELEASE({nonce})"),
            Self::Release { nonce, .. } => write!(formatter, "RELEASE({nonce}, throttle)"),
            Self::Unlink(writer) => write!(formatter, "UNLINK of writer {writer}"),
            Self::UnlinkGroup(writer, group) => {
                write!(formatter, "UNLINK {group} of writer {writer}")
            }
            Self::Hold(writer) => write!(formatter, "HOLD of writer {writer}"),
            Self::Lift(writer) => write!(formatter, "LIFT of writer {writer}"),
        }
    }
}

impl Display for Action {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let text = match self {
            Self::Lose => "the record expires or is evicted".to_owned(),
            Self::Evict(group) => format!("the generation of the {group} is evicted"),
            Self::EvictGuard => "the guard is evicted".to_owned(),
            Self::Expire => "the soft deadline passes".to_owned(),
            Self::Lapse => "the refresh deadline passes".to_owned(),
            Self::Execute { command, repeated: false, .. } => format!("executed: {command}"),
            Self::Execute { command, answered: true, .. } => {
                format!("executed: {command}, and will be again")
            }
            Self::Execute { command, .. } => {
                format!("executed: {command}, unanswered, and will be again")
            }
            Self::Deliver(process, 0) => format!("process {process} takes what has come"),
            Self::Deliver(process, _) => format!("process {process} takes what has overtaken"),
            Self::Disconnect(process) => format!("process {process} loses its connection"),
            Self::Begin(caller) => format!("call {caller} begins"),
            Self::Get(caller) => format!("GET of call {caller} is executed"),
            Self::Compare(caller) => format!("call {caller} compares generations"),
            Self::PutDown(caller) => format!("call {caller} puts the generations down"),
            Self::Receive(caller) => format!("call {caller} gets its answer"),
            Self::Look(caller) => format!("call {caller} looks again"),
            Self::Adopt(caller) => format!("call {caller} adopts the lease"),
            Self::Read(caller) => format!("call {caller} reads the source"),
            Self::Renew(caller) => format!("call {caller} sends RENEW"),
            Self::ReadTag(caller) => format!("call {caller} reads the tag"),
            Self::ReadClass(caller) => format!("call {caller} reads the class"),
            Self::Fill(caller) => format!("call {caller} sends FILL"),
            Self::Keep(caller) => format!("call {caller} sends KEEP"),
            Self::Fail(caller) => format!("call {caller} fails to load"),
            Self::SoftTimeOut(caller) => format!("call {caller} takes its fallback"),
            Self::Start(writer) => format!("writer {writer} begins"),
            Self::Hear(writer) => format!("writer {writer} gets its answer"),
            Self::GiveUp(writer) => format!("writer {writer} gives up on an answer"),
            Self::Write(writer) => format!("writer {writer} writes"),
            Self::Crash(writer) => format!("writer {writer} dies"),
            Self::GuardEnds(writer) => format!("the guard of writer {writer} ends"),
        };
        formatter.pad(&text)
    }
}

impl Display for Phase {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Self::Idle => write!(formatter, "-"),
            Self::Getting => write!(formatter, "gets"),
            Self::Looking(found) => write!(formatter, "found {}", Entry(*found)),
            Self::Ensuring(_) => write!(formatter, "ensures"),
            Self::Ensured(_, stamps) => write!(formatter, "<-{}", Of(*stamps)),
            Self::Asking(nonce, None) => write!(formatter, "asks {nonce}"),
            Self::Asking(_, Some(Acquired::Grant { id, .. })) => write!(formatter, "<- GRANT {id}"),
            Self::Asking(_, Some(Acquired::Wait { holder, .. })) => {
                write!(formatter, "<- WAIT {}", Zero(*holder))
            }
            Self::Asking(_, Some(Acquired::Hit(value))) => {
                write!(formatter, "<- HIT v{}{}", value.version, Of(value.stamps))
            }
            Self::Asking(_, Some(Acquired::NoStore)) => write!(formatter, "<- NOSTORE"),
            Self::Asking(_, Some(Acquired::No)) => write!(formatter, "<- NO"),
            Self::Following(nonce) => write!(formatter, "follows {nonce}"),
            Self::Waiting(id) => write!(formatter, "waits for {id}"),
            Self::Loading(id) => write!(formatter, "leads {id}"),
            Self::Loaded(id, version) => write!(formatter, "leads {id}, has v{version}"),
            Self::Checking(id, version, Checked { tag, class }) => {
                write!(formatter, "leads {id}, has v{version}{}", Of([None, None, *tag]))?;
                match class {
                    None => Ok(()),
                    Some(true) => write!(formatter, ", same class"),
                    Some(false) => write!(formatter, ", other class"),
                }
            }
            Self::Filling(id, version, None) => write!(formatter, "fills {id} with v{version}"),
            Self::Filling(_, _, Some(filled)) => write!(formatter, "<- {filled:?}"),
            Self::Ended => write!(formatter, "ended"),
            Self::EndedStale => write!(formatter, "ENDED STALE"),
            Self::EndedExpired => write!(formatter, "ENDED EXPIRED"),
        }
    }
}

impl Display for Writing {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self.step {
            Step::Idle => write!(formatter, "-"),
            Step::Holding(false) => write!(formatter, "holds"),
            Step::Holding(true) => write!(formatter, "<- held"),
            Step::Beginning(None) => write!(formatter, "asks"),
            Step::Beginning(Some(Acquired::Grant { id, .. })) => write!(formatter, "<- GRANT {id}"),
            Step::Beginning(Some(_)) => write!(formatter, "<- no lease"),
            Step::Working(None) => write!(formatter, "works"),
            Step::Working(Some(id)) => write!(formatter, "works, has {id}"),
            Step::Storing(None) => write!(formatter, "fills with v{}", self.version),
            Step::Storing(Some(filled)) => write!(formatter, "<- {filled:?}"),
            Step::Ending => write!(formatter, "ends v{}", self.version),
            Step::Done => write!(formatter, "done"),
            Step::Crashed => write!(formatter, "dead"),
        }
    }
}

impl Display for State {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        write!(formatter, "source v{}, invalidated v{}", self.source, self.invalidated)?;
        write!(formatter, ", {}", Entry(self.record))?;
        if self.generations != [None; 3] {
            write!(formatter, ",{}", Of(self.generations))?;
        }
        if !self.guard.is_empty() {
            write!(formatter, ", guard {:?}", self.guard)?;
        }
        for call in &self.calls {
            write!(formatter, " | {}", call.phase)?;
        }
        for writer in &self.writers {
            write!(formatter, " | w: {writer}")?;
        }
        Ok(())
    }
}
