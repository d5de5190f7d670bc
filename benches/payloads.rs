//! What it takes to write and read values, by codec and size, and to compress and encrypt them.
//!
//! `cargo bench --bench payloads [-- --quick]`. Codecs are called as calls do. Seals are what a hit and a `put` on the
//! in-process store take more with the option than without it: everything that the option costs, in rounds that alternate.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

mod figures;

use std::hint::black_box;
use std::time::{Duration, Instant};

use cached_redis::__private::ValueCodec;
use cached_redis::{Cache, Json, KeyRing, MessagePack, Postcard, redis_cached};
use figures::{Table, digits, quantile};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

/// Rows of a value; each is some 100 bytes of JSON.
const ROWS: [usize; 5] = [1, 10, 100, 1_000, 10_000];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    id: u64,
    name: String,
    cents: u64,
    rating: f64,
    tags: Vec<String>,
    stock: u32,
}

const WORDS: [&str; 16] = [
    "oak", "lamp", "kitchen", "steel", "blue", "table", "garden", "small", "chair", "glass",
    "wool", "sale", "round", "light", "brass", "new",
];

/// Always the same, and about as repetitive as a list of products is.
fn value(rows: usize) -> Vec<Row> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut words = |count: usize| {
        let words: Vec<_> = (0..count).map(|_| WORDS[random.usize(..WORDS.len())]).collect();
        words
    };
    let names: Vec<_> = (0..rows).map(|_| (words(2).join(" "), words(2))).collect();
    let row = |(name, tags): (String, Vec<&str>)| Row {
        id: random.u64(100_000..1_000_000),
        name,
        cents: random.u64(100..100_000),
        rating: f64::from(random.u32(10..50)) / 10.0,
        tags: tags.into_iter().map(str::to_owned).collect(),
        stock: random.u32(..1_000),
    };
    names.into_iter().map(row).collect()
}

/// How long to measure.
#[derive(Clone, Copy)]
struct Effort {
    rounds: usize,
    time: Duration,
}

impl Effort {
    /// How often to do something, so that a round takes that long.
    fn times(self, once: Duration) -> u32 {
        let times = self.time.as_nanos() / once.as_nanos().max(1);
        u32::try_from(times).unwrap_or(u32::MAX).max(1)
    }

    /// Microseconds, the median of the rounds.
    fn micros(self, mut what: impl FnMut()) -> f64 {
        let began = Instant::now();
        what();
        let times = self.times(began.elapsed());
        let round = |_| {
            let began = Instant::now();
            (0..times).for_each(|_| what());
            micros(began.elapsed(), times)
        };
        quantile(&(0..self.rounds).map(round).collect::<Vec<_>>(), 0.5)
    }
}

fn micros(time: Duration, times: u32) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(times)
}

/// Bytes, encoding and decoding.
fn codec<C: ValueCodec>(effort: Effort, value: &Vec<Row>) -> [String; 3] {
    let mut bytes = Vec::new();
    C::write(value, &mut bytes).expect("a value that it carries");
    let encode = effort.micros(|| {
        let mut out = Vec::new();
        C::write(black_box(value), &mut out).expect("as before");
        black_box(out);
    });
    let decode = effort.micros(|| {
        black_box(C::read::<Vec<Row>>(black_box(&bytes)).expect("what was written"));
    });
    [bytes.len().to_string(), digits(encode), digits(decode)]
}

fn codecs(effort: Effort) {
    let mut columns = vec!["rows".to_owned()];
    for codec in ["JSON", "MessagePack", "postcard"] {
        columns
            .extend(["bytes", "encode, µs", "decode, µs"].map(|what| format!("{codec}, {what}")));
    }
    let columns: Vec<_> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new("codecs", &columns);
    for rows in ROWS {
        let value = value(rows);
        let found = [
            codec::<Json>(effort, &value),
            codec::<MessagePack>(effort, &value),
            codec::<Postcard>(effort, &value),
        ];
        table.row([vec![rows.to_string()], found.concat()].concat());
    }
    table.print();
}

#[redis_cached(ttl = "1h", prefix = "bench")]
async fn plain(rows: usize) -> Vec<Row> {
    value(rows)
}

#[redis_cached(ttl = "1h", prefix = "bench", compress)]
async fn lz4(rows: usize) -> Vec<Row> {
    value(rows)
}

