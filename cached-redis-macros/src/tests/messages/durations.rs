//! Lengths of time, and which of them make sense together.

use super::check;

#[test]
fn texts() {
    check(&[
        (
            r#"#[redis_cached(ttl = «""»)] async fn get(id: u64) -> u64 { id }"#,
            &["an empty text is not a length of time; {LENGTH}"],
        ),
        (
            r#"#[redis_cached(ttl = «"1.5h"»)] async fn get(id: u64) -> u64 { id }"#,
            &[r#"`1.5h` has a fraction; use a smaller unit, as in `"1500ms"`; {LENGTH}"#],
        ),
        (
            r#"#[redis_cached(ttl = «"-5s"»)] async fn get(id: u64) -> u64 { id }"#,
            &["a length of time cannot be negative; {LENGTH}"],
        ),
        (
            r#"#[redis_cached(ttl = «"m"»)] async fn get(id: u64) -> u64 { id }"#,
            &["`m` has no number before `m`; {LENGTH}"],
        ),
        (
            r#"#[redis_cached(ttl = «"10"»)] async fn get(id: u64) -> u64 { id }"#,
            &["`10` has no unit (`ms`, `s`, `m`, `h` or `d`); {LENGTH}"],
        ),
        (
            r#"#[redis_cached(ttl = «"10 m"»)] async fn get(id: u64) -> u64 { id }"#,
            &["`10 m` has a space in it; {LENGTH}"],
        ),
        (
            r#"#[redis_cached(ttl = «"10min"»)] async fn get(id: u64) -> u64 { id }"#,
            &["`min` is not a unit (`ms`, `s`, `m`, `h` or `d`); {LENGTH}"],
        ),
        (
            r#"#[redis_cached(ttl = «"30m1h"»)] async fn get(id: u64) -> u64 { id }"#,
            &["`30m1h` has its units out of order, larger ones come first; {LENGTH}"],
        ),
        (
            r#"#[redis_cached(ttl = «"0s"»)] async fn get(id: u64) -> u64 { id }"#,
            &["with a `ttl` of zero nothing would be kept: write how long a value lives, as in \
                `ttl = 600` (seconds) or `ttl = \"10m\"`"],
        ),
    ]);
}

#[test]
fn numbers() {
    check(&[
        (
            "#[redis_cached(ttl = «1.5»)] async fn get(id: u64) -> u64 { id }",
            &[r#"fractions of a second are written in milliseconds: `"1500ms"` instead of `1.5`"#],
        ),
        (
            "#[redis_cached(ttl = «99999999999999999999999»)]
            async fn get(id: u64) -> u64 { id }",
            &[r#"at most 30 days: write `"30d"` or less"#],
        ),
        (
            "#[redis_cached(ttl = «600000000»)] async fn get(id: u64) -> u64 { id }",
            &["more than 30 days: write `\"30d\"` or less (numbers are seconds, not \
                milliseconds)"],
        ),
        (
            "#[redis_cached(ttl = «-»5)] async fn get(id: u64) -> u64 { id }",
            &["a length of time cannot be negative; {LENGTH}"],
        ),
        (
            r#"#[redis_cached(ttl = 600, negative_ttl = «"-1s"»)]
            async fn get(id: u64) -> u64 { id }"#,
            &["a length of time cannot be negative; {LENGTH}"],
        ),
        (
            "#[redis_cached(ttl = «2592001»)] async fn get(id: u64) -> u64 { id }",
            &["more than 30 days: write `\"30d\"` or less (numbers are seconds, not \
                milliseconds)"],
        ),
        (
            r#"#[redis_cached(ttl = «"31d"»)] async fn get(id: u64) -> u64 { id }"#,
            &["more than 30 days: write `\"30d\"` or less (numbers are seconds, not \
                milliseconds)"],
        ),
        (
            "#[redis_cached(ttl = «10m»)] async fn get(id: u64) -> u64 { id }",
            &[r#"a unit needs quotes: `"10m"`"#],
        ),
        (
            "#[redis_cached(ttl = «0»)] async fn get(id: u64) -> u64 { id }",
            &["with a `ttl` of zero nothing would be kept: write how long a value lives, as in \
                `ttl = 600` (seconds) or `ttl = \"10m\"`"],
        ),
        (
            "#[redis_cached(ttl = «true»)] async fn get(id: u64) -> u64 { id }",
            &["this is not a length of time; {LENGTH}"],
        ),
    ]);
}

#[test]
fn suffixes() {
    check(&[(
        r#"#[redis_cached(ttl = «10min», stale = «"5m"s», version = «2nd», name = «"get"x», jitter = 1x)]
        async fn get(id: u64) -> u64 { id }"#,
        &[
            "`10min` is not a length of time; {LENGTH}",
            "a text ends with its quotes: remove `s`",
            "`version` takes a whole number from 0 to 4294967295: write `version = 2`",
            "a text ends with its quotes: remove `x`",
        ],
    )]);
}

#[test]
fn leases_and_loads() {
    check(&[
        (
            "#[redis_cached(ttl = 600, lock = «0»)] async fn get(id: u64) -> u64 { id }",
            &["a lease of zero protects nothing: write `lock = false` to go without"],
        ),
        (
            "#[redis_cached(ttl = 600, lock = «off»)] async fn get(id: u64) -> u64 { id }",
            &["to go without a lease, write `lock = false`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, load_timeout = «"0s"»)]
            async fn get(id: u64) -> u64 { id }"#,
            &["a `load_timeout` of zero would make every waiter load for itself: write \
                `load_timeout = \"30s\"`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, lock = «"10s"», load_timeout = "5s")]
            async fn get(id: u64) -> u64 { id }"#,
            &["this lease would outlive `load_timeout`, after which nobody waits for it: make it \
                shorter, or `load_timeout` longer"],
        ),
        (
            r#"#[redis_cached(ttl = 600, lock = «"1m"»)] async fn get(id: u64) -> u64 { id }"#,
            &["this lease would outlive `load_timeout` (30 s where it is not written), after \
                which nobody waits for it: make it shorter, or `load_timeout` longer"],
        ),
    ]);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    check(&[(
        r#"#[redis_cached(ttl = «"10 m"», negative_ttl = «"ever"», lock = «"1y"», load_timeout = «0»)]
        async fn get(id: u64) -> u64 { id }"#,
        &[
            "`10 m` has a space in it; {LENGTH}",
            "`ever` has no number before `ever`; {LENGTH}",
            "`y` is not a unit (`ms`, `s`, `m`, `h` or `d`); {LENGTH}",
            "a `load_timeout` of zero would make every waiter load for itself: write \
             `load_timeout = \"30s\"`",
        ],
    )]);
}
