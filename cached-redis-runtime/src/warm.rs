//! Filling a cache ahead of its callers: many ids, through a batch function, some at a time.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use crate::cache::Cache;
use crate::error::Error;

/// Ids that one call of the function gets, unless you say otherwise.
const BATCH: usize = 500;
/// Calls that run at a time, unless you say otherwise.
const CONCURRENCY: usize = 2;

/// How far warming has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WarmProgress {
    /// Ids that are done, in whatever order.
    pub completed: usize,
    /// Ids from the beginning that are all done: where to go on after an interruption.
    pub resume_at: usize,
}

/// Many entries that are to be in the cache; [`Cache::warm`] makes it.
#[must_use = "nothing is loaded before `run`"]
pub struct Warm<I, L> {
    cache: Cache,
    ids: I,
    load: L,
    batch: usize,
    concurrency: usize,
    resume_at: usize,
    on_progress: Option<Box<dyn FnMut(WarmProgress) + Send>>,
}

impl<I, L> fmt::Debug for Warm<I, L> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Warm")
            .field("batch", &self.batch)
            .field("concurrency", &self.concurrency)
            .field("resume_at", &self.resume_at)
            .finish_non_exhaustive()
    }
}

/// Warming has stopped before its end.
#[derive(Debug)]
#[non_exhaustive]
pub struct WarmError<E> {
    /// Ids from the beginning that are all done: where to go on.
    pub resume_at: usize,
    /// Why.
    pub reason: WarmFailure<E>,
}

/// Why warming has stopped.
#[derive(Debug)]
#[non_exhaustive]
pub enum WarmFailure<E> {
    /// The cache does not answer, so that nothing would be stored.
    Unavailable(Error),
    /// The function has failed.
    Load(E),
}

