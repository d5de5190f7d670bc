//! Who loads: one, in one process and over several.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cached_redis_test_support::process::{self, Child};
use cached_redis_test_support::{Stopwatch, each_server, unique_namespace};
use tokio::task::JoinSet;

use crate::support::{LOAD, Subject};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

async fn callers(subject: &Subject, count: u64, id: impl Fn(u64) -> u64) -> Vec<u64> {
    let mut callers = JoinSet::new();
    for number in 0..count {
        let (subject, id) = (subject.clone(), id(number));
        callers.spawn(async move { subject.after(id, LOAD, id).await });
    }
    let mut answers = Vec::new();
    while let Some(answer) = callers.join_next().await {
        answers.push(answer.expect("no panic").expect("a value"));
    }
    answers
}

#[test]
fn five_hundred_callers_in_one_process_load_once() {
    each_server(|server| {
        runtime().block_on(async {
            let subject = Subject::on(server).connected().await;
            let answers = callers(&subject, 500, |_| 1).await;
            assert_eq!(answers, vec![1; 500]);
            assert_eq!(subject.loads(), 1);
            assert_eq!(subject.cache.loads_in_flight(), 0);
        });
    });
}

#[test]
fn four_processes_load_once() {
    const TEST: &str = "coalescing::four_processes_load_once";
    if let Some(arguments) = process::role("caller") {
        let [url, namespace] = &arguments[..] else { panic!("{arguments:?}") };
        runtime().block_on(async {
            let subject = Subject::named(url, namespace).connected().await;
            process::say("ready");
            process::hear();
            callers(&subject, 125, |_| 1).await;
            process::say(&subject.loads().to_string());
        });
        return;
    }
    each_server(|server| {
        let namespace = unique_namespace("four");
        let mut children: Vec<_> = (0..4)
            .map(|_| Child::spawn_self("caller", TEST, &[server.url(), &namespace]))
            .collect();
        for child in &mut children {
            assert_eq!(child.line(), "ready");
        }
        let stopwatch = Stopwatch::start();
        for child in &mut children {
            child.send("go");
        }
        let loads: u64 =
            children.iter_mut().map(|child| child.line().parse::<u64>().expect("a number")).sum();
        eprintln!("500 callers in 4 processes, to the last answer: {:?}", stopwatch.elapsed());
        assert_eq!(loads, 1);
        assert!(stopwatch.elapsed() < 5 * LOAD, "{:?}", stopwatch.elapsed());
        for child in children {
            assert!(child.finish());
        }
    });
}

#[test]
fn an_aborted_leader_costs_one_more_load_and_nobody_an_answer() {
    each_server(|server| {
        runtime().block_on(async {
            let subject = Subject::on(server).connected().await;
            let leader = tokio::spawn({
                let subject = subject.clone();
                async move { subject.after(1, LOAD, 1).await }
            });
            subject.loading(0).await;
            let waiting = subject.clone();
            let others = tokio::spawn(async move { callers(&waiting, 499, |_| 1).await });
            tokio::time::sleep(LOAD / 2).await;
            leader.abort();
            assert_eq!(others.await.expect("no panic"), vec![1; 499]);
            assert_eq!(subject.loads(), 2);
            assert_eq!(subject.cache.loads_in_flight(), 0);
        });
    });
}

#[test]
fn a_crashed_process_delays_others_by_at_most_its_lease() {
    const TEST: &str = "coalescing::a_crashed_process_delays_others_by_at_most_its_lease";
    const LEASE: Duration = Duration::from_secs(1);

    #[cached_redis::redis_cached(ttl = 600, prefix = "test", lock = "1s", skip(loads, hang))]
    async fn crash(id: u64, loads: &AtomicU64, hang: bool) -> u64 {
        loads.fetch_add(1, Ordering::SeqCst);
        if hang {
            process::say("loading");
            std::future::pending::<()>().await;
        }
        id
    }

    let loads = Arc::new(AtomicU64::new(0));
    if let Some(arguments) = process::role("crasher") {
        let [url, namespace] = &arguments[..] else { panic!("{arguments:?}") };
        process::end_with_parent();
        runtime().block_on(async {
            let subject = Subject::named(url, namespace).connected().await;
            subject.cache.scope(crash(1, &loads, true)).await;
        });
        return;
    }
    each_server(|server| {
        let namespace = unique_namespace("crash");
        let mut child = Child::spawn_self("crasher", TEST, &[server.url(), &namespace]);
        assert_eq!(child.line(), "loading");
        child.kill();
        runtime().block_on(async {
            let subject = Subject::named(server.url(), &namespace).connected().await;
            let stopwatch = Stopwatch::start();
            assert_eq!(subject.cache.scope(crash(1, &loads, false)).await, 1);
            assert!(stopwatch.elapsed() < LEASE * 2, "{:?}", stopwatch.elapsed());
        });
    });
}

#[test]
fn ten_thousand_keys_do_not_wait_for_each_other() {
    each_server(|server| {
        runtime().block_on(async {
            let subject = Subject::on(server).connected().await;
            let stopwatch = Stopwatch::start();
            assert_eq!(callers(&subject, 10_000, |number| number).await.len(), 10_000);
            // In line, they would take a thousand seconds.
            assert!(stopwatch.elapsed() < 50 * LOAD, "{:?}", stopwatch.elapsed());
            assert_eq!(subject.loads(), 10_000);
        });
    });
}
