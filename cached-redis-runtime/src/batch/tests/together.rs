//! Several batches, and single calls, about the same entries at the same time.

use tokio::time::{Instant, sleep, timeout};

use super::{LOAD, SECOND, Subject, tenfold};

fn sorted(mut loads: Vec<Vec<u64>>) -> Vec<u64> {
    loads.iter_mut().for_each(|ids| ids.sort_unstable());
    let mut all = loads.concat();
    all.sort_unstable();
    all
}

#[tokio::test(start_paused = true)]
async fn overlapping_batches_load_each_id_once_and_never_wait_for_each_other() {
    for is_elsewhere in [false, true] {
        let subject = Subject::new().slow();
        let other = if is_elsewhere { subject.elsewhere() } else { subject.clone() };
        let third = if is_elsewhere { subject.elsewhere() } else { subject.clone() };
        let began = Instant::now();
        let (one, two, three) = tokio::join!(
            subject.get(&[1, 2, 3, 4]),
            other.get(&[4, 3, 5, 6]),
            third.get(&[6, 1, 7]),
        );
        assert_eq!(one, tenfold(&[1, 2, 3, 4]));
        assert_eq!(two, tenfold(&[3, 4, 5, 6]));
        assert_eq!(three, tenfold(&[1, 6, 7]));
        assert_eq!(sorted(subject.take_loads()), [1, 2, 3, 4, 5, 6, 7]);
        assert!(began.elapsed() < 2 * LOAD, "{:?}", began.elapsed());
        assert_eq!(subject.cache.loads_in_flight(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_call_shares_the_load_of_a_batch_and_the_other_way_round() {
    let subject = Subject::new().slow();
    let single = |id: u64| {
        let subject = &subject;
        async move { subject.get(&[id]).await }
    };
    let (batch, one) = tokio::join!(subject.get(&[1, 2]), async {
        sleep(LOAD / 2).await;
        single(1).await
    });
    assert_eq!((batch, one), (tenfold(&[1, 2]), tenfold(&[1])));
    assert_eq!(subject.take_loads(), [[1, 2]]);
    let (one, batch) = tokio::join!(single(3), async {
        sleep(LOAD / 2).await;
        subject.get(&[3, 4]).await
    });
    assert_eq!((one, batch), (tenfold(&[3]), tenfold(&[3, 4])));
    assert_eq!(subject.take_loads(), [vec![3], vec![4]]);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_batch_hands_its_leases_over() {
    let subject = Subject::new().slow();
    let (cancelled, answer) = tokio::join!(timeout(LOAD / 2, subject.get(&[1, 2])), async {
        sleep(LOAD / 4).await;
        subject.get(&[2, 3]).await
    });
    assert!(cancelled.is_err());
    assert_eq!(answer, tenfold(&[2, 3]));
    assert_eq!(sorted(subject.take_loads()), [1, 2, 2, 3]);
    // The lease of 1 was given up in the background.
    sleep(SECOND).await;
    assert_eq!(subject.get(&[1, 2, 3]).await, tenfold(&[1, 2, 3]));
    assert_eq!(subject.take_loads(), [[1]]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_keeps_nobody_waiting_in_line() {
    let subject = Subject::new().slow();
    let began = Instant::now();
    let failing = async {
        let answer = subject.batch(&[1, 2]).run(|_| async {
            sleep(LOAD).await;
            Err::<std::collections::HashMap<u64, u64>, _>("away")
        });
        answer.await
    };
    let (failed, answer) = tokio::join!(failing, async {
        sleep(LOAD / 2).await;
        subject.get(&[2, 3]).await
    });
    assert_eq!(failed, Err("away"));
    assert_eq!(answer, tenfold(&[2, 3]));
    assert!(began.elapsed() < 3 * LOAD, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_asks_for_what_it_loads_does_not_wait_for_itself() {
    let subject = Subject::new();
    let inner = &subject;
    let began = Instant::now();
    let answer = subject
        .batch(&[1, 2])
        .run(|ids| async move { Ok::<_, &'static str>(inner.get(&ids).await) });
    assert_eq!(answer.await, Ok(tenfold(&[1, 2])));
    assert!(began.elapsed() < SECOND, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_kept_alive_while_a_slow_body_runs() {
    let mut subject = Subject::new();
    subject.delay = 25 * SECOND;
    let other = subject.elsewhere();
    let (one, two) = tokio::join!(subject.get(&[1, 2]), async {
        sleep(SECOND).await;
        other.get(&[1, 2]).await
    });
    assert_eq!((one, two), (tenfold(&[1, 2]), tenfold(&[1, 2])));
    assert_eq!(subject.take_loads(), [[1, 2]]);
}
