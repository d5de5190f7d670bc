//! Entries that were made to take memory, in a program that counts its own: a reader holds no more than what it reads,
//! unpacked to the bound, and a little. A test target of its own, because what counts is the allocator of the program.

#![allow(missing_docs, clippy::expect_used, clippy::panic)]

use std::cell::Cell;
use std::time::Duration;

use cached_redis::{Cache, KeyRing, redis_cached};
use serde::{Deserialize, Serialize};

const MAX_VALUE: usize = 64 * 1024;
/// The longest payload that is read, at each stage: see `CacheBuilder::max_value_bytes`.
const LONGEST: usize = 4 * MAX_VALUE + 64 * 1024;
/// What a call takes besides: its key, its attempt, a load and a store of a small value.
const LITTLE: usize = 64 * 1024;

/// Lists in lists. Where a length is believed, each takes memory before its first element has been read.
#[derive(Serialize, Deserialize)]
struct Lists(Vec<Lists>);

/// Takes memory, and in a format without names not a byte.
#[derive(Default, Serialize, Deserialize)]
struct Skipped {
    #[serde(skip)]
    _cached: [u64; 16],
}

#[derive(Serialize, Deserialize)]
struct Value {
    lists: Lists,
    text: String,
    skipped: Vec<Skipped>,
    numbers: Vec<f64>,
}

thread_local! {
    static LOADS: Cell<u32> = const { Cell::new(0) };
}

fn load() -> Value {
    LOADS.set(LOADS.get() + 1);
    Value {
        lists: Lists(vec![Lists(Vec::new())]),
        text: "text ".repeat(400),
        skipped: Vec::new(),
        numbers: vec![0.1],
    }
}

macro_rules! functions {
    ($($name:ident, $entry:ident: [$($option:tt)*];)*) => {
        $(
            #[redis_cached(ttl = 600, prefix = "hostile", $($option)*)]
            async fn $name() -> Value {
                load()
            }
        )*

        async fn call(function: &str) {
            match function {
                $(stringify!($name) => drop($name().await),)*
                _ => panic!("no function {function}"),
            }
        }

        fn key(function: &str) -> String {
            let key = match function {
                $(stringify!($name) => $entry().key(),)*
                _ => panic!("no function {function}"),
            };
            key.expect("a key")
        }
    };
}

functions! {
    json, json_entry: [codec = Json];
    messagepack, messagepack_entry: [codec = MessagePack];
    postcard, postcard_entry: [codec = Postcard, version = 1];
    lz4, lz4_entry: [compress = lz4];
    zstd, zstd_entry: [compress = zstd];
    encrypted, encrypted_entry: [encrypt];
}

fn cache() -> Cache {
    let builder = Cache::builder().memory().namespace("hostile").max_value_bytes(MAX_VALUE);
    builder.encryption(KeyRing::new("a", [1; 32])).build().expect("a cache")
}

/// So many bytes of memory were held at a time by a call that finds this payload, which is no answer.
fn held(cache: &Cache, function: &str, payload: &[u8]) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let store = cache.memory_store().expect("in-process");
    let call = || runtime.block_on(cache.scope(call(function)));
    call();
    let key = runtime.block_on(cache.scope(async { key(function) }));
    let mut record = store.get_raw(&key).expect("stored");
    // Of the entry that is there, all but the payload stays: its header says that it is this function's.
    record.truncate(usize::from(record[7]) * 8);
    record.extend_from_slice(payload);
    store.set_raw(&key, record, Duration::from_secs(60));
    let before = LOADS.get();
    let counted = allocation_counter::measure(call);
    assert_eq!(LOADS.get(), before + 1, "{function}: a miss");
    assert!(store.evict(&key), "{function}: stored again");
    counted.bytes_max
}

fn assert_bounded(function: &str, what: &str, payload: &[u8], most: usize) {
    let held = held(&cache(), function, payload);
    assert!(held <= (most + LITTLE) as u64, "{function}, {what}: {held} bytes, not {most}");
}

/// What a codec makes of each byte is in proportion to it: an element of a byte is 24 bytes in memory, twice while
/// its list grows, and a list of one element has room for four.
const FOR_A_BYTE: usize = 256;

