//! The source of truth, what has been promised, and what was read.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::plan::{KEYS, Plan};
use super::value::{BRANDS, Value};

/// What an invalidation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Entry(usize),
    Function,
    Shelf,
    Brand(u64),
}

/// The oldest versions that may be read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Floor {
    any: u64,
    /// Of the versions with this brand.
    brands: [u64; BRANDS as usize],
}

/// Of each entry.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Floors([Floor; KEYS]);

impl Floors {
    /// What the one or the other promises.
    fn raise_all(&mut self, other: &Self) {
        for (floor, other) in self.0.iter_mut().zip(&other.0) {
            floor.any = floor.any.max(other.any);
            for (brand, other) in floor.brands.iter_mut().zip(other.brands) {
                *brand = (*brand).max(other);
            }
        }
    }

    /// This is outdated up to these versions.
    pub(super) fn raise(&mut self, plan: &Plan, target: Target, versions: &Versions) {
        for (key, floor) in self.0.iter_mut().enumerate() {
            let options = &plan.options[key];
            let floor = match target {
                Target::Entry(only) if only == key => &mut floor.any,
                Target::Function => &mut floor.any,
                Target::Shelf if options.shelf => &mut floor.any,
                Target::Brand(brand) if options.brands => &mut floor.brands[brand as usize],
                _ => continue,
            };
            *floor = (*floor).max(versions[key]);
        }
    }

    pub(super) fn of(&self, key: usize) -> Floor {
        self.0[key]
    }
}

impl Floor {
    /// The oldest version that may be read where this one was.
    fn of(&self, value: Value) -> u64 {
        self.any.max(self.brands[value.brand() as usize])
    }
}

/// What the source was at.
pub(super) type Versions = [u64; KEYS];

/// A write that holds a guard.
#[derive(Debug)]
struct Guard {
    target: Target,
    life: Duration,
    /// It stood no earlier.
    asked: Instant,
    stands: bool,
    /// What the source was at after a commit that the guard covers.
    committed: Option<Versions>,
    /// Its process has died, or the write was cancelled: when it ends by itself.
    ends: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) traced: bool,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    versions: Versions,
    /// What has been promised, and since when.
    promises: Vec<(Instant, Floors)>,
    /// When each load ended.
    loads: Vec<Option<Instant>>,
    /// When a call ended that may have renewed the entry.
    touched: [Option<Instant>; KEYS],
    /// How many batches are under way for each key: one renews what it finds at once, and ends later.
    together: [usize; KEYS],
    failed: [Option<Instant>; KEYS],
    is_failing: bool,
    guards: Vec<Guard>,
    violations: Vec<String>,
    seen: Seen,
}

/// How often what was tried has happened.
pub(super) type Seen = BTreeMap<&'static str, u64>;

/// A call that has begun.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    world: &'a World,
    key: usize,
    at: Instant,
    floors: [Floor; 2],
    /// Other entries are asked for by the same call.
    is_one_of_many: bool,
}

impl State {
    fn promise(&mut self, plan: &Plan, since: Instant, target: Target, versions: &Versions) {
        let mut floors = Floors::default();
        floors.raise(plan, target, versions);
        self.promises.push((since, floors));
    }

    /// What had been promised by then.
    fn floors(&self, by: Instant) -> Floors {
        let mut all = Floors::default();
        let promised = self.promises.iter().filter(|(since, _)| *since <= by);
        promised.for_each(|(_, floors)| all.raise_all(floors));
        all
    }
}

