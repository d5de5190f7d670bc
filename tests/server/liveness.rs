//! What counts as the server's silence, and who drives a connection: judged by hits, loads and reconnects, never
//! by clocks. A server that gets no processor is silent, so budgets here are longer than a busy machine keeps one
//! waiting. What takes longer than a budget and is no silence, is tested where no server is: `redis/wire/tests.rs`.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use cached_redis_test_support::{Server, each_binary, each_server, poll};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::support::{PATIENCE, Subject};

/// No more than a busy machine loads within the life of a lease.
const MANY: u64 = 2_000;

/// Where the server is stopped, and each call waits for it so long.
const BUDGET: Duration = Duration::from_secs(2);

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// Each test in both kinds of runtime.
fn on_each_runtime(test: impl AsyncFn(&Server, Subject)) {
    each_server(|server| {
        for runtime in [current_thread(), multi_thread()] {
            runtime.block_on(async {
                let subject = Subject::on(server).connected().await;
                test(server, subject).await;
            });
        }
    });
}

/// Polls all of them in one task, as `join_all` does.
async fn in_one_task<F: Future>(futures: impl Iterator<Item = F>) {
    let mut waiting: Vec<Option<Pin<Box<F>>>> = futures.map(|one| Some(Box::pin(one))).collect();
    poll_fn(|context| {
        let mut is_done = true;
        for slot in &mut waiting {
            let Some(future) = slot else { continue };
            match future.as_mut().poll(context) {
                Poll::Ready(_) => *slot = None,
                Poll::Pending => is_done = false,
            }
        }
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Waits until the first entry is a hit.
async fn hits_again(subject: &Subject) {
    poll::until_async("hits are back", PATIENCE, async || {
        let loads = subject.loads();
        subject.ask(1, 1).await.expect("a value");
        subject.loads() == loads
    })
    .await;
}

/// Connections that were lost. One whose handshake got no processor in time is untracked; a better one takes its
/// place later, which is no loss.
fn reconnects(subject: &Subject) -> u64 {
    let stats = subject.cache.stats();
    stats.reconnects.saturating_sub(stats.untracked_connections)
}

/// What a pass has added to the counters.
struct Pass {
    loads: u64,
    stored: u64,
    reconnects: u64,
}

async fn pass(subject: &Subject, calls: impl Future<Output = ()>) -> Pass {
    let stored = || subject.cache.stats().functions.iter().map(|one| one.stored).sum::<u64>();
    let before = (subject.loads(), stored(), reconnects(subject));
    calls.await;
    // A FILL may go on behind its answer.
    poll::until_async("all flights have ended", PATIENCE, async || {
        subject.cache.loads_in_flight() == 0
    })
    .await;
    Pass {
        loads: subject.loads() - before.0,
        stored: stored() - before.1,
        reconnects: reconnects(subject) - before.2,
    }
}

#[test]
fn a_burst_in_one_task_hits() {
    on_each_runtime(async |_, subject| {
        let calls = || in_one_task((0..MANY).map(|id| subject.ask(id, id)));
        let passes = [pass(&subject, calls()).await, pass(&subject, calls()).await];
        assert_eq!(passes.map(|pass| (pass.loads, pass.reconnects)), [(MANY, 0), (0, 0)]);
    });
}

#[test]
fn a_burst_of_cold_keys_is_stored() {
    on_each_runtime(async |_, subject| {
        let calls = async {
            let bystander = tokio::spawn({
                let subject = subject.clone();
                async move {
                    subject.ask(MANY, 1).await.expect("a value");
                    for _ in 0..20 {
                        subject.ask(MANY, 1).await.expect("a value");
                    }
                }
            });
            let mut tasks = JoinSet::new();
            for id in 0..MANY {
                let subject = subject.clone();
                tasks.spawn(async move { subject.after(id, Duration::from_millis(20), id).await });
            }
            while let Some(done) = tasks.join_next().await {
                done.expect("no panic").expect("a value");
            }
            bystander.await.expect("no panic");
        };
        let pass = pass(&subject, calls).await;
        // And the one of the other task, whose hits are none of them.
        assert_eq!((pass.loads, pass.stored, pass.reconnects), (MANY + 1, MANY + 1, 0));
    });
}

#[test]
fn bodies_that_block_their_thread_are_stored() {
    on_each_runtime(async |_, subject| {
        let calls = async |range: std::ops::Range<u64>| {
            let mut tasks = JoinSet::new();
            for id in range {
                let subject = subject.clone();
                tasks.spawn(async move {
                    let blocks = async move {
                        std::thread::sleep(Duration::from_millis(100));
                        Ok(id)
                    };
                    subject.load(id, blocks).await
                });
            }
            while let Some(done) = tasks.join_next().await {
                done.expect("no panic").expect("a value");
            }
        };
        let first = pass(&subject, calls(0..6)).await;
        assert_eq!((first.loads, first.stored, first.reconnects), (6, 6, 0));
        let second = pass(&subject, calls(0..6)).await;
        assert_eq!((second.loads, second.reconnects), (0, 0));
    });
}

#[test]
fn a_server_that_pauses_for_a_moment_keeps_its_connection() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        multi_thread().block_on(async {
            let subject = Subject::within(server.url(), BUDGET).connected().await;
            subject.ask(1, 1).await.expect("a value");
            server.stop();
            // Silent for a whole budget: the next calls do not wait.
            poll::until_async("the breaker is open", PATIENCE, async || {
                subject.ask(1, 1).await.expect("a value");
                let kind = subject.invalidate(9).await.expect_err("it is stopped").kind();
                kind == cached_redis::ErrorKind::Unreachable
            })
            .await;
            server.cont();
            hits_again(&subject).await;
            assert_eq!(reconnects(&subject), 0);
        });
    });
}

