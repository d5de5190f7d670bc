//! Flights under thousands of schedules of those who lead, join, end and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::{future, thread};

use super::{Flights, Join, Leader, Release, Word};
use crate::lease::LeaseId;

const KEY: &str = "key";

/// How many schedules each test runs.
const SCHEDULES: usize = 3_000;

fn under_all(test: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(test, SCHEDULES);
}

fn counted(released: &Arc<AtomicUsize>) -> Release {
    let released = Arc::clone(released);
    Box::new(move |_| {
        released.fetch_add(1, Ordering::SeqCst);
    })
}

/// A flight, how often its lease was given up, and its leader.
fn flight() -> (Arc<Flights>, Arc<AtomicUsize>, Leader) {
    let (flights, released) = (Arc::new(Flights::new(7)), Arc::default());
    let asking = flights.ask(KEY, counted(&released));
    let lease = LeaseId::new(asking.nonce(), 1);
    (flights, released, asking.granted(lease))
}

/// Joins, and leads if that is what comes of it. How often it has led.
fn caller(flights: &Arc<Flights>, lease: LeaseId) -> usize {
    match flights.join(KEY, &lease) {
        Join::Follow(follower) => match future::block_on(follower) {
            Some(Word::Lead(leader)) => {
                leader.seal();
                leader.stored(vec![1]);
                1
            }
            // Nobody has said a word: whoever leads has forgotten this one.
            None => panic!("a follower was forgotten"),
            Some(_) => 0,
        },
        Join::Closed | Join::Unknown => 0,
    }
}

/// Three who join at the same time.
fn callers(flights: &Arc<Flights>, leader: &Leader) -> [thread::JoinHandle<usize>; 3] {
    [(); 3].map(|()| {
        let (flights, lease) = (Arc::clone(flights), leader.lease());
        thread::spawn(move || caller(&flights, lease))
    })
}

/// How often they have led, when all have ended.
fn all_led(callers: [thread::JoinHandle<usize>; 3]) -> usize {
    callers.into_iter().map(|caller| caller.join().expect("no panic")).sum()
}

#[test]
fn everybody_who_joins_hears_how_it_ends() {
    under_all(|| {
        let (flights, released, leader) = flight();
        let callers = callers(&flights, &leader);
        leader.seal();
        leader.stored(vec![1]);
        let led = all_led(callers);
        assert_eq!((led, released.load(Ordering::SeqCst), flights.len()), (0, 0, 0));
    });
}

#[test]
fn a_leader_that_goes_hands_over_to_one_or_gives_the_lease_up() {
    under_all(|| {
        let (flights, released, leader) = flight();
        let callers = callers(&flights, &leader);
        drop(leader);
        let led = all_led(callers);
        assert_eq!((led + released.load(Ordering::SeqCst), flights.len()), (1, 0));
    });
}

#[test]
fn followers_that_go_while_they_are_handed_the_lead_lose_it_to_nobody() {
    under_all(|| {
        let (flights, released, leader) = flight();
        let leaves = {
            let (flights, lease) = (Arc::clone(&flights), leader.lease());
            thread::spawn(move || drop(flights.join(KEY, &lease)))
        };
        let stays = {
            let (flights, lease) = (Arc::clone(&flights), leader.lease());
            thread::spawn(move || caller(&flights, lease))
        };
        drop(leader);
        leaves.join().expect("no panic");
        let led = stays.join().expect("no panic");
        assert_eq!((led + released.load(Ordering::SeqCst), flights.len()), (1, 0));
    });
}

#[test]
fn nobody_joins_what_is_sealed() {
    under_all(|| {
        let (flights, _, leader) = flight();
        let lease = leader.lease();
        let is_stored = Arc::new(shuttle::sync::atomic::AtomicBool::new(false));
        let joins = {
            let (flights, is_stored) = (Arc::clone(&flights), Arc::clone(&is_stored));
            thread::spawn(move || {
                // What is on its way to the store may be removed there by now.
                let was_stored = is_stored.load(shuttle::sync::atomic::Ordering::SeqCst);
                match flights.join(KEY, &lease) {
                    Join::Follow(follower) => {
                        assert!(!was_stored, "joined after FILL was sent");
                        drop(future::block_on(follower));
                    }
                    Join::Closed | Join::Unknown => {}
                }
            })
        };
        leader.seal();
        is_stored.store(true, shuttle::sync::atomic::Ordering::SeqCst);
        leader.stored(vec![1]);
        joins.join().expect("no panic");
    });
}
