//! The last value that the macros accept and the first one that they refuse. `tests/shapes/limits.rs`
//! of the facade asks the runtime for the same.

use super::check;

/// Rows without messages are accepted.
const OK: &[&str] = &[];

#[test]
fn longest_ttl() {
    check(&[
        (r#"#[redis_cached(ttl = "30d")] async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#, OK),
        (
            r#"#[redis_cached(ttl = «"30d1ms"»)] async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            &["more than 30 days: write `\"30d\"` or less (numbers are seconds, not milliseconds)"],
        ),
        ("#[redis_cached(ttl = 2592000)] async fn get(id: u64) -> Result<u64, E> { Ok(id) }", OK),
        (
            "#[redis_cached(ttl = «2592001»)] async fn get(id: u64) -> Result<u64, E> { Ok(id) }",
            &["more than 30 days: write `\"30d\"` or less (numbers are seconds, not milliseconds)"],
        ),
    ]);
}

#[test]
fn longest_ttl_and_grace() {
    check(&[
        (
            r#"#[redis_cached(ttl = "10d", stale = "20d")]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            OK,
        ),
        (
            r#"#[redis_cached(ttl = "10d", stale = «"20d1ms"»)]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            &["`ttl` and this together are more than 30 days, for which nothing is kept: make \
                one of them shorter"],
        ),
        (
            r#"#[redis_cached(ttl = "10d", stale_if_error = "20d")]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            OK,
        ),
        (
            r#"#[redis_cached(ttl = "10d", stale_if_error = «"20d1ms"»)]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            &["`ttl` and this together are more than 30 days, for which nothing is kept: make \
                one of them shorter"],
        ),
    ]);
}

#[test]
fn shortest_lengths() {
    check(&[
        (r#"#[redis_cached(ttl = "1ms")] async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#, OK),
        (
            r#"#[redis_cached(ttl = 60, stale = "1ms")]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            OK,
        ),
        (
            r#"#[redis_cached(ttl = 60, stale_if_error = "1ms")]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            OK,
        ),
        (
            r#"#[redis_cached(ttl = 60, lock = "1ms")]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            OK,
        ),
        (
            r#"#[redis_cached(ttl = 60, load_timeout = "1ms", lock = false)]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            OK,
        ),
        (
            r#"#[redis_cached(ttl = 60, stale_if_error = 60, soft_timeout = "1ms")]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            OK,
        ),
    ]);
}

#[test]
fn stale_if_error_after_stale() {
    check(&[
        (
            r#"#[redis_cached(ttl = 60, stale = "10s", stale_if_error = "10s1ms")]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            OK,
        ),
        (
            r#"#[redis_cached(ttl = 60, stale = "10s", stale_if_error = «"10s"»)]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            &["`stale` serves the last value for as long anyway, so that this has no effect: \
                make it longer than `stale`, or remove it"],
        ),
    ]);
}

#[test]
fn longest_lease() {
    check(&[
        (
            r#"#[redis_cached(ttl = 60, lock = "30s")]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            OK,
        ),
        (
            r#"#[redis_cached(ttl = 60, lock = «"30s1ms"»)]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            &["this lease would outlive `load_timeout` (30 s where it is not written), after \
                which nobody waits for it: make it shorter, or `load_timeout` longer"],
        ),
        (
            r#"#[redis_cached(ttl = 60, lock = "5s", load_timeout = "5s")]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            OK,
        ),
        (
            r#"#[redis_cached(ttl = 60, lock = «"5s1ms"», load_timeout = "5s")]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            &["this lease would outlive `load_timeout`, after which nobody waits for it: make it \
                shorter, or `load_timeout` longer"],
        ),
    ]);
}

#[test]
fn longest_soft_timeout() {
    check(&[
        (
            r#"#[redis_cached(ttl = 60, stale_if_error = 60, soft_timeout = "29s999ms")]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            OK,
        ),
        (
            r#"#[redis_cached(ttl = 60, stale_if_error = 60, soft_timeout = «"30s"»)]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            &["`soft_timeout` has to end before `load_timeout` (30 s where it is not written), \
                after which nobody waits for the load: make it shorter"],
        ),
    ]);
}

#[test]
fn numbers() {
    check(&[
        (
            "#[redis_cached(ttl = 60, jitter = 1.0)]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }",
            OK,
        ),
        (
            "#[redis_cached(ttl = 60, jitter = «1.0000000000000002»)]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }",
            &["`jitter` is the share by which a life is shortened at most, from 0.0 to 1.0: \
                write `jitter = 0.1`"],
        ),
        (
            "#[redis_cached(ttl = 60, early = 10.0)]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }",
            OK,
        ),
        (
            "#[redis_cached(ttl = 60, early = «10.000000000000002»)]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }",
            &["`early` above 10 reloads long before the end: write `early = 1.0`, or make `ttl` \
                shorter"],
        ),
        (
            "#[redis_cached(ttl = 60, version = 4294967295)]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }",
            OK,
        ),
        (
            "#[redis_cached(ttl = 60, version = «4294967296»)]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }",
            &["`version` takes a whole number from 0 to 4294967295: write `version = 2`"],
        ),
    ]);
}

#[test]
fn shortest_ttl_with_early() {
    check(&[
        (
            r#"#[redis_cached(ttl = "1s", early = 1.0)]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            OK,
        ),
        (
            r#"#[redis_cached(ttl = "999ms", «early» = 1.0)]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
            &["`early` needs room to reload in before the end: make `ttl` at least `\"1s\"`, or \
                write `early = false`"],
        ),
    ]);
}

#[test]
fn most_tags() {
    check(&[(
        r#"#[redis_cached(ttl = 60, tags = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"])]
            async fn get(id: u64) -> Result<u64, E> { Ok(id) }"#,
        OK,
    )]);
}
