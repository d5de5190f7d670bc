//! Counterexamples for people.

use std::fmt::{Display, Formatter, Result};

use super::*;

impl Display for Entry {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        write!(formatter, "v{}", self.version)?;
        self.stamp.map_or(Ok(()), |stamp| write!(formatter, "/g{stamp}"))
    }
}

/// What may be none.
struct Maybe<T>(Option<T>);

impl<T: Display> Display for Maybe<T> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match &self.0 {
            Some(there) => write!(formatter, "{there}"),
            None => formatter.write_str("-"),
        }
    }
}

impl Display for Request {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Self::Prove { age, .. } => write!(formatter, "heartbeat({age} ago)"),
            Self::Get => formatter.write_str("GET"),
            Self::Ask => formatter.write_str("GET generation"),
            Self::Invalidate(writer) => write!(formatter, "invalidation {writer}"),
        }
    }
}

impl Display for Reply {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Self::Proved { age, number, .. } => {
                write!(formatter, "database {number} (asked {age} ago)")
            }
            Self::Got(found) => write!(formatter, "entry {}", Maybe(*found)),
            Self::Asked(generation) => write!(formatter, "generation {}", Maybe(*generation)),
            Self::Invalidated(writer) => write!(formatter, "invalidated {writer}"),
            Self::EntryChanged => formatter.write_str("PUSH entry"),
            Self::GroupChanged => formatter.write_str("PUSH generation"),
            Self::Flushed => formatter.write_str("PUSH flush"),
        }
    }
}

impl Display for Fault {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        formatter.write_str(match self {
            Self::Lose => "the connection is lost",
            Self::Reconnect => "the process notices, and connects again",
            Self::Swap => "SWAPDB",
            Self::Flush => "FLUSHALL",
            Self::ForgetEntry => "the server forgets that it tracks the entry",
            Self::ForgetGroup => "the server forgets that it tracks the generation",
        })
    }
}

impl Display for Action {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let text = match self {
            Self::Tick => "time passes".to_owned(),
            Self::Suspend => "time passes while the machine is suspended".to_owned(),
            Self::Prove => "the heartbeat asks".to_owned(),
            Self::Read => "a watch begins, and GET is sent".to_owned(),
            Self::Keep => "a copy is made if the watch stands".to_owned(),
            Self::Ask => "the generation is asked for".to_owned(),
            Self::Execute => "the server executes what came first".to_owned(),
            Self::Deliver(0) => "the process takes what came first".to_owned(),
            Self::Deliver(place) => format!("the process takes what came {place} later"),
            Self::Write(writer) => format!("write {writer}"),
            Self::Return(writer) => format!("invalidation {writer} returns"),
            Self::Retry(writer) => format!("invalidation {writer} is sent again"),
            Self::Begin => "a call begins".to_owned(),
            Self::Check => "the call makes its next check".to_owned(),
            Self::Answer => "the call is answered".to_owned(),
            Self::Fill(version) => format!("v{version} is stored"),
            Self::MakeGeneration => "another entry of the group is loaded".to_owned(),
            Self::Expire => "the entry expires".to_owned(),
            Self::Fault(fault) => fault.to_string(),
        };
        formatter.pad(&text)
    }
}

impl State {
    fn write_server(&self, formatter: &mut Formatter<'_>) -> Result {
        write!(formatter, "entry {}", Maybe(self.entry))?;
        if let Some(generation) = self.generation {
            write!(formatter, ", generation {generation}")?;
        }
        if !self.connected {
            write!(formatter, ", connection lost")?;
        }
        for request in &self.requests {
            write!(formatter, " <- {request}")?;
        }
        for reply in &self.replies {
            write!(formatter, " -> {reply}")?;
        }
        Ok(())
    }
}

impl Display for State {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        self.write_server(formatter)?;
        write!(formatter, " | copy {}, proof {}", Maybe(self.copy), Maybe(self.proof))?;
        if let Some(held) = self.held {
            write!(formatter, ", generation {held}")?;
        }
        if let Some(Reading { stands, found }) = self.reading {
            let watch = if stands { "watched" } else { "unwatched" };
            write!(formatter, ", reading {watch} {}", Maybe(found))?;
        }
        if let Some(call) = self.call {
            write!(formatter, " | call, {} passed", call.passed)?;
            if let Some((copy, stands)) = call.copy {
                write!(formatter, ", {copy}{}", if stands { "" } else { " (watch over)" })?;
            }
        }
        for (writer, write) in self.writes.iter().enumerate() {
            match write.step {
                Step::Idle => {}
                Step::Returned(age) => write!(formatter, " | w{writer}: returned {age} ago")?,
                step => write!(formatter, " | w{writer}: {step:?}")?,
            }
        }
        self.outdated.map_or(Ok(()), |outdated| write!(formatter, " | OUTDATED: {outdated:?}"))
    }
}