#[test]
fn a_length_that_is_a_lie_takes_no_memory() {
    let array = [0xdd, 0xff, 0xff, 0xff, 0xff];
    let fields = |name: &str, rest: &[u8]| {
        let name = [&[0x84, 0xa0 | name.len() as u8], name.as_bytes()].concat();
        [&name, rest].concat()
    };
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let million = [0x80, 0x80, 0x40];
    for (function, what, payload) in [
        ("messagepack", "a list of four billion", fields("numbers", &array)),
        ("messagepack", "lists of four billion", fields("lists", &array.repeat(120))),
        ("messagepack", "a text of 4 GB", fields("text", &[0xdb, 0xff, 0xff, 0xff, 0xff, b'x'])),
        ("messagepack", "bytes of 4 GB", fields("text", &[0xc6, 0xff, 0xff, 0xff, 0xff, b'x'])),
        ("messagepack", "a map of four billion", vec![0xdf, 0xff, 0xff, 0xff, 0xff]),
        ("messagepack", "what nobody asks for", fields("other", &array.repeat(120))),
        ("postcard", "lists without end", huge.repeat(120)),
        ("postcard", "a text without end", [&[0][..], &huge].concat()),
        ("postcard", "numbers without end", [&[0, 0, 0][..], &huge].concat()),
    ] {
        assert_bounded(function, what, &payload, FOR_A_BYTE * payload.len());
    }
    // A megabyte of elements that take no bytes, and the list is moved once to where it is twice as long.
    let payload = [&[0, 0][..], &million].concat();
    assert_bounded("postcard", "elements without bytes", &payload, 3 << 20);
}

#[test]
fn what_is_nested_takes_no_memory() {
    for (function, what, payload) in [
        ("json", "lists", b"{\"lists\":".iter().chain(&[b'['; 100_000]).copied().collect()),
        ("json", "maps", b"{\"a\":".repeat(50_000)),
        (
            "json",
            "a text that does not end",
            [b"{\"text\":\"".as_slice(), &[b'x'; 100_000]].concat(),
        ),
        (
            "json",
            "a number of many digits",
            [b"{\"numbers\":[".as_slice(), &[b'9'; 100_000]].concat(),
        ),
        ("messagepack", "lists", vec![0x91; 100_000]),
        ("messagepack", "extensions", vec![0xc7; 100_000]),
        ("postcard", "lists", vec![1; 100_000]),
    ] {
        assert_bounded(function, what, &payload, 4 * payload.len());
    }
}

#[test]
fn a_bomb_is_not_unpacked() {
    let claim = |length: u32, block: &[u8]| [&length.to_le_bytes(), block].concat();
    // A megabyte of zeros: one literal, and a match of it that goes on for so many bytes of 255.
    let lz4 = [&[0x1f, 0, 1, 0][..], &[0xff; 4_111], &[0x0f, 0x50], &[0; 5]].concat();
    // A frame that is a gigabyte by its header, and one run of zeros of 128 KiB after another.
    let run = [0x02, 0x00, 0x10, 0x00];
    let zstd = [&[0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x40][..], &run.repeat(8_192)].concat();
    for (function, block) in [("lz4", lz4), ("zstd", zstd)] {
        for length in [0, 1, LONGEST as u32, LONGEST as u32 + 1, 1 << 30, u32::MAX] {
            let payload = claim(length, &block);
            let what = format!("{length} bytes");
            assert_bounded(function, &what, &payload, LONGEST + 2 * payload.len());
        }
        for length in [LONGEST as u32, u32::MAX] {
            let payload = claim(length, &block[..4]);
            assert_bounded(function, "nothing behind it", &payload, LONGEST);
        }
    }
}

#[test]
fn a_ciphertext_takes_no_more_than_it_is_long() {
    let cache = cache();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(cache.scope(call("encrypted")));
    let key = runtime.block_on(cache.scope(async { key("encrypted") }));
    let sealed = cache.memory_store().and_then(|store| store.get_raw(&key)).expect("stored");
    // The id of the key, the commitment and the nonce are right; what is encrypted is not.
    let front = &sealed[usize::from(sealed[7]) * 8..][..2 + 32 + 24];
    for (what, payload) in [
        ("an id longer than all", vec![0xff; 10]),
        ("an id, and no more", [&[0xff][..], &[b'a'; 255]].concat()),
        ("long, and not authentic", [front, &vec![0; LONGEST]].concat()),
        ("no tag", front.to_vec()),
    ] {
        assert_bounded("encrypted", what, &payload, 4 * payload.len());
    }
}
