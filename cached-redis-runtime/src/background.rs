//! Loads in the background, which no caller waits for.

use std::collections::HashSet;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::budget::{by, timed};

/// The loads of one cache that no caller waits for.
#[derive(Debug)]
pub(crate) struct Background {
    bound: usize,
    tasks: Mutex<Tasks>,
    /// How many tasks there are, for a shutdown that waits until there are none.
    running: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Tasks {
    running: usize,
    /// Values that are being stored after their answer: bounded by their budget, not in number.
    storing: usize,
    /// Entries that are being reloaded: of the thousands who meet a stale value, one asks for the
    /// lease.
    reloading: HashSet<String>,
    closed: bool,
}

/// Waits for what is being stored as long as `patience` lasts; then it goes on in the background. Boxed by the caller, so
/// that it is moved once.
pub(crate) async fn finish_within<F>(patience: Duration, mut stored: Pin<Box<F>>)
where
    F: Future<Output = ()> + Send + ?Sized + 'static,
{
    let Some(in_time) = by(Instant::now() + patience, &mut stored) else {
        return stored.await;
    };
    if let (Some(Err(_)), Ok(runtime)) = (timed(pin!(in_time)).await, Handle::try_current()) {
        runtime.spawn(stored);
    }
}

/// A place among the running loads, given back when it is dropped: also when the runtime ends.
#[derive(Debug)]
pub(crate) struct Place {
    background: Arc<Background>,
    keys: Vec<String>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// The entry is being reloaded.
    Reloading,
    /// As many as may run are running.
    Full,
    /// The cache has been shut down, or there is no runtime to run on.
    Closed,
}

impl Background {
    pub(crate) fn new(bound: usize) -> Arc<Self> {
        Arc::new(Self { bound, tasks: Mutex::default(), running: watch::Sender::new(0) })
    }

    /// A place to reload an entry.
    pub(crate) fn reload(self: &Arc<Self>, key: &str) -> Result<Place, NoPlace> {
        let mut tasks = self.lock();
        if tasks.reloading.contains(key) {
            return Err(NoPlace::Reloading);
        }
        let mut place = self.take(&mut tasks)?;
        tasks.reloading.insert(key.to_owned());
        place.keys.push(key.to_owned());
        Ok(place)
    }

    /// A place to reload several entries with one load, and which of them: those that nobody reloads yet.
    pub(crate) fn reload_many<'a>(
        self: &Arc<Self>,
        keys: impl Iterator<Item = &'a str>,
    ) -> Result<(Place, Vec<usize>), NoPlace> {
        let mut tasks = self.lock();
        let is_free = |(_, key): &(usize, &str)| !tasks.reloading.contains(*key);
        let free: Vec<_> = keys.enumerate().filter(is_free).collect();
        if free.is_empty() {
            return Err(NoPlace::Reloading);
        }
        let mut place = self.take(&mut tasks)?;
        place.keys = free.iter().map(|(_, key)| (*key).to_owned()).collect();
        tasks.reloading.extend(place.keys.iter().cloned());
        Ok((place, free.into_iter().map(|(index, _)| index).collect()))
    }

    /// A place for a load that has begun already.
    pub(crate) fn go_on(self: &Arc<Self>) -> Result<Place, NoPlace> {
        self.take(&mut self.lock())
    }

    /// A value is being stored after its answer, until this is dropped: shutting down waits for it.
    pub(crate) fn storing(self: &Arc<Self>) -> Storing {
        let mut tasks = self.lock();
        tasks.storing += 1;
        self.running.send_replace(tasks.all());
        Storing(Arc::clone(self))
    }

    fn take(self: &Arc<Self>, tasks: &mut Tasks) -> Result<Place, NoPlace> {
        if tasks.closed || Handle::try_current().is_err() {
            return Err(NoPlace::Closed);
        }
        if tasks.running >= self.bound {
            return Err(NoPlace::Full);
        }
        tasks.running += 1;
        self.running.send_replace(tasks.all());
        Ok(Place { background: Arc::clone(self), keys: Vec::new() })
    }

    pub(crate) fn running(&self) -> usize {
        self.lock().running
    }

    /// Takes no more, and waits until those that run have ended.
    pub(crate) async fn shut_down(&self) {
        self.lock().closed = true;
        // The sender is part of `self`, so it does not go away meanwhile.
        let _ = self.running.subscribe().wait_for(|running| *running == 0).await;
    }

    fn lock(&self) -> MutexGuard<'_, Tasks> {
        // Nothing panics while it is held, and no step leaves it half done.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Runs a load there.
    pub(crate) fn run(self, load: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _place = self;
                load.await;
            });
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut tasks = self.background.lock();
        tasks.running -= 1;
        for key in &self.keys {
            tasks.reloading.remove(key);
        }
        self.background.running.send_replace(tasks.all());
    }
}

impl Tasks {
    fn all(&self) -> usize {
        self.running + self.storing
    }
}

/// See [`Background::storing`].
#[derive(Debug)]
pub(crate) struct Storing(Arc<Background>);

impl Drop for Storing {
    fn drop(&mut self) {
        let mut tasks = self.0.lock();
        tasks.storing -= 1;
        self.0.running.send_replace(tasks.all());
    }
}

#[cfg(test)]
mod tests {
    use super::{Background, NoPlace};

    #[tokio::test]
    async fn an_entry_is_reloaded_once_and_few_at_a_time() {
        let background = Background::new(2);
        let one = background.reload("a").expect("a place");
        assert_eq!(background.reload("a").expect_err("once"), NoPlace::Reloading);
        let _two = background.go_on().expect("a place");
        assert_eq!(background.reload("b").expect_err("two at most"), NoPlace::Full);
        drop(one);
        assert!(background.reload("a").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn shutting_down_waits_for_what_runs_and_takes_no_more() {
        let background = Background::new(2);
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        background.reload("a").expect("a place").run(async {
            let _ = ended.await;
        });
        let waiting = tokio::spawn({
            let background = std::sync::Arc::clone(&background);
            async move { background.shut_down().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        assert_eq!(background.reload("b").expect_err("closed"), NoPlace::Closed);
        end.send(()).expect("it runs");
        waiting.await.expect("no panic");
        assert_eq!(background.running(), 0);
    }

    #[tokio::test]
    async fn a_load_that_panics_gives_its_place_back() {
        let background = Background::new(1);
        background.reload("a").expect("a place").run(async { panic!("of the loader") });
        background.shut_down().await;
        assert_eq!(background.running(), 0);
    }
}
