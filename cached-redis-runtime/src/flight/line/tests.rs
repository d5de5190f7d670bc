use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{Asker, Heard, Lines, Place, Waiting};

type All = Arc<Lines<&'static str, u32>>;

fn first(lines: &All) -> Asker<&'static str, u32> {
    match lines.join("key") {
        Place::Ask(asker) => asker,
        Place::Wait(_) => panic!("somebody asks"),
    }
}

fn next(lines: &All) -> Waiting<&'static str, u32> {
    match lines.join("key") {
        Place::Wait(waiting) => waiting,
        Place::Ask(_) => panic!("nobody asks"),
    }
}

fn heard(waiting: &mut Waiting<&'static str, u32>) -> Option<Heard<&'static str, u32>> {
    match Pin::new(waiting).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(heard) => heard,
        Poll::Pending => None,
    }
}

#[test]
fn an_answer_is_for_those_who_came_before_the_question() {
    let lines = All::default();
    let mut asker = first(&lines);
    let mut early = next(&lines);
    asker.sends();
    let mut late = next(&lines);
    asker.tells(|| 1);
    assert!(matches!(heard(&mut early), Some(Heard::Answer(1))));
    assert!(heard(&mut late).is_none());
    asker.sends();
    asker.tells(|| 2);
    assert!(matches!(heard(&mut late), Some(Heard::Answer(2))));
    drop(asker);
    assert_eq!(lines.len(), 0);
}

#[test]
fn whoever_goes_leaves_the_question_to_exactly_one() {
    let lines = All::default();
    let asker = first(&lines);
    let mut waiting = [next(&lines), next(&lines)];
    let cancelled = next(&lines);
    drop(cancelled);
    drop(asker);
    assert!(heard(&mut waiting[0]).is_none());
    let Some(Heard::Ask(mut asker)) = heard(&mut waiting[1]) else { panic!("nobody asks") };
    asker.sends();
    asker.tells(|| 1);
    assert!(matches!(heard(&mut waiting[0]), Some(Heard::Answer(1))));
    drop(asker);
    assert_eq!(lines.len(), 0);
}

#[test]
fn a_question_that_nobody_receives_moves_on() {
    let lines = All::default();
    let asker = first(&lines);
    let mut other = next(&lines);
    let told = next(&lines);
    drop(asker);
    // It has been told, and is cancelled before it looks.
    drop(told);
    assert!(matches!(heard(&mut other), Some(Heard::Ask(_))));
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_move_is_replaced_and_says_no_more() {
    const STALL: Duration = Duration::from_secs(1);
    let lines = All::default();
    let mut stalled = first(&lines);
    let (one, mut other) = (next(&lines), next(&lines));
    stalled.sends();
    tokio::time::advance(STALL / 2).await;
    assert!(one.take_over(STALL).is_none());
    tokio::time::advance(STALL / 2).await;
    let asker = one.take_over(STALL).expect("it has not moved");
    assert!(other.take_over(STALL).is_none(), "only one");
    stalled.tells(|| 1);
    drop(stalled);
    assert!(heard(&mut other).is_none(), "what it has read is old");
    drop(asker);
    assert!(matches!(heard(&mut other), Some(Heard::Ask(_))));
}

#[test]
fn that_there_is_no_answer_is_for_all() {
    let lines = All::default();
    let mut asker = first(&lines);
    asker.sends();
    let mut late = next(&lines);
    asker.tells_all(|| 1);
    assert!(matches!(heard(&mut late), Some(Heard::Answer(1))));
}
