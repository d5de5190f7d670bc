//! Copies under thousands of schedules: none outlives what is known of its entry.

use std::sync::Arc;
use std::time::Duration;

use shuttle::thread;

use super::{Local, Original};
use crate::record::{self, Codec, Kind, Record};
use crate::session::Sessions;
use crate::store::memory::MemoryStore;
use crate::watched::schedules::{KEY, Server, under_all};

const SCHEMA: u64 = 7;
const BOUND: Duration = Duration::from_secs(3600);
const COPY: &[u8] = b"copy";

fn tier(server: &Server) -> Arc<Local> {
    let store = Arc::new(MemoryStore::new("ns"));
    Local::over(&Sessions::new(store, BOUND), Arc::clone(&server.watched), 1 << 20)
}

/// Reads the entry under a watch, and keeps a copy.
fn read(server: &Server, local: &Local) {
    let Some(begun) = server.watched.begin(KEY, BOUND) else { return };
    let Some(version) = server.read() else { return };
    let record = Record::read(record::value(Kind::Value, Codec::Json, SCHEMA)).expect("ours");
    let original = Original { record: &record, fresh: BOUND, since: local.now() };
    local.keep(begun, None, COPY, &original, Some(version));
}

/// The version that a copy answers with.
fn answer(local: &Arc<Local>) -> Option<u64> {
    *local.get(None, COPY, SCHEMA, BOUND)?.value::<Option<u64>>()?
}

/// Several at a time do all this to one entry; `then` is asked when all has arrived.
fn together(acts: Vec<fn(&Server, &Arc<Local>)>, then: fn(&Server, &Arc<Local>)) {
    let server = Server::connected();
    let local = tier(&server);
    let threads: Vec<_> = acts
        .into_iter()
        .map(|act| {
            let (server, local) = (Arc::clone(&server), Arc::clone(&local));
            thread::spawn(move || act(&server, &local))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    // Its reply comes after everything that was reported before.
    server.read();
    then(&server, &local);
}

#[test]
fn what_others_change_is_answered_no_more_once_that_is_reported() {
    under_all(|| {
        let reads: fn(&Server, &Arc<Local>) = |server, local| read(server, local);
        let writes: fn(&Server, &Arc<Local>) = |server, _| _ = server.write();
        together(vec![reads, reads, writes], |server, local| {
            let answer = answer(local);
            assert!(answer.is_none_or(|answer| answer == server.version()), "{answer:?}");
            // One that has ended without being removed is removed when it is asked for.
            assert!(local.size().0 <= server.watched.len() as u64, "a copy that nothing ends");
        });
    });
}

#[test]
fn what_this_process_changes_is_answered_no_more_when_that_returns() {
    under_all(|| {
        together(
            vec![|server, local| read(server, local), |server, local| {
                let version = server.write();
                server.watched.changed(KEY);
                let answer = answer(local);
                assert!(answer.is_none_or(|answer| answer >= version), "{answer:?}");
            }],
            |_, _| {},
        );
    });
}

#[test]
fn nothing_is_answered_of_a_connection_that_is_lost() {
    under_all(|| {
        together(
            vec![|server, local| read(server, local), |server, _| server.cut(), |server, _| {
                _ = server.write()
            }],
            |server, local| {
                let answer = answer(local);
                assert!(answer.is_none_or(|answer| answer == server.version()), "{answer:?}");
            },
        );
    });
}

#[test]
fn who_waits_and_who_copies_share_the_watches_of_an_entry() {
    under_all(|| {
        together(
            vec![
                |server, local| read(server, local),
                |server, _| {
                    let waiter = server.watched.wait_for(KEY);
                    if server.read() == Some(1) {
                        shuttle::future::block_on(waiter.changed(|| true));
                    }
                },
                |server, _| _ = server.write(),
            ],
            |server, local| {
                let answer = answer(local);
                assert!(answer.is_none_or(|answer| answer == server.version()), "{answer:?}");
                server.watched.changed(KEY);
                assert_eq!((server.watched.len(), local.size().0), (0, 0));
            },
        );
    });
}
