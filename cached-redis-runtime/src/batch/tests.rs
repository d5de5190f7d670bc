//! What a batch does, over the in-process store, with time that stands still unless it is moved.

mod loads;
mod policies;
mod shapes;
mod together;
mod turns;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;

use super::{Batch, ByReturn, Shape, batch, by_return, member_outcome};
use crate::cache::Cache;
use crate::call::Call;
use crate::entry::Entry;
use crate::function::Function;
use crate::policy::Policy;
use crate::scope::Handle;
use crate::stats::FunctionStats;
use crate::store::memory::MemoryStore;

static FUNCTION: Function = Function::new("test", "loads", "loads", "each(ids)");

const LOAD: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);

type Answer = Result<HashMap<u64, u64>, &'static str>;

/// A batch function whose body answers with ten times the id, for ids below 1,000.
#[derive(Clone)]
struct Subject {
    cache: Cache,
    policy: Policy,
    /// The ids that each run of the body got.
    loads: Arc<Mutex<Vec<Vec<u64>>>>,
    delay: Duration,
    factor: Arc<Mutex<u64>>,
}

impl Subject {
    fn new() -> Self {
        Self::with_policy(Policy::new(Duration::from_secs(600)))
    }

    fn with_policy(policy: Policy) -> Self {
        let policy = Policy { jitter: 0.0, early: policy.early.or(Some(0.0)), ..policy };
        let factor = Arc::new(Mutex::new(10));
        Self {
            cache: Cache::memory(),
            policy,
            loads: Arc::default(),
            delay: Duration::ZERO,
            factor,
        }
    }

    /// The same function in another process.
    fn elsewhere(&self) -> Self {
        let core = self.cache.core();
        let cache = Cache::new(Arc::clone(core.sessions.store()), None, core.settings.clone());
        Self { cache, ..self.clone() }
    }

    fn slow(self) -> Self {
        Self { delay: LOAD, ..self }
    }

    fn store(&self) -> &MemoryStore {
        self.cache.memory_store().expect("in process")
    }

    fn operations(&self) -> u64 {
        self.store().operations.load(Ordering::Relaxed)
    }

    fn call(&self, id: u64) -> Call {
        let mut key = FUNCTION.key("here", &[]);
        key.part(&id);
        Call::new(&FUNCTION, key.finish(), self.policy, Handle::Owned(self.cache.clone()))
    }

    fn entry<S: Shape<u64, Value = u64>>(&self, shape: &S, id: u64) -> Entry<Option<u64>> {
        self.call(id).entry(member_outcome(shape, &id))
    }

    fn batch(&self, ids: &[u64]) -> Batch<u64, Option<u64>, ByReturn<Answer>> {
        batch(ids.to_vec(), by_return(), |shape, id| self.entry(shape, *id))
    }

    /// Takes down what the body gets, and takes its time.
    fn body(&self) -> impl Fn(Vec<u64>) -> Loads + Clone + Send + Sync + 'static + use<> {
        let (loads, delay, factor) =
            (Arc::clone(&self.loads), self.delay, Arc::clone(&self.factor));
        move |ids: Vec<u64>| {
            loads.lock().expect("no panic").push(ids.clone());
            let factor = Arc::clone(&factor);
            Box::pin(async move {
                sleep(delay).await;
                let factor = *factor.lock().expect("no panic");
                ids.into_iter().filter(|id| *id < 1_000).map(|id| (id, factor * id)).collect()
            })
        }
    }

    async fn get(&self, ids: &[u64]) -> HashMap<u64, u64> {
        let body = self.body();
        self.batch(ids)
            .run(|ids| {
                let load = body(ids);
                async { Ok(load.await) }
            })
            .await
            .unwrap_or_else(|error: &'static str| panic!("{error}"))
    }

    /// As [`get`](Self::get), with a body that can outlive the call.
    async fn get_detachable(&self, ids: &[u64]) -> HashMap<u64, u64> {
        let body = self.body();
        let load = move |ids| {
            let load = body(ids);
            async { Ok::<_, &'static str>(load.await) }
        };
        self.batch(ids).run_detachable(|| load).await.expect("it answers")
    }

    async fn fail(&self, ids: &[u64]) -> Answer {
        self.batch(ids).run(|_| async { Err("away") }).await
    }

    async fn invalidate(&self, id: u64) {
        self.entry(&by_return::<Answer>(), id).invalidate().await.expect("it is there");
    }

    fn take_loads(&self) -> Vec<Vec<u64>> {
        std::mem::take(&mut *self.loads.lock().expect("no panic"))
    }

    fn set_factor(&self, factor: u64) {
        *self.factor.lock().expect("no panic") = factor;
    }

    fn stats(&self) -> FunctionStats {
        self.cache.stats().functions.into_iter().next().unwrap_or_default()
    }
}

type Loads = std::pin::Pin<Box<dyn Future<Output = HashMap<u64, u64>> + Send>>;

/// What the body answers for these ids.
fn tenfold(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, 10 * id)).collect()
}
