//! Those who wait for a word, in the order in which they came. One who goes leaves nothing behind.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

/// Waiting callers. `W` is what each of them hears in the end.
#[derive(Debug)]
pub(crate) struct Waiters<W> {
    next: u64,
    waiting: BTreeMap<u64, oneshot::Sender<W>>,
}

impl<W> Default for Waiters<W> {
    fn default() -> Self {
        Self { next: 0, waiting: BTreeMap::new() }
    }
}

impl<W> Waiters<W> {
    /// One more; its number, by which it is removed, and where the word arrives.
    pub(crate) fn add(&mut self) -> (u64, oneshot::Receiver<W>) {
        let (sender, receiver) = oneshot::channel();
        let number = self.next;
        self.next += 1;
        self.waiting.insert(number, sender);
        (number, receiver)
    }

    /// One more, with a number that nobody else has.
    pub(crate) fn add_as(&mut self, number: u64) -> oneshot::Receiver<W> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.insert(number, sender);
        receiver
    }

    /// One that waits no more; `false` if it has been called already.
    pub(crate) fn remove(&mut self, number: u64) -> bool {
        self.waiting.remove(&number).is_some()
    }

    pub(crate) fn pop_first(&mut self) -> Option<oneshot::Sender<W>> {
        self.waiting.pop_first().map(|(_, sender)| sender)
    }

    pub(crate) fn pop_last(&mut self) -> Option<oneshot::Sender<W>> {
        self.waiting.pop_last().map(|(_, sender)| sender)
    }

    /// The number of whoever comes next.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Takes all who came before the one with this number.
    pub(crate) fn take_before(&mut self, number: u64) -> Vec<oneshot::Sender<W>> {
        let later = self.waiting.split_off(&number);
        std::mem::replace(&mut self.waiting, later).into_values().collect()
    }

    pub(crate) fn take_all(&mut self) -> Vec<oneshot::Sender<W>> {
        std::mem::take(&mut self.waiting).into_values().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}