impl World {
    pub(super) fn new(plan: Plan, traced: bool) -> Self {
        Self { plan, traced, began: Instant::now(), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn say(&self, what: impl FnOnce() -> String) {
        if self.traced {
            eprintln!("{:>6} ms  {}", self.began.elapsed().as_millis(), what());
        }
    }

    pub(super) fn violated(&self, what: String) {
        self.say(|| format!("VIOLATION: {what}"));
        self.state().violations.push(what);
    }

    pub(super) fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// Counts what a node has done.
    pub(super) fn count(&self, counted: &[(&'static str, u64)]) {
        let state = &mut *self.state();
        for (what, times) in counted {
            *state.seen.entry(what).or_default() += times;
        }
    }

    pub(super) fn seen(&self) -> Seen {
        self.state().seen.clone()
    }

    pub(super) fn versions(&self) -> Versions {
        self.state().versions
    }

    /// A write takes effect at the source.
    pub(super) fn commit(&self, key: usize, guard: Option<usize>) -> u64 {
        let state = &mut *self.state();
        state.versions[key] += 1;
        if let Some(guard) = guard.and_then(|guard| state.guards.get_mut(guard)) {
            let now = Instant::now();
            // While it is renewed, or at least for its first life.
            let is_renewed = !self.plan.has_faults && guard.ends.is_none();
            if guard.stands && (is_renewed || now < guard.asked + guard.life) {
                guard.committed = Some(state.versions);
            }
        }
        self.say(|| format!("key {key} is at version {}", state.versions[key]));
        state.versions[key]
    }

    /// From now on loads fail, or do not.
    pub(super) fn fail(&self, is_failing: bool) {
        self.state().is_failing = is_failing;
    }

    pub(super) fn is_failing(&self) -> bool {
        self.state().is_failing
    }

    /// A load, or the end of a write, has this version at hand.
    pub(super) fn value(&self, version: u64) -> Value {
        let state = &mut *self.state();
        state.loads.push(Some(Instant::now()));
        Value::new(version, state.loads.len() - 1)
    }

    /// The source says that a value has not changed.
    pub(super) fn confirm(&self, value: Value) {
        self.state().loads[value.load()] = Some(Instant::now());
    }

    pub(super) fn failed(&self, key: usize) {
        self.state().failed[key] = Some(Instant::now());
    }

    /// An invalidation that began when the source was at `versions` has completed.
    pub(super) fn invalidated(&self, target: Target, versions: &Versions) {
        self.say(|| format!("{target:?} is invalidated up to {versions:?}"));
        let state = &mut *self.state();
        *state.seen.entry("invalidations").or_default() += 1;
        state.promise(&self.plan, Instant::now(), target, versions);
    }

    /// What one process has promised itself now holds for all.
    pub(super) fn keep_promises(&self, own: &Floors) {
        self.state().promises.push((Instant::now(), *own));
    }

    /// A guard is asked for.
    pub(super) fn guard(&self, target: Target, life: Duration) -> usize {
        let state = &mut *self.state();
        let asked = Instant::now();
        let guard = Guard { target, life, asked, stands: false, committed: None, ends: None };
        state.guards.push(guard);
        state.guards.len() - 1
    }

    pub(super) fn guard_stands(&self, guard: usize) {
        self.state().guards[guard].stands = true;
    }

    /// Nobody will lift it, or it could not be lifted.
    pub(super) fn guard_is_left(&self, guard: usize) {
        let state = &mut *self.state();
        let guard = &mut state.guards[guard];
        guard.ends = Some(Instant::now() + guard.life);
    }

    /// A call begins, in a process that has promises of its own.
    pub(super) fn ask(&self, key: usize, own: Floor) -> Asked<'_> {
        let at = Instant::now();
        let state = &mut *self.state();
        for index in 0..state.guards.len() {
            let guard = &mut state.guards[index];
            if let Some(ends) = guard.ends.filter(|ends| *ends <= at)
                && let Some(versions) = guard.committed.take()
            {
                let target = guard.target;
                self.say(|| format!("the guard on {target:?} over {versions:?} is over"));
                *state.seen.entry("guards left").or_default() += 1;
                state.promise(&self.plan, ends, target, &versions);
            }
        }
        let by = at.checked_sub(self.plan.options[key].bound()).unwrap_or(at);
        let promised = state.floors(by);
        let floors = [promised.of(key), own];
        Asked { world: self, key, at, floors, is_one_of_many: false }
    }

    /// The same, together with others: then it may wait for those with what it has found of this one.
    pub(super) fn ask_together(&self, key: usize, own: Floor) -> Asked<'_> {
        let mut asked = self.ask(key, own);
        asked.is_one_of_many = true;
        self.state().together[key] += 1;
        asked
    }
}

impl Asked<'_> {
    /// The call was answered with this.
    pub(super) fn answered(&self, value: Value) {
        let (world, key) = (self.world, self.key);
        let now = if self.is_one_of_many { self.at } else { Instant::now() };
        let options = &world.plan.options[key];
        let (loaded, touched, failed) = {
            let state = &mut *world.state();
            *state.seen.entry("reads").or_default() += 1;
            let is_being_touched = state.together[key] > usize::from(self.is_one_of_many);
            let touched = if is_being_touched { Some(now) } else { state.touched[key] };
            (state.loads[value.load()], touched, state.failed[key])
        };
        let version = value.version();
        world.say(|| format!("read version {version} of key {key}, load {}", value.load()));
        let floor = self.floors.iter().map(|floor| floor.of(value)).max().unwrap_or(0);
        if version < floor {
            world.violated(format!("key {key}: version {version} where {floor} was promised"));
        }
        let Some(mut since) = loaded else { return };
        if options.is_sliding() {
            since = since.max(touched.unwrap_or(since));
        }
        let age = now.saturating_duration_since(since);
        let slack = world.plan.slack();
        let life = options.life(value) + slack;
        if age <= life + options.stale() {
            return;
        }
        let is_excused = options.if_error().is_some_and(|(window, throttle)| {
            let has_failed = failed.is_some_and(|failed| failed + throttle + slack >= self.at);
            let is_slow = options.soft_timeout().is_some_and(|soft| now - self.at >= soft);
            age <= life + window && (has_failed || is_slow)
        });
        if !is_excused {
            world.violated(format!("key {key}: version {version} is {age:?} old: {options:?}"));
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let mut state = self.world.state();
        state.touched[self.key] = Some(Instant::now());
        state.together[self.key] -= usize::from(self.is_one_of_many);
    }
}
