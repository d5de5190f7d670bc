//! One process: what it reads and writes.

mod together;

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::plan::{KEYS, Write};
use super::value::Value;
use super::wire::Wire;
use super::world::{Floors, Target, Versions, World};
use super::{Broken, millis};
use crate::cache::{Cache, Settings};
use crate::call::Call;
#[cfg(feature = "local")]
use crate::call::local;
use crate::entry::Entry;
use crate::error::Error;
use crate::function::Function;
use crate::outcome::{Outcome, ReturnType, ReturnTypeOneLayer as _, tags, ttl_with};
use crate::revalidation::previous;
use crate::scope::{Handle, refresh};
use crate::store::memory::MemoryStore;
use crate::writes::{Invalidate, InvalidateAll, Invalidations, Updates, Writes};

static FUNCTION: Function = Function::new("sim", "version", "version", "key");

const READERS: usize = 2;
const READS: usize = 5;
const WRITES: usize = 4;
const SHELF: &str = "shelf:0";

/// No call takes longer, whatever happens: the longest load, the longest wait for another, and a few
/// budgets.
const PATIENCE: Duration = Duration::from_secs(2);

type Answer = Result<u64, ()>;

pub(super) struct Node {
    pub(super) cache: Cache,
    pub(super) wire: Arc<Wire>,
    world: Arc<World>,
    /// What this process has found outdated, also where it could not say so to the store: then it
    /// does not read what is there.
    floors: Mutex<Floors>,
}

impl Node {
    pub(super) fn new(world: &Arc<World>, store: &Arc<MemoryStore>, broken: Broken) -> Arc<Self> {
        let wire = Wire::new(store, world.plan.is_slow, broken.deaf);
        let cache = Cache::new(Arc::clone(&wire) as _, None, Settings::default());
        #[cfg(feature = "unfenced-for-tests")]
        let cache = broken.rule.map_or(cache.clone(), |rule| cache.without_for_tests(rule));
        #[cfg(not(feature = "unfenced-for-tests"))]
        let None = broken.rule;
        Arc::new(Self { cache, wire, world: Arc::clone(world), floors: Mutex::default() })
    }

    /// Everything that the process does.
    pub(super) fn run(self: &Arc<Self>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for _ in 0..READERS {
            let node = Arc::clone(self);
            tasks.spawn(async move {
                for _ in 0..READS {
                    sleep(millis(0..30)).await;
                    match node.world.plan.is_batch() {
                        true => node.read_together().await,
                        false => node.read(node.world.plan.key()).await,
                    }
                }
            });
        }
        let node = Arc::clone(self);
        tasks.spawn(async move {
            for _ in 0..WRITES {
                sleep(millis(0..30)).await;
                let write = node.write(node.world.plan.key());
                match fastrand::u32(..6) {
                    0 => drop(timeout(millis(0..40), write).await),
                    _ => write.await,
                }
            }
        });
        tasks
    }

    /// The keys of the entries and of the generations.
    pub(super) fn keys(&self) -> Vec<String> {
        let core = self.cache.core();
        let mut keys: Vec<_> =
            (0..KEYS).filter_map(|key| core.key(&FUNCTION, &self.call(key).key).ok()).collect();
        for target in [core.function(&FUNCTION), core.tag(SHELF), core.tag("brand:0")] {
            keys.extend(target.keys().cloned());
        }
        keys
    }

    fn handle(&self) -> Handle {
        Handle::Owned(self.cache.clone())
    }

    fn call(&self, key: usize) -> Call {
        let mut builder = FUNCTION.key("here", &[]);
        builder.part(&key);
        let options = &self.world.plan.options[key];
        let call = Call::new(&FUNCTION, builder.finish(), options.policy(), self.handle());
        if options.shelf { call.tagged([SHELF.to_owned()]) } else { call }
    }

