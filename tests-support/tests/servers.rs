//! Servers are found or fetched, harmed as asked, and gone when their test is gone, however it ends.

#![allow(clippy::unwrap_used, clippy::panic)]

use cached_redis_test_support::process::{self, Child};
use cached_redis_test_support::resp::Reply;
use cached_redis_test_support::{
    Server, available, each_binary, each_server, poll, unique_namespace,
};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a process exists and is not merely waiting to be collected.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
    state.is_some_and(|state| !state.starts_with('Z'))
}

#[test]
fn every_server_answers_and_is_what_its_label_says() {
    each_server(|server| {
        let key = unique_namespace("servers");
        assert_eq!(server.command(&["SET", &key, "a b"]), "OK");
        assert_eq!(server.command(&["GET", &key]), "a b");
        assert_eq!(server.command(&["DEL", &key]), "1");
        assert_eq!(server.command(&["GET", &key]), "(nil)");
        assert!(server.command(&["NOSUCH"]).starts_with("(error) ERR unknown command"));
        let version = server.version();
        if let Some((_, label)) = server.label().split_once('-') {
            assert!(version.starts_with(label), "{} reports {version}", server.label());
        }
        eprintln!("{} is {version} at {}", server.label(), server.url());
    });
}

#[test]
fn commands_are_counted_without_the_ones_that_ask() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        server.reset_commandstats();
        server.command(&["GET", "a"]);
        server.command(&["GET", "b"]);
        server.command(&["SET", "b", "1"]);
        let counts: Vec<_> = server.commandstats().into_iter().collect();
        assert_eq!(counts, [("get".to_owned(), 2), ("set".to_owned(), 1)]);
        server.reset_commandstats();
        assert!(server.commandstats().is_empty());
    });
}

#[test]
fn arguments_reach_the_server() {
    each_binary(|binary| {
        let server = Server::start(binary, &["--maxmemory", "3mb"]);
        assert_eq!(server.command(&["CONFIG", "GET", "maxmemory"]), "maxmemory\n3145728");
        let locked = Server::start(binary, &["--requirepass", "secret"]);
        assert!(locked.command(&["GET", "a"]).contains("NOAUTH"));
    });
}

#[test]
#[should_panic(expected = "does not start")]
fn a_server_that_cannot_start_says_why() {
    let Some(binary) = available().first() else { panic!("does not start: none of our own") };
    Server::start(binary, &["--no-such-option", "1"]);
}

#[test]
fn a_killed_server_is_away_until_it_is_started_again_empty_at_the_same_port() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        let (port, pid) = (server.port(), server.pid().to_string());
        server.command(&["SET", "a", "1"]);
        server.kill();
        assert!(!runs(&pid));
        assert!(server.ask(&["PING"]).is_err());
        server.restart();
        assert_eq!(server.port(), port);
        assert_eq!(server.command(&["GET", "a"]), "(nil)");
    });
}

#[test]
fn a_stopped_server_is_silent_and_goes_on_where_it_was() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        server.command(&["SET", "a", "1"]);
        server.stop();
        let state = std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
        assert!(state.contains(") T "), "stopped: {state}");
        server.cont();
        assert_eq!(server.ask(&["GET", "a"]).unwrap(), Reply::Bulk(b"1".to_vec()));
    });
}

#[test]
fn a_dropped_server_is_gone() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        let pid = server.pid().to_string();
        // A frozen process does not react to polite signals.
        server.stop();
        drop(server);
        assert!(!runs(&pid));
    });
}

#[test]
fn no_server_outlives_a_test_process_that_is_killed() {
    if process::role("owner").is_some() {
        // Shared servers live in a static, which nobody drops.
        each_server(|server| process::say(&server.pid().to_string()));
        process::say("all");
        while process::hear().is_some() {}
        return;
    }
    if available().is_empty() {
        return;
    }
    let name = "no_server_outlives_a_test_process_that_is_killed";
    let mut owner = Child::spawn_self("owner", name, &[]);
    let mut pids = Vec::new();
    loop {
        match owner.line() {
            line if line == "all" => break,
            pid => pids.push(pid),
        }
    }
    assert_eq!(pids.len(), available().len());
    assert!(pids.iter().all(|pid| runs(pid)));
    owner.kill();
    for pid in pids {
        poll::until(format!("server {pid} is gone"), PATIENCE, || !runs(&pid));
    }
}
