//! Which variants have been seen, and when a type that contains itself is to come to an end.

use std::collections::HashMap;

/// A type by its name, and its fields or variants.
type Id = (&'static str, &'static [&'static str]);

/// A type that is inside of itself so often is not looked into once more.
const DEEPEST: usize = 2;

/// More looks at one type than it can have variants.
const MOST_LOOKS: u32 = 1 << 12;

#[derive(Debug, Default)]
pub(super) struct Progress {
    /// For each enum, the first variant that has not been seen in full.
    next: HashMap<Id, (u32, u32)>,
    /// What the type that is looked at is inside of.
    inside: Vec<Inside>,
    /// How many of these are inside of themselves.
    closing: usize,
    /// How many enums were met that have not been seen in full.
    incomplete: usize,
    looks: u32,
}

#[derive(Debug)]
struct Inside {
    id: Id,
    closes: bool,
    /// How many enums were not seen in full when it began.
    incomplete: usize,
}

impl Progress {
    /// Another look at the whole type.
    pub(super) fn begin(&mut self) {
        self.incomplete = 0;
        self.looks += 1;
    }

    /// Whether all has been seen. A type that does not come to an end is turned down by its steps.
    pub(super) fn is_complete(&self) -> bool {
        self.incomplete == 0
    }

    /// Whether what is optional is to be left out, so that a type that contains itself ends.
    pub(super) fn is_closing(&self) -> bool {
        self.closing > 0
    }

    pub(super) fn enter(&mut self, name: &'static str, parts: &'static [&'static str]) {
        let id = (name, parts);
        let closes = self.depth_of(id) >= DEEPEST;
        self.closing += usize::from(closes);
        self.inside.push(Inside { id, closes, incomplete: self.incomplete });
    }

    pub(super) fn leave(&mut self) -> Option<(Id, usize)> {
        let Inside { id, closes, incomplete } = self.inside.pop()?;
        self.closing -= usize::from(closes);
        Some((id, incomplete))
    }

    /// The variant to be looked at; `None` if there is none.
    pub(super) fn enter_enum(
        &mut self,
        name: &'static str,
        variants: &'static [&'static str],
    ) -> Option<u32> {
        let count = u32::try_from(variants.len()).ok().filter(|count| *count > 0)?;
        if self.looks > MOST_LOOKS {
            return None;
        }
        let id = (name, variants);
        let depth = self.depth_of(id);
        self.enter(name, variants);
        let (next, _) = *self.next.entry(id).or_insert((0, count));
        // Inside of itself: another one each time, so that one comes that ends.
        let past = u32::try_from(depth.saturating_sub(DEEPEST - 1)).unwrap_or(0);
        let first = if next < count { next } else { 0 };
        Some((first + past) % count)
    }

    pub(super) fn leave_enum(&mut self, variant: u32) {
        let Some((id, before)) = self.leave() else { return };
        // What is inside of itself is seen where it is not.
        if self.is_closing() || self.depth_of(id) > 0 {
            return;
        }
        let Some((next, count)) = self.next.get_mut(&id) else { return };
        if self.incomplete == before && *next == variant {
            *next += 1;
        }
        if *next < *count {
            self.incomplete += 1;
        }
    }

    fn depth_of(&self, id: Id) -> usize {
        self.inside.iter().filter(|inside| inside.id == id).count()
    }
}
