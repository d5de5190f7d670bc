//! The writer: what it does about the cache before and after it writes.

use super::*;

impl State {
    pub(crate) fn start(&mut self, protocol: &Protocol, writer: Writer) {
        match protocol.write(writer) {
            Write::Guarded => {
                self.writer_mut(writer).step = Step::Holding(false);
                self.send(Command::Hold(writer));
            }
            Write::Update if protocol.rules.update_begins => self.begin_update(protocol, writer),
            Write::Plain | Write::Group | Write::Tag | Write::Update => {
                self.write(protocol, writer);
            }
        }
    }

    /// Write-through: the lease, before the body.
    fn begin_update(&mut self, protocol: &Protocol, writer: Writer) {
        let nonce = Nonce { caller: protocol.callers() + writer, round: 0 };
        let stamps = self.ensure(protocol, nonce).unwrap_or_default();
        *self.writer_mut(writer) =
            Writing { step: Step::Beginning(None), stamps, ..*self.writer(writer) };
        self.send(Command::Acquire { nonce, intent: Intent::Refresh, stamps, executed: 0 });
    }

    /// The body, and what follows it.
    pub(crate) fn write(&mut self, protocol: &Protocol, writer: Writer) {
        self.source += 1;
        self.writer_mut(writer).version = self.source;
        match (protocol.write(writer), self.writer(writer).step) {
            (Write::Plain, _) => self.end_with(writer, Command::Unlink(writer)),
            (Write::Group, _) => {
                self.end_with(writer, Command::UnlinkGroup(writer, Group::Argument));
            }
            (Write::Tag, _) => {
                let first =
                    if protocol.rules.deletes_class_first { Group::Class } else { Group::Tag };
                self.end_with(writer, Command::UnlinkGroup(writer, first));
            }
            (Write::Guarded, _) => self.end_with(writer, Command::Lift(writer)),
            (Write::Update, Step::Working(Some(id))) => self.send_update(writer, id),
            (Write::Update, Step::Working(None)) => self.give_up_update(protocol, writer),
            // Not before the body: the broken variant.
            (Write::Update, _) => self.begin_update(protocol, writer),
        }
    }

    fn send_update(&mut self, writer: Writer, id: Id) {
        let Writing { version, stamps, .. } = *self.writer(writer);
        *self.writer_mut(writer) =
            Writing { step: Step::Storing(None), version, stamps: [None; 3] };
        let caller = id.nonce.caller;
        self.send(Command::Fill { caller, id, version, stamps });
    }

    fn give_up_update(&mut self, protocol: &Protocol, writer: Writer) {
        if protocol.rules.update_invalidates {
            self.end_with(writer, Command::Unlink(writer));
        } else {
            self.completed(writer);
        }
    }

    pub(crate) fn hear(&mut self, protocol: &Protocol, writer: Writer) {
        let written = self.writer(writer).version > 0;
        match self.writer(writer).step {
            Step::Beginning(Some(Acquired::Grant { id, .. })) if written => {
                self.send_update(writer, id)
            }
            Step::Beginning(Some(Acquired::Grant { id, .. })) => {
                self.writer_mut(writer).step = Step::Working(Some(id));
            }
            Step::Beginning(Some(_)) if written => self.give_up_update(protocol, writer),
            Step::Beginning(Some(_)) => self.writer_mut(writer).step = Step::Working(None),
            Step::Storing(Some(Filled::Stored)) => self.completed(writer),
            Step::Storing(Some(Filled::Lost)) => self.give_up_update(protocol, writer),
            _ => {}
        }
    }

    /// No answer from the store. It may have executed the command, and may still do so.
    pub(crate) fn give_up_on_answer(&mut self, protocol: &Protocol, writer: Writer) {
        self.faults -= 1;
        match self.writer(writer).step {
            Step::Beginning(_) if self.writer(writer).version == 0 => {
                self.writer_mut(writer).step = Step::Working(None);
            }
            _ => self.give_up_update(protocol, writer),
        }
    }

    fn end_with(&mut self, writer: Writer, command: Command) {
        self.writer_mut(writer).step = Step::Ending;
        self.send(command);
    }

    /// The last command has been executed: from here on nobody may read what was before.
    pub(crate) fn completed(&mut self, writer: Writer) {
        self.invalidated = self.invalidated.max(self.writer(writer).version);
        // A dead writer has a guard that has not ended, which is another matter.
        if self.writer(writer).step != Step::Crashed {
            *self.writer_mut(writer) = Writing { step: Step::Done, version: 0, stamps: [None; 3] };
        }
    }

    /// A tag takes two commands.
    pub(crate) fn group_unlinked(&mut self, protocol: &Protocol, writer: Writer, group: Group) {
        let class_first = protocol.rules.deletes_class_first;
        match group {
            Group::Class if class_first => self.send(Command::UnlinkGroup(writer, Group::Tag)),
            Group::Tag if !class_first => self.send(Command::UnlinkGroup(writer, Group::Class)),
            _ => self.completed(writer),
        }
    }

    pub(crate) fn crash(&mut self, writer: Writer) {
        self.faults -= 1;
        self.writer_mut(writer).step = Step::Crashed;
    }

    /// The time that a dead writer's guard was planted for is over. By then its write is in effect,
    /// or never will be.
    pub(crate) fn guard_ends(&mut self, protocol: &Protocol, writer: Writer) {
        self.leave_guard(protocol, writer);
        self.writer_mut(writer).step = Step::Ending;
        self.completed(writer);
    }

    pub(crate) fn hear_held(&mut self, writer: Writer) {
        if self.writer(writer).step == Step::Holding(false) {
            self.writer_mut(writer).step = Step::Holding(true);
        }
    }

    /// The answer to ACQUIRE, for whoever asked.
    pub(crate) fn hear_acquired(&mut self, protocol: &Protocol, nonce: Nonce, answer: Acquired) {
        match protocol.writer(nonce.caller) {
            Some(writer) => {
                let step = &mut self.writer_mut(writer).step;
                if *step == Step::Beginning(None) {
                    *step = Step::Beginning(Some(answer));
                }
            }
            None => {
                let phase = &mut self.call_mut(nonce.caller).phase;
                if *phase == Phase::Asking(nonce, None) {
                    *phase = Phase::Asking(nonce, Some(answer));
                }
            }
        }
    }

    /// The answer to FILL and KEEP, for whoever stored.
    pub(crate) fn hear_filled(&mut self, protocol: &Protocol, caller: Caller, answer: Filled) {
        match protocol.writer(caller) {
            Some(writer) => {
                let step = &mut self.writer_mut(writer).step;
                if *step == Step::Storing(None) {
                    *step = Step::Storing(Some(answer));
                }
            }
            None => {
                if let Phase::Filling(_, _, heard @ None) = &mut self.call_mut(caller).phase {
                    *heard = Some(answer);
                }
            }
        }
    }

    pub(crate) fn writer(&self, writer: Writer) -> &Writing {
        &self.writers[usize::from(writer)]
    }

    pub(crate) fn writer_mut(&mut self, writer: Writer) -> &mut Writing {
        &mut self.writers[usize::from(writer)]
    }
}
