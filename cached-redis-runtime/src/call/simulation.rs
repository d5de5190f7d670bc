//! Randomized schedules over the in-process store: two nodes, readers, writers, evictions, faults and
//! cancelled calls, in time that does not pass. A failing seed is printed;
//! `CACHED_REDIS_SEED=n` replays it, `CACHED_REDIS_SCHEDULES=n` runs more of them.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

use crate::cache::{Cache, Settings};
use crate::call::Call;
use crate::current::{Handle, refresh};
use crate::function::Function;
use crate::invalidation::InvalidateAll;
use crate::outcome::{Probe, ProbePlain as _};
use crate::policy::Policy;
use crate::private;
use crate::store::Store;
use crate::store::memory::{Fault, MemoryStore};

static FUNCTION: Function = Function::new("sim", "version", "version", "key");

const KEYS: usize = 3;
const READERS: usize = 6;
const WRITERS: usize = 2;
const STEPS: usize = 12;

/// The source of truth, what has been invalidated, and what was read.
#[derive(Default)]
struct World {
    versions: [Cell<u64>; KEYS],
    floors: [Cell<u64>; KEYS],
    stale: Cell<u64>,
    hits: Cell<u64>,
    loads: Cell<u64>,
}

struct Node {
    cache: Cache,
    world: Rc<World>,
}

fn millis(range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(fastrand::u64(range))
}

impl Node {
    fn call(&self, key: usize) -> Call {
        let mut builder = FUNCTION.key("here", &[]);
        builder.part(&key);
        let policy = Policy {
            lease: fastrand::bool().then(|| millis(2..60)),
            load_timeout: millis(20..200),
            ..Policy::new(Duration::from_secs(600))
        };
        let cache = Handle::Owned(self.cache.clone());
        Call::new(&FUNCTION, builder.finish(), policy, cache)
    }

    async fn read(&self, key: usize) {
        let world = Rc::clone(&self.world);
        let loads = world.loads.get();
        let load = async {
            world.loads.set(world.loads.get() + 1);
            // Reads first and takes its time afterwards: as old as it can be.
            let version = world.versions[key].get();
            sleep(millis(0..40)).await;
            version
        };
        let floor = self.world.floors[key].get();
        let call = self.call(key).run(Probe::<u64>::new().outcome(), load);
        let answer = match fastrand::u32(..8) {
            0 => timeout(millis(0..30), call).await.ok(),
            1 => Some(refresh(call).await),
            _ => Some(call.await),
        };
        let Some(version) = answer else { return };
        if version < floor {
            self.world.stale.set(self.world.stale.get() + 1);
        }
        if self.world.loads.get() == loads {
            self.world.hits.set(self.world.hits.get() + 1);
        }
    }

    async fn write(&self, key: usize) {
        let version = self.world.versions[key].get() + 1;
        self.world.versions[key].set(version);
        let invalidated = if fastrand::u32(..6) == 0 {
            InvalidateAll::new(&FUNCTION, Handle::Owned(self.cache.clone())).await
        } else {
            let Call { function, key, cache, .. } = self.call(key);
            private::invalidate(function, key, cache).await
        };
        if invalidated.is_ok() {
            let floor = &self.world.floors[key];
            floor.set(floor.get().max(version));
        }
    }
}

/// Runs one schedule and returns what was seen.
fn run(seed: u64, fenced: bool) -> Rc<World> {
    fastrand::seed(seed);
    let world = Rc::new(World::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let store = runtime.block_on(async { Arc::new(MemoryStore::new("cache")) });
    let node = || {
        let cache = Cache::new(Arc::clone(&store) as Arc<dyn Store>, None, Settings::default());
        #[cfg(feature = "unfenced-for-tests")]
        if !fenced {
            cache.unfence_for_tests();
        }
        Rc::new(Node { cache, world: Rc::clone(&world) })
    };
    let _ = fenced;
    let nodes = [node(), node()];
    let tasks = LocalSet::new();
    let mut running = Vec::new();
    for reader in 0..READERS {
        let node = Rc::clone(&nodes[reader % nodes.len()]);
        running.push(tasks.spawn_local(async move {
            for _ in 0..STEPS {
                sleep(millis(0..20)).await;
                node.read(fastrand::usize(..KEYS)).await;
            }
        }));
    }
    for writer in 0..WRITERS {
        let node = Rc::clone(&nodes[writer % nodes.len()]);
        running.push(tasks.spawn_local(async move {
            for _ in 0..STEPS {
                sleep(millis(0..40)).await;
                node.write(fastrand::usize(..KEYS)).await;
            }
        }));
    }
    let trouble = Rc::clone(&nodes[0]);
    running.push(tasks.spawn_local(async move {
        for _ in 0..STEPS {
            sleep(millis(0..40)).await;
            match fastrand::u32(..4) {
                0 => {
                    let call = trouble.call(fastrand::usize(..KEYS));
                    let key = trouble.cache.core().key(&FUNCTION, &call.key);
                    store.evict(&key.expect("a key"));
                }
                1 => {
                    let faults = [
                        Fault::Down,
                        Fault::Slow(millis(1..30)),
                        Fault::RefuseWrites,
                        Fault::LoseReplies,
                    ];
                    store.set_fault(fastrand::choice(faults));
                    sleep(millis(0..30)).await;
                    store.set_fault(None);
                }
                _ => {}
            }
        }
    }));
    tasks.block_on(&runtime, async {
        for task in running {
            task.await.expect("no panic");
        }
        // Leases that were lost with a reply end by themselves; flights must not be left behind.
        sleep(Duration::from_secs(1)).await;
    });
    for node in &nodes {
        assert_eq!(node.cache.loads_in_flight(), 0, "seed {seed}");
    }
    world
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn seeds() -> std::ops::Range<u64> {
    match from_environment("CACHED_REDIS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..from_environment("CACHED_REDIS_SCHEDULES").unwrap_or(1000),
    }
}

#[test]
fn no_schedule_serves_a_stale_value() {
    let mut hits = 0;
    for seed in seeds() {
        let world = run(seed, true);
        assert_eq!(world.stale.get(), 0, "replay with CACHED_REDIS_SEED={seed}");
        hits += world.hits.get();
    }
    assert!(hits > 0, "the cache was never used");
}

#[cfg(feature = "unfenced-for-tests")]
#[test]
fn without_the_fence_some_schedule_does() {
    let stale: u64 = (0..200).map(|seed| run(seed, false).stale.get()).sum();
    assert!(stale > 0, "the simulation is blind");
}
