//! Randomized schedules over the in-process store: two nodes that read, alone and in batches, and write under every policy,
//! evictions, faults, cancelled calls, a node that is killed or restarted, in time that does not
//! pass. A failing seed is printed; `CACHED_REDIS_SEED=n` replays it and says what happens,
//! `CACHED_REDIS_SCHEDULES=n` runs more of them.
//!
//! What is checked of each read:
//! - It is not older than what an invalidation, a guard or a write-through that had completed before
//!   the call began has made outdated; nor, after the end of a guard whose process has died, than
//!   what was committed under it.
//! - A copy in the process (`local`) may be older than that for its bound, but not than what this process has outdated.
//! - It is not older than its `ttl` and `stale` allow, or `stale_if_error` where a load had failed
//!   or was slow.
//! - It ends.

mod hearing;
mod node;
mod plan;
mod value;
mod wire;
mod world;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::tests::paused_runtime;
use crate::store::memory::{Fault, MemoryStore};
use cached_redis_test_support::hunt::{is_replay, seeds};
use hearing::Deaf;
use node::Node;
use plan::{Ending, KEYS, LONGEST_BOUND, Plan};
use wire::Wire;
use world::{Seen, World};

#[cfg(feature = "unfenced-for-tests")]
use crate::Rule;
/// Without the feature none can be broken.
#[cfg(not(feature = "unfenced-for-tests"))]
type Rule = std::convert::Infallible;

/// What is broken, to show that it is noticed.
#[derive(Clone, Copy, Debug, Default)]
struct Broken {
    rule: Option<Rule>,
    deaf: Option<Deaf>,
}

fn millis(range: Range<u64>) -> Duration {
    Duration::from_millis(fastrand::u64(range))
}

/// Runs one schedule, with a rule broken or not, and returns what was wrong.
fn run(seed: u64, broken: Broken, traced: bool) -> (Vec<String>, Seen) {
    fastrand::seed(seed);
    let world = paused_runtime().block_on(async {
        let world = Arc::new(World::new(Plan::random(), traced));
        world.say(|| format!("{:?}", world.plan));
        schedule(&world, broken).await;
        world
    });
    (world.violations(), world.seen())
}

async fn schedule(world: &Arc<World>, broken: Broken) {
    let store = Arc::new(MemoryStore::new("memory"));
    let start = || {
        let node = Node::new(world, &store, broken);
        let tasks = node.run();
        (node, tasks)
    };
    let (one, of_one) = start();
    let (mut other, mut of_other) = start();
    let wires = [&one.wire, &other.wire].map(Arc::clone);
    let trouble = tokio::spawn(trouble(Arc::clone(world), Arc::clone(&store), one.keys(), wires));
    if world.plan.ending != Ending::Stays {
        sleep(millis(10..100)).await;
        world.say(|| format!("{:?}", world.plan.ending));
        if world.plan.ending == Ending::Crash {
            other.wire.cut();
        } else {
            join(world, std::mem::take(&mut of_other)).await;
            end(world, &other).await;
        }
        // Dropped and replaced: a process that was cut off reaches nobody with its destructors.
        (other, of_other) = start();
    }
    join(world, of_one).await;
    join(world, of_other).await;
    trouble.await.expect("no panic");
    // Leases whose holder has died, and pauses after failures, end by themselves.
    sleep(Duration::from_secs(1)).await;
    for node in [&one, &other] {
        if node.cache.stats().pending_invalidations != 0 {
            world.violated("an invalidation is still being retried".to_owned());
        }
        node.has_retried();
    }
    // By now copies must have heard of it.
    sleep(LONGEST_BOUND).await;
    for node in [&one, &other] {
        for key in 0..KEYS {
            node.read(key).await;
        }
        end(world, node).await;
    }
}

/// Waits for what a node does.
async fn join(world: &World, mut tasks: JoinSet<()>) {
    let all = async {
        while let Some(done) = tasks.join_next().await {
            done.expect("no panic");
        }
    };
    if timeout(Duration::from_secs(60), all).await.is_err() {
        world.violated("a node did not come to its end".to_owned());
    }
}

/// Shuts a node down, and asks what it leaves behind.
async fn end(world: &World, node: &Node) {
    if timeout(Duration::from_secs(5), node.cache.shutdown()).await.is_err() {
        world.violated("the shutdown did not end".to_owned());
    }
    let stats = node.cache.stats();
    for of in &stats.functions {
        world.count(&[
            ("hits", of.hits),
            ("stale hits", of.stale_hits),
            ("fallbacks", of.fallbacks),
            ("reloads", of.reloads),
            ("failed reloads", of.failed_reloads),
            ("values kept", of.not_modified),
            ("coalesced", of.coalesced),
            ("waits", of.waits),
            #[cfg(feature = "local")]
            ("local hits", of.local_hits),
            ("superseded", of.superseded),
        ]);
    }
    if stats.running_reloads != 0 {
        world.violated("loads are running after the shutdown".to_owned());
    }
    if node.cache.loads_in_flight() != 0 {
        world.violated("a flight is left behind".to_owned());
    }
}

