//! What a program sees that uses the `log` crate and has never heard of `tracing`. A binary of its own: the logger is
//! the process's, and `tracing` writes to it only while nobody has set a subscriber.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cached_redis::{Cache, redis_cached};
use log::{Level, LevelFilter, Log, Metadata, Record};

static LINES: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "cached_redis"
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = (record.level(), record.args().to_string());
            LINES.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    fn flush(&self) {}
}

#[redis_cached(ttl = Duration::ZERO, prefix = "log")]
async fn price(id: u64) -> u64 {
    id
}

#[tokio::test]
async fn a_silent_loss_is_a_record_of_the_log_crate() {
    log::set_logger(&Logger).expect("the first logger");
    log::set_max_level(LevelFilter::Warn);
    let cache = Cache::memory();
    for _ in 0..3 {
        assert_eq!(cache.scope(price(7)).await, 7);
    }
    let lines = LINES.lock().expect("no panic");
    let [(Level::Warn, line)] = &lines[..] else { panic!("not one warning: {lines:?}") };
    for part in ["its calls are not cached", "loss=\"options\"", "prefix=\"log\"", "name=\"price\""]
    {
        assert!(line.contains(part), "no {part} in {line}");
    }
}