    fn outcome(
        &self,
        key: usize,
    ) -> impl Outcome<Return = Answer, Value = u64> + Clone + Send + Sync + 'static {
        let options = self.world.plan.options[key];
        let outcome = (&&ReturnType::<Answer>::new()).outcome();
        let outcome = ttl_with(outcome, move |value| options.life(Value(*value)));
        let classes: &'static [&'static str] = if options.brands { &["brand:"] } else { &[] };
        tags(outcome, classes, move |value| {
            let brand = Value(*value).brand();
            classes.iter().map(|class| format!("{class}{brand}").into()).collect()
        })
    }

    fn entry(&self, key: usize) -> Entry<Answer> {
        self.call(key).entry(self.outcome(key))
    }

    fn removal(&self, key: usize) -> Invalidate {
        Invalidate::new(&FUNCTION, self.call(key).key, self.handle())
    }

    pub(super) async fn read(&self, key: usize) {
        let own = self.floors.lock().expect("no panic").of(key);
        let asked = self.world.ask(key, own);
        let call = self.answer(key);
        let patience = if fastrand::u32(..8) == 0 { millis(0..30) } else { PATIENCE };
        let answer = match fastrand::u32(..10) {
            0 => timeout(patience, refresh(call)).await,
            _ => timeout(patience, call).await,
        };
        match answer {
            Ok(Ok(value)) => asked.answered(Value(value)),
            Err(_) if patience == PATIENCE => {
                self.world.violated(format!("a call of key {key} did not end"));
            }
            // The load has failed, or the caller has gone.
            Ok(Err(())) | Err(_) => {}
        }
    }

    /// As generated code makes it.
    fn answer(&self, key: usize) -> Pin<Box<dyn Future<Output = Answer> + Send + '_>> {
        let world = Arc::clone(&self.world);
        let options = &self.world.plan.options[key];
        let outcome = self.outcome(key);
        #[cfg(feature = "local")]
        if !options.bound().is_zero() {
            return Box::pin(self.local_answer(key));
        }
        let call = self.call(key);
        if options.runs_behind() {
            Box::pin(call.run_detachable(outcome, move || load(world, key)))
        } else {
            Box::pin(call.run(outcome, move || load(world, key)))
        }
    }

    #[cfg(feature = "local")]
    async fn local_answer(&self, key: usize) -> Answer {
        let options = &self.world.plan.options[key];
        let (world, outcome) = (Arc::clone(&self.world), self.outcome(key));
        let mut builder = FUNCTION.local_key("here", &[]);
        builder.part(&key);
        let terms = local::Local::new(options.bound());
        let handle = self.handle();
        if let Some(copy) = local::local(&FUNCTION, &builder, &terms, &handle, &outcome) {
            self.world.say(|| format!("a copy answers for key {key}"));
            return copy;
        }
        let call = local::local_call(&FUNCTION, &builder, options.policy(), handle);
        let call = if options.shelf { call.tagged([SHELF.to_owned()]) } else { call };
        if options.runs_behind() {
            call.run_detachable(outcome, move || load(world, key)).await
        } else {
            call.run(outcome, move || load(world, key)).await
        }
    }

    async fn write(&self, key: usize) {
        match self.world.plan.write() {
            Write::Invalidate => self.invalidate_after(key).await,
            Write::Guard => self.invalidate_around(key).await,
            Write::Update => self.update(key).await,
            Write::Expire => drop(self.entry(key).expire().await),
        }
    }

    /// What covers a write of this entry, and what only sees to some of its values.
    fn target(&self, key: usize) -> Target {
        let options = &self.world.plan.options[key];
        match fastrand::u32(..6) {
            0 => Target::Function,
            1 | 2 if options.shelf => Target::Shelf,
            3 | 4 if options.brands => Target::Brand(fastrand::u64(..2)),
            _ => Target::Entry(key),
        }
    }

    async fn invalidate_after(&self, key: usize) {
        let target = self.target(key);
        self.world.commit(key, None);
        sleep(millis(0..10)).await;
        let versions = self.world.versions();
        let outdated = Outdated { node: self, target, versions };
        if self.invalidate(target).await.is_ok() {
            self.world.invalidated(target, &versions);
        }
        drop(outdated);
    }

    /// The process lives, and the store has long been well: what it has retried is done.
    pub(super) fn has_retried(&self) {
        self.world.keep_promises(&self.floors.lock().expect("no panic"));
    }

    async fn invalidate(&self, target: Target) -> Result<(), Error> {
        if fastrand::u32(..4) == 0 {
            let mut outdated = Invalidations::new();
            match target {
                Target::Entry(key) => outdated.entry(&self.entry(key))?,
                Target::Function => outdated.all(InvalidateAll::new(&FUNCTION, self.handle())),
                Target::Shelf => outdated.tag(&self.cache, SHELF),
                Target::Brand(brand) => outdated.tag(&self.cache, &format!("brand:{brand}")),
            }
            return self.cache.replay(&outdated).await;
        }
        match target {
            Target::Entry(key) => self.entry(key).invalidate().await,
            Target::Function => InvalidateAll::new(&FUNCTION, self.handle()).await,
            Target::Shelf => self.cache.invalidate_tag(SHELF).await,
            Target::Brand(brand) => self.cache.invalidate_tag(&format!("brand:{brand}")).await,
        }
    }

    /// With a guard.
    async fn invalidate_around(&self, key: usize) {
        let (target, life) = (self.target(key), millis(10..60));
        let mut writes = Writes::new();
        match target {
            Target::Entry(key) => writes.entry(self.removal(key)),
            Target::Function => writes.all(InvalidateAll::new(&FUNCTION, self.handle())),
            Target::Shelf => writes.tag(self.handle(), &SHELF.to_owned().into()),
            Target::Brand(brand) => writes.tag(self.handle(), &format!("brand:{brand}").into()),
        }
        let mut guard = Guard::new(&self.world, target, life);
        if writes.hold(life).await.is_ok() {
            self.world.guard_stands(guard.index);
        }
        let (commits, pauses) = (fastrand::u32(..4) != 0, [millis(0..20), millis(0..20)]);
        let body = async {
            sleep(pauses[0]).await;
            if commits {
                // A database goes on with what it has been told, whether or not its client lives.
                let (world, index) = (Arc::clone(&self.world), guard.index);
                let commit = tokio::spawn(async move {
                    sleep(millis(0..20)).await;
                    world.commit(key, Some(index));
                });
                commit.await.expect("no panic");
            }
            sleep(pauses[1]).await;
        };
        writes.holding(body).await;
        if !commits {
            writes.forget().await;
            guard.is_over = true;
            return;
        }
        let versions = self.world.versions();
        let outdated = Outdated { node: self, target, versions };
        if writes.send().await.is_ok() {
            guard.is_over = true;
            self.world.invalidated(target, &versions);
        }
        drop(outdated);
    }

    async fn update(&self, key: usize) {
        let mut updates = Updates::new();
        let update = updates.begin(self.entry(key)).await;
        let (commits, pauses) = (fastrand::u32(..4) != 0, [millis(0..20), millis(0..20)]);
        let committed = updates.during(async {
            sleep(pauses[0]).await;
            let outdated = commits.then(|| {
                let mut versions = [0; KEYS];
                versions[key] = self.world.commit(key, None);
                Outdated { node: self, target: Target::Entry(key), versions }
            });
            sleep(pauses[1]).await;
            outdated
        });
        let Some(outdated) = committed.await else { return update.abandon().await };
        let value = update.value(self.world.value(outdated.versions[key]).0);
        update.store(value).await;
        // What the store refused is retried.
        if self.cache.core().invalidator.pending() == 0 {
            self.world.invalidated(outdated.target, &outdated.versions);
        }
        drop(outdated);
    }
}