impl<E: fmt::Display> fmt::Display for WarmError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resume_at, reason } = self;
        match reason {
            WarmFailure::Unavailable(error) => {
                write!(formatter, "warming stopped at {resume_at}: {error}")
            }
            WarmFailure::Load(error) => {
                write!(formatter, "warming stopped at {resume_at}: {error}")
            }
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for WarmError<E> {}

impl Cache {
    /// Loads what is missing of many entries: `load` calls a batch function with some of the ids at a time.
    ///
    /// It is as safe as the calls themselves: what is stored already is not loaded, and an update or invalidation that
    /// comes meanwhile wins. Memory does not grow with the number of ids, which may come from a cursor.
    ///
    /// ```
    /// # use std::collections::HashMap;
    /// # use cached_redis_runtime::{Cache, Error};
    /// # async fn products(ids: &[u64]) -> Result<HashMap<u64, String>, Error> { Ok(HashMap::new()) }
    /// # async fn example(cache: Cache) -> Result<(), Box<dyn std::error::Error>> {
    /// let warmed = cache
    ///     .warm(1..=10_000_u64, |ids| async move { products(&ids).await })
    ///     .batch(500)
    ///     .concurrency(4)
    ///     .on_progress(|progress| println!("{} done", progress.completed))
    ///     .run()
    ///     .await?;
    /// println!("{warmed} entries are there");
    /// # Ok(())
    /// # }
    /// ```
    pub fn warm<I, L, F>(&self, ids: I, load: L) -> Warm<I::IntoIter, L>
    where
        I: IntoIterator,
        L: Fn(Vec<I::Item>) -> F,
        F: Future,
    {
        Warm {
            cache: self.clone(),
            ids: ids.into_iter(),
            load,
            batch: BATCH,
            concurrency: CONCURRENCY,
            resume_at: 0,
            on_progress: None,
        }
    }
}

impl<I: Iterator, L> Warm<I, L> {
    /// How many ids one call gets; 500 by default.
    pub fn batch(self, ids: usize) -> Self {
        Self { batch: ids.max(1), ..self }
    }

    /// How many calls run at a time; 2 by default.
    pub fn concurrency(self, calls: usize) -> Self {
        Self { concurrency: calls.max(1), ..self }
    }

    /// Leaves out so many ids from the beginning: what an earlier run has said in `resume_at`.
    pub fn resume_at(self, ids: usize) -> Self {
        Self { resume_at: ids, ..self }
    }

    /// Called after each batch.
    pub fn on_progress(self, call: impl FnMut(WarmProgress) + Send + 'static) -> Self {
        Self { on_progress: Some(Box::new(call)), ..self }
    }

    /// Runs to the end of the ids, and says how many are there, those left out included. Dropped earlier, it leaves
    /// nothing half done.
    ///
    /// # Errors
    ///
    /// If the cache does not answer, or if a call fails. Calls that run at that moment are waited for; the error says
    /// where to go on.
    pub async fn run<F, T, E>(self) -> Result<usize, WarmError<E>>
    where
        L: Fn(Vec<I::Item>) -> F,
        F: Future<Output = Result<T, E>>,
    {
        let Self { cache, ids, load, batch, concurrency, resume_at, mut on_progress } = self;
        let (cache, load) = (&cache, &load);
        let mut ids = ids.skip(resume_at).fuse();
        let mut place = resume_at;
        let mut done = Done { completed: resume_at, resume_at, later: BTreeMap::new() };
        let mut running = Vec::with_capacity(concurrency);
        let mut failure = None;
        loop {
            while failure.is_none() && running.len() < concurrency {
                let some: Vec<I::Item> = ids.by_ref().take(batch).collect();
                if some.is_empty() {
                    break;
                }
                let count = some.len();
                let call = Box::pin(async move {
                    cache.health().await.ping.map_err(WarmFailure::Unavailable)?;
                    let loaded = cache.scope(load(some)).await;
                    loaded.map(drop).map_err(WarmFailure::Load)
                });
                running.push((place, count, call));
                place += count;
            }
            if running.is_empty() {
                break;
            }
            let (index, ended) = first_of(&mut running).await;
            let (from, count, _) = running.swap_remove(index);
            match ended {
                Ok(()) => {
                    let progress = done.add(from, count);
                    if let Some(call) = &mut on_progress {
                        call(progress);
                    }
                }
                Err(reason) => failure = failure.or(Some(reason)),
            }
        }
        match failure {
            Some(reason) => Err(WarmError { resume_at: done.resume_at, reason }),
            None => Ok(done.resume_at),
        }
    }
}

/// The first that has ended.
async fn first_of<F: Future + ?Sized>(
    running: &mut [(usize, usize, Pin<Box<F>>)],
) -> (usize, F::Output) {
    poll_fn(|context| {
        for (index, (_, _, call)) in running.iter_mut().enumerate() {
            if let Poll::Ready(ended) = call.as_mut().poll(context) {
                return Poll::Ready((index, ended));
            }
        }
        Poll::Pending
    })
    .await
}

/// Which ids are done.
struct Done {
    completed: usize,
    resume_at: usize,
    /// Done, although something before them is not.
    later: BTreeMap<usize, usize>,
}

impl Done {
    fn add(&mut self, from: usize, count: usize) -> WarmProgress {
        self.completed += count;
        self.later.insert(from, count);
        while let Some(count) = self.later.remove(&self.resume_at) {
            self.resume_at += count;
        }
        WarmProgress { completed: self.completed, resume_at: self.resume_at }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::{WarmFailure, WarmProgress};
    use crate::cache::Cache;
    use crate::store::memory::Fault;

    type Calls = Arc<Mutex<Vec<Vec<u64>>>>;

    fn take_down(calls: &Calls, ids: Vec<u64>) {
        calls.lock().expect("no panic").push(ids);
    }

    #[tokio::test(start_paused = true)]
    async fn all_ids_come_in_batches_some_at_a_time() {
        let (calls, progress) = (Calls::default(), Arc::new(Mutex::new(Vec::new())));
        let (at_a_time, most) = (Arc::new(Mutex::new((0, 0))), Arc::clone(&progress));
        let load = |ids: Vec<u64>| {
            let (calls, at_a_time) = (Arc::clone(&calls), Arc::clone(&at_a_time));
            async move {
                let count = |change: i32| {
                    let mut at_a_time = at_a_time.lock().expect("no panic");
                    at_a_time.0 += change;
                    at_a_time.1 = at_a_time.1.max(at_a_time.0);
                };
                count(1);
                // The first takes longest.
                tokio::time::sleep(std::time::Duration::from_millis(100 / (1 + ids[0]))).await;
                count(-1);
                take_down(&calls, ids);
                Ok::<_, String>(())
            }
        };
        let warming = Cache::memory().warm(0..7, load).batch(2).concurrency(3);
        let warming = warming.on_progress(move |at| most.lock().expect("no panic").push(at));
        assert_eq!(warming.run().await.expect("no error"), 7);
        let mut calls = calls.lock().expect("no panic").clone();
        calls.sort();
        assert_eq!(calls, [vec![0, 1], vec![2, 3], vec![4, 5], vec![6]]);
        assert_eq!(at_a_time.lock().expect("no panic").1, 3);
        let progress = progress.lock().expect("no panic").clone();
        assert_eq!(progress[0], WarmProgress { completed: 2, resume_at: 0 });
        assert_eq!(progress[3], WarmProgress { completed: 7, resume_at: 7 });
    }

    #[tokio::test(start_paused = true)]
    async fn it_stops_where_a_call_fails_and_goes_on_from_there() {
        let calls = Calls::default();
        let load = |ids: Vec<u64>| {
            let calls = Arc::clone(&calls);
            async move {
                let fails = ids.contains(&5) && calls.lock().expect("no panic").len() < 3;
                take_down(&calls, ids);
                if fails { Err("away") } else { Ok(()) }
            }
        };
        let cache = Cache::memory();
        let error = cache.warm(0..8, load).batch(2).concurrency(1).run().await.expect_err("away");
        assert_eq!(error.resume_at, 4);
        assert!(matches!(error.reason, WarmFailure::Load("away")));
        let resumed = cache.warm(0..8, load).batch(2).resume_at(error.resume_at).run();
        assert_eq!(resumed.await.expect("no error"), 8);
        assert_eq!(calls.lock().expect("no panic")[3..], [vec![4, 5], vec![6, 7]]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_cache_it_does_not_load_for_nobody() {
        let cache = Cache::memory();
        cache.memory_store().expect("in process").set_fault(Some(Fault::Down));
        let load = |_: Vec<u64>| async { panic!("nothing would be stored") };
        let error = cache.warm(0..8, load).run::<_, (), String>().await.expect_err("no cache");
        assert!(matches!(error.reason, WarmFailure::Unavailable(_)));
    }
}
