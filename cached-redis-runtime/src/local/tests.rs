use std::sync::Arc;
use std::time::Duration;

use tokio::time::advance;

use super::{Local, Original};
use crate::group::Generation;
use crate::record::{self, Codec, Kind, Record};
use crate::session::Sessions;
use crate::store::memory::MemoryStore;
use crate::watched::{Begun, Watched};

const SCHEMA: u64 = 7;
const BOUND: Duration = Duration::from_secs(1);
const KEY: &str = "entry";
const COPY: &[u8] = b"copy";

fn database(number: u64) -> Generation {
    Generation::new([1; 8], number)
}

/// A tier whose server has just been heard.
fn heard() -> (Arc<Local>, Arc<Watched>) {
    let watched = Arc::new(Watched::default());
    let store = Arc::new(MemoryStore::new("ns"));
    let local = Local::over(&Sessions::new(store, BOUND), Arc::clone(&watched), 1 << 20);
    assert!(watched.proves(watched.asks(), database(1)));
    (local, watched)
}

fn begin(watched: &Arc<Watched>) -> Begun {
    watched.begin(KEY, BOUND).expect("nobody else reads it")
}

fn keep(local: &Local, begun: Begun) {
    let record = Record::read(record::value(Kind::Value, Codec::Json, SCHEMA)).expect("ours");
    let original = Original { record: &record, fresh: 60 * BOUND, since: local.now() };
    local.keep(begun, None, COPY, &original, Some(1_u64));
}

fn copied() -> (Arc<Local>, Arc<Watched>) {
    let (local, watched) = heard();
    keep(&local, begin(&watched));
    assert!(answers(&local));
    (local, watched)
}

fn answers(local: &Arc<Local>) -> bool {
    let copy = local.get(None, COPY, SCHEMA, BOUND);
    copy.is_some_and(|copy| copy.value::<Option<u64>>() == Some(&Some(1)))
}

#[tokio::test(start_paused = true)]
async fn a_copy_ends_with_a_change_of_its_entry() {
    let (local, watched) = copied();
    watched.changed("another");
    assert!(answers(&local));
    watched.changed(KEY);
    assert!(!answers(&local));
    assert_eq!(local.size(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_changes_while_it_is_read_is_not_copied() {
    let (local, watched) = heard();
    let begun = begin(&watched);
    watched.changed(KEY);
    keep(&local, begun);
    assert!(!answers(&local));
    // Nor is it in the way of the next one.
    keep(&local, begin(&watched));
    assert!(answers(&local));
}

#[tokio::test(start_paused = true)]
async fn the_server_is_asked_at_once_only_where_it_has_not_been_heard() {
    let (local, watched) = heard();
    let is_wanted = async || {
        let wanted = local.heartbeat.wanted.notified();
        tokio::time::timeout(Duration::ZERO, wanted).await.is_ok()
    };
    assert!(local.begin("read once", BOUND).is_none());
    let _begun = watched.begin("read by another", BOUND);
    assert!(local.begin("read by another", BOUND).is_none() && !is_wanted().await);
    watched.forget();
    assert!(local.begin("read once", BOUND).is_none() && is_wanted().await);
}

#[tokio::test(start_paused = true)]
async fn one_caller_at_a_time_makes_a_copy() {
    let (_, watched) = heard();
    let begun = begin(&watched);
    assert!(watched.begin(KEY, BOUND).is_none());
    drop(begun);
    assert!(watched.begin(KEY, BOUND).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_copy_answers_while_the_server_is_heard() {
    let (local, watched) = copied();
    let asked = watched.asks();
    advance(BOUND - Duration::from_millis(1)).await;
    assert!(answers(&local));
    advance(Duration::from_millis(2)).await;
    assert!(!answers(&local));
    // A reply counts from when its question was sent.
    assert!(watched.proves(asked, database(1)));
    assert!(!answers(&local) && watched.begin("another", BOUND).is_none());
    assert!(watched.proves(watched.asks(), database(1)));
    assert!(answers(&local));
}

#[tokio::test(start_paused = true)]
async fn with_the_connection_all_copies_end() {
    let (local, watched) = copied();
    let (begun, asked) = (watched.begin("another", BOUND), watched.asks());
    watched.forget();
    assert!(!answers(&local));
    assert!(begun.expect("begun").keep(std::sync::Weak::<super::Table>::new(), COPY).is_none());
    // What was asked before says nothing of the next connection.
    assert!(!watched.proves(asked, database(1)) && watched.begin(KEY, BOUND).is_none());
    assert!(watched.proves(watched.asks(), database(1)));
    assert!(!answers(&local));
}

#[tokio::test(start_paused = true)]
async fn another_database_under_the_same_number_ends_them_too() {
    let (local, watched) = copied();
    assert!(!watched.proves(watched.asks(), database(2)));
    assert!(!answers(&local) && watched.begin(KEY, BOUND).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_copy_ends_with_the_fresh_life_of_its_value() {
    let (local, watched) = copied();
    advance(60 * BOUND).await;
    assert!(watched.proves(watched.asks(), database(1)));
    assert!(!answers(&local));
    assert_eq!(local.size(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_another_schema_or_type_does_not_answer() {
    let (local, _) = copied();
    assert!(local.get(None, COPY, SCHEMA + 1, BOUND).is_none());
    let copy = local.get(None, COPY, SCHEMA, BOUND).expect("a copy");
    assert_eq!(copy.value::<Option<u32>>(), None);
}

#[tokio::test(start_paused = true)]
async fn what_there_is_no_room_for_gives_its_place_up() {
    let (local, watched) = heard();
    let copies: Vec<_> = (0..10_000_u64).map(u64::to_le_bytes).collect();
    for copy in &copies {
        let key = format!("{copy:?}");
        let record = Record::read(record::value(Kind::Value, Codec::Json, SCHEMA)).expect("ours");
        let original = Original { record: &record, fresh: 60 * BOUND, since: local.now() };
        let begun = watched.begin(&key, BOUND).expect("nobody else reads it");
        local.keep(begun, None, copy, &original, Some(1_u64));
    }
    let (count, bytes) = local.size();
    assert!(bytes <= 1 << 20 && (500..10_000).contains(&count), "{count} copies, {bytes} bytes");
    assert_eq!(watched.len() as u64, count);
}