/// Reads first and takes its time afterwards: as old as it can be.
async fn load(world: Arc<World>, key: usize) -> Answer {
    let version = world.versions()[key];
    let fails = world.is_failing() && fastrand::u32(..4) != 0;
    let known = previous::<u64>().filter(|known| Value(**known).version() == version);
    let known = known.filter(|_| fastrand::bool());
    world.say(|| format!("key {key} is being loaded at version {version}"));
    sleep(millis(0..40)).await;
    if fails {
        world.say(|| format!("a load of key {key} fails"));
        world.failed(key);
        return Err(());
    }
    let value = match known {
        Some(known) => {
            let value = Value(known.keep());
            world.confirm(value);
            value
        }
        None => world.value(version),
    };
    Ok(value.0)
}

/// What this process does not read from the end of a write on: also if that is cancelled, or fails.
struct Outdated<'a> {
    node: &'a Node,
    target: Target,
    versions: Versions,
}

impl Drop for Outdated<'_> {
    fn drop(&mut self) {
        let mut floors = self.node.floors.lock().expect("no panic");
        floors.raise(&self.node.world.plan, self.target, &self.versions);
    }
}

/// Tells the world when its write is cancelled, or its process dies.
struct Guard<'a> {
    world: &'a World,
    index: usize,
    is_over: bool,
}

impl<'a> Guard<'a> {
    fn new(world: &'a World, target: Target, life: Duration) -> Self {
        Self { world, index: world.guard(target, life), is_over: false }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.world.guard_is_left(self.index);
        }
    }
}