async fn trouble(
    world: Arc<World>,
    store: Arc<MemoryStore>,
    keys: Vec<String>,
    wires: [Arc<Wire>; 2],
) {
    for _ in 0..6 {
        sleep(millis(0..40)).await;
        match fastrand::u32(..6) {
            0 => {
                let key = &keys[fastrand::usize(..keys.len())];
                if store.evict(key) {
                    world.say(|| format!("{key} is evicted"));
                }
            }
            1 if world.plan.has_failures => {
                world.fail(true);
                sleep(millis(0..60)).await;
                world.fail(false);
            }
            2 if world.plan.has_faults => {
                let faults = [
                    Fault::Down,
                    Fault::Slow(millis(1..30)),
                    Fault::Refuse,
                    Fault::RefuseWrites,
                    Fault::LoseReplies,
                ];
                store.set_fault(fastrand::choice(faults));
                world.say(|| "a fault begins".to_owned());
                sleep(millis(0..30)).await;
                store.set_fault(None);
                world.say(|| "the fault ends".to_owned());
            }
            3 => {
                world.say(|| "a connection is lost".to_owned());
                wires[fastrand::usize(..2)].hearing.lose();
            }
            4 => {
                let hearing = &wires[fastrand::usize(..2)].hearing;
                world.say(|| "silence begins".to_owned());
                hearing.silence(true);
                sleep(millis(0..80)).await;
                hearing.silence(false);
                world.say(|| "the silence ends".to_owned());
            }
            _ => {}
        }
    }
}

fn add(all: &mut Seen, more: &Seen) {
    for (what, times) in more {
        *all.entry(what).or_default() += times;
    }
}

/// Runs schedules on all cores until one finds something wrong: its seed, and what.
fn search(seeds: Range<u64>, broken: Broken) -> Result<Seen, (u64, Vec<String>)> {
    let (next, found) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let traced = is_replay(&seeds);
    let work = || {
        let mut all = Seen::default();
        while !found.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            let (violations, seen) = run(seed, broken, traced);
            if !violations.is_empty() {
                found.store(true, Ordering::Relaxed);
                return Err((seed, violations));
            }
            add(&mut all, &seen);
        }
        Ok(all)
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let mut all = Seen::default();
        for thread in threads {
            add(&mut all, &thread.join().expect("no panic")?);
        }
        Ok(all)
    })
}

#[test]
fn no_schedule_breaks_a_promise() {
    let seeds = seeds("CACHED_REDIS_SCHEDULES", 5_000);
    match search(seeds.clone(), Broken::default()) {
        Err((seed, violations)) => {
            panic!("{violations:#?}: replay with CACHED_REDIS_SEED={seed}");
        }
        Ok(seen) => {
            eprintln!("{seen:?}");
            // A single seed need not have it all.
            let least = if seeds.count() < 1000 { 0 } else { 10 };
            assert!(seen.values().all(|times| *times >= least), "too seldom: {seen:?}");
        }
    }
}

/// The simulation is not blind: with a rule broken, it notices.
#[cfg(feature = "unfenced-for-tests")]
mod with_a_rule_broken_some_schedule_breaks_a_promise {
    use super::{Broken, Rule, search};

    fn finds(rule: Rule) {
        let (seed, violations) = search(0..20_000, Broken { rule: Some(rule), deaf: None })
            .expect_err("the simulation is blind");
        eprintln!("{rule:?} broken: seed {seed} finds {violations:?}");
    }

    #[test]
    fn storing_without_the_lease() {
        finds(Rule::Fence);
    }

    #[test]
    fn reading_without_comparing_stamps() {
        finds(Rule::Stamps);
    }

    #[test]
    fn storing_without_comparing_classes() {
        finds(Rule::Class);
    }

    #[test]
    fn writing_without_a_guard() {
        finds(Rule::Guard);
    }

    #[test]
    fn updating_blindly() {
        finds(Rule::Update);
    }
}

/// The same for what copies rest on.
#[cfg(feature = "local")]
mod deaf_to_changes_some_schedule_breaks_a_promise {
    use super::{Broken, Deaf, search};

    fn finds(deaf: Deaf) {
        let broken = Broken { rule: None, deaf: Some(deaf) };
        let (seed, violations) = search(0..20_000, broken).expect_err("the simulation is blind");
        eprintln!("{deaf:?}: seed {seed} finds {violations:?}");
    }

    #[test]
    fn own_changes_end_no_copies() {
        finds(Deaf::OwnChanges);
    }

    #[test]
    fn copies_answer_without_comparing_stamps() {
        finds(Deaf::Stamps);
    }
}
