//! Who loads: one, in one process and over several.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cached_redis_test_support::process::{self, Child};
use cached_redis_test_support::{Server, Stopwatch, each_binary, each_server, unique_namespace};
use tokio::task::JoinSet;

use crate::support::{Failure, LOAD, Subject};

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

/// Two caches know as little of each other as two processes do.
#[test]
fn what_thousands_ask_while_they_wait_is_about_what_one_asks() {
    const CALLERS: u64 = 2_000;
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        runtime().block_on(async {
            let namespace = unique_namespace("crowd");
            let here = Subject::named(server.url(), &namespace).connected().await;
            let elsewhere = Subject::named(server.url(), &namespace).connected().await;
            // The first of a function also asks for its generation.
            here.ask(0, 0).await.expect("a value");
            elsewhere.ask(2, 0).await.expect("a value");
            server.reset_commandstats();
            let leader = tokio::spawn({
                let here = here.clone();
                async move { here.after(1, 15 * LOAD, 1).await }
            });
            here.loading(1).await;
            let (one, other) =
                tokio::join!(callers(&here, CALLERS, |_| 1), callers(&elsewhere, CALLERS, |_| 1));
            assert_eq!(one.len() + other.len(), 2 * usize::try_from(CALLERS).expect("small"));
            assert_eq!(leader.await.expect("no panic"), Ok(1));
            assert_eq!((here.loads(), elsewhere.loads()), (2, 1));
            let stats = server.commandstats();
            let count = |command: &str| stats.get(command).copied().unwrap_or(0);
            // Batches of those who come while a question is on its way; far less than one each.
            assert!(count("evalsha") < CALLERS / 4, "{stats:?}");
            // Each has looked once at most, for looks of the same moment are shared, and each script looks
            // for a fence.
            let looks = count("get") + count("mget") - count("evalsha");
            assert!(looks < 2 * CALLERS + 200, "{looks} of {stats:?}");
        });
    });
}

#[test]
fn after_a_load_that_fails_a_few_run_at_a_time_and_one_that_succeeds_is_for_all() {
    each_server(|server| {
        runtime().block_on(async {
            let subject = Subject::on(server).connected().await;
            let runs = Arc::new(AtomicU64::new(0));
            let mut callers = JoinSet::new();
            for _ in 0..200 {
                let (subject, runs) = (subject.clone(), Arc::clone(&runs));
                callers.spawn(async move {
                    let body = async move {
                        let run = runs.fetch_add(1, Ordering::SeqCst);
                        tokio::time::sleep(10 * LOAD).await;
                        if run == 0 { Err(Failure) } else { Ok(1) }
                    };
                    subject.load(1, body).await
                });
            }
            let answers = callers.join_all().await;
            assert_eq!(answers.iter().filter(|answer| **answer == Ok(1)).count(), 199);
            assert_eq!(subject.loads(), 5, "one fails, then four at a time");
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
