//! A server that answers with errors.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cached_redis::ErrorKind;
use cached_redis_test_support::{Stopwatch, unique_namespace};

use crate::loads::{Loads, each_own_cache, patient, patient_at, runtime, value, value_entry};

/// Answers each command with one line: `+OK` until told to fail, then an error.
struct Moody {
    port: u16,
    fails: Arc<AtomicBool>,
}

impl Moody {
    fn start(error: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let fails = Arc::new(AtomicBool::new(false));
        let failing = Arc::clone(&fails);
        // Ends with the process: nothing is left when the tests are through.
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let failing = Arc::clone(&failing);
                std::thread::spawn(move || answer(&connection, error, &failing));
            }
        });
        Self { port, fails }
    }

    fn fail(&self) {
        self.fails.store(true, Ordering::SeqCst);
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

fn answer(mut connection: &TcpStream, error: &str, fails: &AtomicBool) -> Option<()> {
    let mut requests = BufReader::new(connection);
    loop {
        let command = request(&mut requests)?;
        let reply = match command.as_str() {
            _ if fails.load(Ordering::SeqCst) => format!("-{error}\r\n"),
            "GET" => "$-1\r\n".to_owned(),
            _ => "+OK\r\n".to_owned(),
        };
        connection.write_all(reply.as_bytes()).ok()?;
    }
}

/// The name of the next command; none once the connection has ended.
fn request(from: &mut impl BufRead) -> Option<String> {
    let mut words = Vec::new();
    for _ in 0..length(from)? {
        let mut word = vec![0; length(from)? + 2];
        from.read_exact(&mut word).ok()?;
        words.push(String::from_utf8_lossy(&word).trim_end().to_uppercase());
    }
    words.into_iter().next()
}

/// `*3` or `$3`.
fn length(from: &mut impl BufRead) -> Option<usize> {
    let mut line = String::new();
    from.read_line(&mut line).ok()?;
    line.trim_end().get(1..)?.parse().ok()
}

const ERRORS: [&str; 9] = [
    "LOADING Redis is loading the dataset in memory",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "READONLY You can't write against a read only replica.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "NOAUTH Authentication required.",
    "MISCONF Redis is configured to save RDB snapshots, but is unable to persist to disk.",
    "MOVED 3999 127.0.0.1:6381",
    "ERR max number of clients reached",
];

/// Calls run their loads, helpers return errors, and nothing takes its time.
async fn only_helpers_notice(error: &str) {
    let stopwatch = Stopwatch::start();
    let loads = Loads::default();
    for id in 0..10 {
        assert_eq!(value(id, loads.gives(id)).await, id, "{error}");
    }
    assert_eq!(loads.begun(), 10, "{error}");
    let refused = value_entry(1).put(1).await.expect_err(error);
    assert!(matches!(refused.kind(), ErrorKind::Server | ErrorKind::Unreachable), "{refused}");
    let took = stopwatch.elapsed();
    assert!(took < Duration::from_secs(1), "{error}: {took:?}");
}

// cachekit hands LOADING, OOM and READONLY to its caller.
#[test]
fn error_replies_from_the_first_connection_on() {
    runtime().block_on(async {
        for error in ERRORS {
            let server = Moody::start(error);
            server.fail();
            let cache = patient_at(&server.url(), &unique_namespace("test"));
            cache.scope(only_helpers_notice(error)).await;
        }
    });
}

#[test]
fn error_replies_on_a_connection_that_was_fine() {
    runtime().block_on(async {
        for error in ERRORS {
            let server = Moody::start(error);
            let cache = patient(&server.url(), &unique_namespace("test")).await;
            server.fail();
            cache.scope(only_helpers_notice(error)).await;
            let counted = cache.stats().functions[0].errors.clone();
            assert!(counted.keys().eq([&"server"]), "{error}: {counted:?}");
        }
    });
}

// The same from real servers.
#[test]
fn error_replies_of_servers_that_are_full_or_have_lost_their_primary() {
    let faults: [(&[&[&str]], &[&str]); 2] = [
        (&[&["CONFIG", "SET", "maxmemory", "1"]], &["CONFIG", "SET", "maxmemory", "0"]),
        (
            &[
                &["CONFIG", "SET", "replica-serve-stale-data", "no"],
                &["REPLICAOF", "127.0.0.1", "1"],
            ],
            &["REPLICAOF", "NO", "ONE"],
        ),
    ];
    for (break_it, mend_it) in faults {
        each_own_cache(async |server, cache| {
            for command in break_it {
                assert_eq!(server.command(command), "OK");
            }
            only_helpers_notice(&format!("{break_it:?}")).await;
            let errors = cache.stats().functions[0].errors.clone();
            assert!(errors.keys().eq([&"server"]), "{errors:?}");
            assert_eq!(server.command(mend_it), "OK");
            let loads = Loads::default();
            for _ in 0..2 {
                assert_eq!(value(20, loads.gives(20)).await, 20);
            }
            assert_eq!(loads.begun(), 1, "a hit, at once");
        });
    }
}
