//! Counterexamples for people.

use std::fmt::{Display, Formatter, Result};

use super::{Action, Entry, OTHER, Removal, Reply, Request, State};

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

/// The generation of a bucket.
fn generation(bucket: usize) -> &'static str {
    if bucket == OTHER { "the other bucket's generation" } else { "the generation" }
}

impl Display for Entry {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        write!(formatter, "v{}/g{}", self.version, self.stamp)
    }
}

impl Display for Request {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Self::Get => formatter.write_str("GET"),
            Self::Ask { bucket, .. } => write!(formatter, "GET {}", generation(*bucket)),
        }
    }
}

impl Display for Reply {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Self::Got(found) => write!(formatter, "entry {}", Maybe(*found)),
            Self::Asked { bucket, generation: found, .. } => {
                write!(formatter, "{} {}", generation(*bucket), Maybe(*found))
            }
            Self::Moved(_) => formatter.write_str("MOVED"),
            Self::Away(_) => formatter.write_str("ASK"),
            Self::Changed(bucket) => write!(formatter, "PUSH {}", generation(*bucket)),
        }
    }
}

impl Display for Action {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let text = match self {
            Self::Write(writer) => format!("write {writer}, which invalidates the group"),
            Self::Remove(writer, bucket) => {
                format!("removal {writer} of {} arrives", generation(*bucket))
            }
            Self::Return(writer) => format!("invalidation {writer} returns"),
            Self::Fill(version) => format!("v{version} is stored"),
            Self::MakeOther => "another entry of the group is loaded".to_owned(),
            Self::Begin => "a call begins".to_owned(),
            Self::AskOther => format!("{} is asked for", generation(OTHER)),
            Self::Refresh => "the process learns where the bucket is".to_owned(),
            Self::Execute(node) => format!("node {node} executes what came first"),
            Self::Deliver(node, 0) => format!("the process hears node {node}"),
            Self::Deliver(node, place) => format!("the process hears node {node}, {place} later"),
            Self::StartMove => "the bucket begins to move".to_owned(),
            Self::CarryEntry => "the entry is carried over".to_owned(),
            Self::CarryGeneration => "the generation is carried over".to_owned(),
            Self::FinishMove => "the bucket has moved".to_owned(),
        };
        formatter.pad(&text)
    }
}

impl State {
    fn write_nodes(&self, formatter: &mut Formatter<'_>) -> Result {
        let moving = if self.moving { " (moving)" } else { "" };
        write!(formatter, "bucket on {}{moving}", self.owner)?;
        if let Some(entry) = self.entry {
            write!(formatter, ", {} on {}", entry.value, entry.node)?;
        }
        for (bucket, placed) in self.generations.iter().enumerate() {
            if let Some(placed) = placed {
                let name = if bucket == OTHER { "o" } else { "g" };
                write!(formatter, ", {name}{} on {}", placed.value, placed.node)?;
            }
        }
        for node in 0..2 {
            for request in &self.requests[node] {
                write!(formatter, " {node}<- {request}")?;
            }
            for reply in &self.replies[node] {
                write!(formatter, " {node}-> {reply}")?;
            }
        }
        Ok(())
    }
}

impl Display for State {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        self.write_nodes(formatter)?;
        write!(formatter, " | reads at {}", self.map)?;
        for (node, held) in self.held.iter().enumerate() {
            for (bucket, held) in held.iter().enumerate() {
                if let Some(held) = held {
                    let name = if bucket == OTHER { "o" } else { "g" };
                    write!(formatter, ", {node} said {name}{held}")?;
                }
            }
        }
        if let Some(call) = self.call {
            write!(formatter, " | call from v{}, {}", call.demands, Maybe(call.found))?;
        }
        for (writer, write) in self.writes.iter().enumerate().filter(|(_, write)| write.version > 0)
        {
            let left = write.removals.iter().filter(|removal| **removal != Removal::Done).count();
            let returned = if write.has_returned { ", returned" } else { "" };
            write!(formatter, " | w{writer}: v{}, {left} left{returned}", write.version)?;
        }
        if self.stale { formatter.write_str(" | STALE") } else { Ok(()) }
    }
}