#[test]
fn a_server_that_is_silent_for_one_call_keeps_its_connection() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        for runtime in [current_thread(), multi_thread()] {
            runtime.block_on(async {
                let subject = Subject::within(server.url(), BUDGET).connected().await;
                subject.ask(1, 1).await.expect("a value");
                let loads = subject.loads();
                server.stop();
                // It answers again as soon as a whole budget is over.
                subject.ask(1, 1).await.expect("a value");
                assert_eq!(subject.loads() - loads, 1, "it was silent");
                server.cont();
                hits_again(&subject).await;
                assert_eq!(reconnects(&subject), 0);
            });
        }
    });
}

#[test]
fn a_program_that_blocks_on_each_call_hits_again_after_an_outage() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        let runtime = current_thread();
        let subject = runtime.block_on(Subject::within(server.url(), BUDGET).connected());
        let ask = || {
            let loads = subject.loads();
            runtime.block_on(subject.ask(1, 1)).expect("a value");
            subject.loads() == loads
        };
        ask();
        assert!(ask(), "a hit");
        server.kill();
        assert!(!ask(), "it is away");
        server.restart();
        // Nothing drives the runtime but the calls themselves.
        poll::until("hits are back", PATIENCE, || {
            ask();
            ask()
        });
    });
}

#[test]
fn a_runtime_that_idles_keeps_another_one_from_nothing() {
    each_server(|server| {
        let (maker, worker) = (current_thread(), current_thread());
        let subject = maker.block_on(async {
            let subject = Subject::on(server).connected().await;
            subject.ask(1, 1).await.expect("a value");
            subject
        });
        // `maker` is kept, and not driven any more.
        worker.block_on(async {
            let loads = subject.loads();
            for _ in 0..200 {
                subject.ask(1, 1).await.expect("a value");
            }
            assert_eq!((subject.loads() - loads, reconnects(&subject)), (0, 0));
        });
        maker.block_on(async {
            let loads = subject.loads();
            subject.ask(1, 1).await.expect("a value");
            assert_eq!(subject.loads(), loads, "and back again");
        });
    });
}

#[test]
fn a_connection_outlives_the_runtime_that_made_it() {
    each_server(|server| {
        let subject = Subject::on(server);
        for _ in 0..10 {
            current_thread().block_on(subject.ask(1, 1)).expect("a value");
        }
        assert_eq!((subject.loads(), reconnects(&subject)), (1, 0));
    });
}

#[test]
fn what_is_far_too_long_under_a_key_is_replaced_and_costs_nobody_else_a_hit() {
    each_server(|server| {
        multi_thread().block_on(async {
            let subject = Subject::on(server).connected().await;
            for id in [1, 2] {
                subject.ask(id, id).await.expect("a value");
            }
            let key = subject.key(1);
            server.command(&["SETRANGE", key.as_str(), "20000000", "x"]);
            let loads = subject.loads();
            for _ in 0..5 {
                assert_eq!(subject.ask(1, 1).await, Ok(1));
                assert_eq!(subject.ask(2, 2).await, Ok(2));
            }
            assert_eq!(subject.loads() - loads, 1, "replaced once");
            assert!(
                server.command(&["STRLEN", key.as_str()]).parse::<u64>().expect("a length") < 1_000
            );
        });
    });
}

#[test]
fn a_lease_without_an_end_is_replaced() {
    each_server(|server| {
        multi_thread().block_on(async {
            let subject = Subject::on(server).connected().await;
            let key = subject.key(1);
            let mut lease = b"CR\x01L\0\0\0\x08".to_vec();
            lease.extend([[7; 8], [9; 8], [9; 8], [9; 8], [0; 8], [0; 8], [0; 8]].concat());
            server.command(&[b"SET", key.as_bytes(), &lease]);
            assert_eq!(subject.ask(1, 1).await, Ok(1));
            assert_eq!(subject.ask(1, 2).await, Ok(1), "a hit");
            let waits: u64 = subject.cache.stats().functions.iter().map(|one| one.waits).sum();
            assert_eq!(waits, 0, "nobody has waited for it");
        });
    });
}
