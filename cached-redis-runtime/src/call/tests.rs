//! What a call does, over the in-process store, with time that stands still unless it is moved.

mod absences;
mod background;
mod crowds;
mod damage;
mod depth;
mod expire;
mod fallback;
mod faults;
mod fencing;
mod groups;
mod guards;
mod hits;
mod jitter;
mod keep;
mod leases;
mod life;
mod load;
mod load_queue;
mod losses;
mod panics;
mod policies;
mod single_flight;
mod slow;
mod stale;
mod updates;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use crate::cache::Cache;
use crate::call::Call;
use crate::entry::Entry;
use crate::function::Function;
use crate::outcome::{Outcome, ReturnType, ReturnTypeOneLayer as _, tags};
use crate::policy::Policy;
use crate::scope::Handle;
use crate::stats::FunctionStats;
use crate::store::memory::{Fault, MemoryStore};
use crate::writes::{Invalidate, InvalidateAll};

static FUNCTION: Function = Function::new("test", "load", "load", "id");

/// A runtime whose time stands still unless it is moved, for tests that need more than one, or one for each case.
pub(super) fn paused_runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}

const LOAD: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

type Answer = Result<u64, &'static str>;

/// A cached function of one argument, whose body the test gives.
#[derive(Clone)]
struct Subject {
    cache: Cache,
    policy: Policy,
    loads: Arc<AtomicU64>,
    /// Tags from the arguments.
    tags: Vec<String>,
    /// Tags from the value: `brand:` and its hundreds.
    brands: bool,
}

impl Subject {
    fn new() -> Self {
        Self::with_policy(Policy::new(Duration::from_secs(600)))
    }

    /// Without jitter, and without early reloads unless the policy asks for them.
    fn with_policy(policy: Policy) -> Self {
        let policy = Policy { jitter: 0.0, early: policy.early.or(Some(0.0)), ..policy };
        let cache = Cache::memory();
        Self { cache, policy, loads: Arc::default(), tags: Vec::new(), brands: false }
    }

    /// The same function in another process.
    fn elsewhere(&self) -> Self {
        let core = self.cache.core();
        let cache = Cache::new(Arc::clone(core.sessions.store()), None, core.settings.clone());
        Self { cache, ..self.clone() }
    }

    fn handle(&self) -> Handle {
        Handle::Owned(self.cache.clone())
    }

    fn call(&self, id: u64) -> Call {
        let mut key = FUNCTION.key("here", &[]);
        key.part(&id);
        let call = Call::new(&FUNCTION, key.finish(), self.policy, self.handle());
        call.tagged(self.tags.clone())
    }

    fn outcome(
        &self,
    ) -> impl Outcome<Return = Answer, Value = u64> + Clone + Send + Sync + 'static {
        let classes: &'static [&'static str] = if self.brands { &["brand:"] } else { &[] };
        tags((&&ReturnType::<Answer>::new()).outcome(), classes, move |value| {
            classes.iter().map(|class| format!("{class}{}", value / 100).into()).collect()
        })
    }

    fn entry(&self, id: u64) -> Entry<Answer> {
        self.call(id).entry(self.outcome())
    }

    /// Answers with what `body` gives.
    async fn with(&self, id: u64, body: impl Future<Output = Answer>) -> Answer {
        let loads = Arc::clone(&self.loads);
        let counted = async move {
            loads.fetch_add(1, Ordering::SeqCst);
            body.await
        };
        self.call(id).run(self.outcome(), || counted).await
    }

    /// Answers with `answer` after `delay`.
    async fn after(&self, id: u64, delay: Duration, answer: Answer) -> Answer {
        self.with(id, async move {
            sleep(delay).await;
            answer
        })
        .await
    }

    /// As [`after`](Self::after), with a body that may outlive the call.
    async fn behind(&self, id: u64, delay: Duration, answer: Answer) -> Answer {
        let loads = Arc::clone(&self.loads);
        let load = move || async move {
            loads.fetch_add(1, Ordering::SeqCst);
            sleep(delay).await;
            answer
        };
        self.call(id).run_detachable(self.outcome(), load).await
    }

    fn invalidate(&self, id: u64) -> Invalidate {
        Invalidate::new(&FUNCTION, self.call(id).key, self.handle())
    }

    fn invalidate_all(&self) -> InvalidateAll {
        InvalidateAll::new(&FUNCTION, self.handle())
    }

    /// Asks in a task of its own, whose load has begun on return.
    async fn begin(&self, id: u64, delay: Duration, answer: Answer) -> JoinHandle<Answer> {
        let subject = self.clone();
        self.begun(async move { subject.behind(id, delay, answer).await }).await
    }

    /// A call in a task of its own, whose load has begun on return.
    async fn begun(
        &self,
        call: impl Future<Output = Answer> + Send + 'static,
    ) -> JoinHandle<Answer> {
        let before = self.loads();
        let task = tokio::spawn(call);
        while self.loads() == before {
            tokio::task::yield_now().await;
        }
        task
    }

    /// Many callers at one instant; what they are answered.
    async fn crowd(&self, callers: usize, delay: Duration, answer: Answer) -> Vec<Answer> {
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let subject = self.clone();
            tasks.spawn(async move { subject.behind(1, delay, answer).await });
        }
        tasks.join_all().await
    }

    fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }

    /// Operations of the store so far.
    fn operations(&self) -> u64 {
        self.store().operations.load(Ordering::Relaxed)
    }

    fn stats(&self) -> FunctionStats {
        self.cache.stats().functions.remove(0)
    }

    fn store(&self) -> &MemoryStore {
        self.cache.memory_store().expect("in-process")
    }

    fn fault(&self, fault: impl Into<Option<Fault>>) {
        self.store().set_fault(fault.into());
    }

    /// Lets the server's clock go on.
    fn advance(&self, by: Duration) {
        self.store().advance(by);
    }

    fn key(&self, id: u64) -> String {
        self.cache.core().key(&FUNCTION, &self.call(id).key).expect("a key")
    }

    /// Waits for the loads behind answers, and for what has been left to the background.
    async fn settle(&self) {
        loop {
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            let stats = self.cache.stats();
            if stats.running_reloads == 0 && stats.pending_invalidations == 0 {
                return;
            }
            sleep(MILLI).await;
        }
    }
}