#[redis_cached(ttl = "1h", prefix = "bench", compress = zstd)]
async fn zstd(rows: usize) -> Vec<Row> {
    value(rows)
}

#[redis_cached(ttl = "1h", prefix = "bench", encrypt)]
async fn encrypted(rows: usize) -> Vec<Row> {
    value(rows)
}

/// How long so many puts and hits of a function take, in a cache of the scope.
macro_rules! sides {
    ($($function:ident / $entry:ident),*) => {[$(
        Side {
            put: |rows, value, times| Box::pin(async move {
                for _ in 0..times {
                    $entry(rows).put(Vec::clone(value)).await.expect("a store");
                }
            }),
            hit: |rows, times| Box::pin(async move {
                for _ in 0..times {
                    black_box($function(rows).await);
                }
            }),
        }
    ),*]};
}

type Running<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;

struct Side {
    put: for<'a> fn(usize, &'a Vec<Row>, u32) -> Running<'a>,
    hit: fn(usize, u32) -> Running<'static>,
}

async fn timed(running: Running<'_>, times: u32) -> f64 {
    let began = Instant::now();
    running.await;
    micros(began.elapsed(), times)
}

/// Of a value: puts and hits of each side, in microseconds, less those of the first side.
async fn beyond_plain(effort: Effort, sides: &[Side], rows: usize) -> Vec<[f64; 2]> {
    let value = value(rows);
    // The first stores of a function are read back.
    for side in sides {
        (side.put)(rows, &value, 20).await;
    }
    let once = Duration::from_secs_f64(timed((sides[0].put)(rows, &value, 1), 1).await / 1e6);
    let times = effort.times(once);
    let mut found = vec![[Vec::new(), Vec::new()]; sides.len()];
    for _ in 0..effort.rounds {
        let mut plain = [0.0; 2];
        for (at, side) in sides.iter().enumerate() {
            let put = timed((side.put)(rows, &value, times), times).await;
            let hit = timed((side.hit)(rows, times), times).await;
            if at == 0 {
                plain = [put, hit];
            }
            found[at][0].push(put - plain[0]);
            found[at][1].push(hit - plain[1]);
        }
    }
    found.into_iter().map(|both| both.map(|rounds| quantile(&rounds, 0.5))).collect()
}

/// What is stored of a value, in bytes: what a hit reads.
async fn stored(cache: &Cache, side: &Side, rows: usize) -> u64 {
    let read = || cache.stats().functions.iter().map(|function| function.bytes_read).sum();
    let before: u64 = read();
    (side.hit)(rows, 1).await;
    read() - before
}

fn seals(effort: Effort) {
    let keys = KeyRing::new("bench", [7; 32]);
    let cache = Cache::builder().memory().namespace("bench").max_value_bytes(8 << 20);
    let cache = cache.encryption(keys).build().expect("good settings");
    let sides = sides![
        plain / plain_entry,
        lz4 / lz4_entry,
        zstd / zstd_entry,
        encrypted / encrypted_entry
    ];
    let mut columns = vec!["rows".to_owned(), "as it is, bytes".to_owned()];
    for seal in ["LZ4", "zstd", "encrypted"] {
        columns.extend(["bytes", "seal, µs", "open, µs"].map(|what| format!("{seal}, {what}")));
    }
    let columns: Vec<_> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new("seals", &columns);
    let runtime = Runtime::new().expect("a runtime");
    for rows in ROWS {
        let row = cache.scope(async {
            let found = beyond_plain(effort, &sides, rows).await;
            let mut row = vec![rows.to_string(), stored(&cache, &sides[0], rows).await.to_string()];
            for (side, [seal, open]) in sides.iter().zip(found).skip(1) {
                row.push(stored(&cache, side, rows).await.to_string());
                row.extend([digits(seal.max(0.0)), digits(open.max(0.0))]);
            }
            row
        });
        table.row(runtime.block_on(row));
    }
    table.print();
}

fn main() {
    let is_quick = std::env::args().any(|argument| argument == "--quick");
    let (rounds, time) = if is_quick { (3, 1) } else { (9, 20) };
    let effort = Effort { rounds, time: Duration::from_millis(time) };
    codecs(effort);
    seals(effort);
}
