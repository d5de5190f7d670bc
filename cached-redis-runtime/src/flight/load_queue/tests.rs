use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{Called, Entered, LoadQueues, Queued, Turn};

type All = Arc<LoadQueues<u32>>;

fn turns(most: usize) -> All {
    Arc::new(LoadQueues::new(most))
}

fn enter(turns: &All) -> Turn<u32> {
    match turns.enter("key", turns.moment()) {
        Entered::Load(turn) => turn,
        Entered::Wait(_) => panic!("there is room"),
    }
}

fn queue(turns: &All) -> Queued<u32> {
    match turns.enter("key", turns.moment()) {
        Entered::Wait(queued) => queued,
        Entered::Load(_) => panic!("there is none"),
    }
}

fn called(queued: &mut Queued<u32>) -> Option<Called<u32>> {
    match Pin::new(queued).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(called) => called,
        Poll::Pending => None,
    }
}

#[test]
fn turns_are_taken_in_the_order_of_coming() {
    let turns = turns(2);
    let (one, other) = (enter(&turns), enter(&turns));
    let (mut first, mut second) = (queue(&turns), queue(&turns));
    drop(queue(&turns));
    drop(one);
    let Some(Called::Load(turn)) = called(&mut first) else { panic!("not called") };
    assert!(called(&mut second).is_none());
    drop(turn);
    let Some(Called::Load(turn)) = called(&mut second) else { panic!("not called") };
    drop((turn, other));
    assert_eq!(turns.len(), 0);
}

#[test]
fn what_a_load_comes_to_is_for_those_who_came_before_it_began() {
    let turns = turns(1);
    let mut turn = enter(&turns);
    let mut early = queue(&turns);
    turn.begins();
    let mut late = queue(&turns);
    turn.shares(|| 1);
    assert!(matches!(called(&mut early), Some(Called::Shared(1))));
    assert!(called(&mut late).is_none());
    drop(turn);
    assert!(matches!(called(&mut late), Some(Called::Load(_))));
}

#[test]
fn what_cannot_be_shared_is_waited_for_by_nobody() {
    let turns = turns(1);
    let turn = enter(&turns);
    let mut queued = [queue(&turns), queue(&turns)];
    turn.opens();
    assert!(queued.iter_mut().all(|one| matches!(called(one), Some(Called::Open))));
}

#[test]
fn a_call_that_nobody_receives_moves_on() {
    let turns = turns(1);
    let turn = enter(&turns);
    let (called_first, mut other) = (queue(&turns), queue(&turns));
    drop(turn);
    drop(called_first);
    assert!(matches!(called(&mut other), Some(Called::Load(_))));
}

#[tokio::test(start_paused = true)]
async fn the_bound_doubles_once_in_a_time() {
    const PATIENCE: Duration = Duration::from_secs(1);
    let turns = turns(1);
    let _hanging = enter(&turns);
    let mut queued: Vec<_> = (0..4).map(|_| queue(&turns)).collect();
    let mut loads = Vec::new();
    for at_a_time in [2, 4] {
        tokio::time::advance(PATIENCE).await;
        queued[3].widen(PATIENCE);
        queued[3].widen(PATIENCE);
        loads.extend(queued.iter_mut().take(3).filter_map(|one| match one.word.try_recv() {
            Ok(Called::Load(turn)) => Some(turn),
            _ => None,
        }));
        assert_eq!(loads.len() + 1, at_a_time);
    }
}
