//! A stopwatch measures what is tested, not the machine.

use std::process::Command;
use std::time::{Duration, Instant};

use cached_redis_test_support::process::{self, Child};
use cached_redis_test_support::{Stopwatch, poll};

const PAUSE: Duration = Duration::from_millis(400);

#[test]
fn time_passes() {
    let stopwatch = Stopwatch::start();
    poll::until("time has passed", Duration::from_secs(60), || stopwatch.elapsed() >= PAUSE);
}

#[test]
fn a_process_that_is_paused_loses_no_time() {
    if process::role("paused").is_some() {
        let (stopwatch, started) = (Stopwatch::start(), Instant::now());
        process::say("running");
        process::hear();
        assert!(started.elapsed() >= PAUSE, "{:?}", started.elapsed());
        assert!(stopwatch.elapsed() < PAUSE / 2, "{:?}", stopwatch.elapsed());
        return;
    }
    let mut child = Child::spawn_self("paused", "a_process_that_is_paused_loses_no_time", &[]);
    assert_eq!(child.line(), "running");
    let signal = |name: &str| {
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().is_ok_and(|s| s.success()));
    };
    signal("STOP");
    std::thread::sleep(PAUSE);
    signal("CONT");
    child.send("go on");
    assert!(child.finish());
}
