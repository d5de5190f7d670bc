#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cached_redis_fuzz::run("postcard", bytes));
