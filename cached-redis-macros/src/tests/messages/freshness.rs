//! What is served after `ttl`, and when values are reloaded.

use super::check;
use crate::features::tests::without_features;

#[test]
fn stale() {
    check(&[
        (
            "#[redis_cached(ttl = 600, stale = «0»)] async fn get(id: u64) -> u64 { id }",
            &[r#"a `stale` of zero serves nothing after `ttl`: write `stale = "5m"` or remove it"#],
        ),
        (
            "#[redis_cached(ttl = 600, stale = «300000000»)]
            async fn get(id: u64) -> u64 { id }",
            &["more than 30 days: write `\"30d\"` or less (numbers are seconds, not \
                milliseconds)"],
        ),
        (
            r#"#[redis_cached(ttl = "20d", stale = «"11d"»)] async fn get(id: u64) -> u64 { id }"#,
            &["`ttl` and this together are more than 30 days, for which nothing is kept: make \
                one of them shorter"],
        ),
    ]);
}

#[test]
fn stale_if_error() {
    check(&[
        (
            r#"#[redis_cached(ttl = 600, stale_if_error = «"0s"»)]
            async fn get(id: u64) -> u64 { id }"#,
            &["a `stale_if_error` of zero keeps nothing for a failed load: write \
                `stale_if_error = \"1h\"` or remove it"],
        ),
        (
            r#"#[redis_cached(ttl = 600, stale = "1h", stale_if_error = «"60m"»)]
            async fn get(id: u64) -> u64 { id }"#,
            &["`stale` serves the last value for as long anyway, so that this has no effect: \
                make it longer than `stale`, or remove it"],
        ),
        (
            r#"#[redis_cached(ttl = 600, stale = "1h", stale_if_error = «"5m"»)]
            async fn get(id: u64) -> u64 { id }"#,
            &["`stale` serves the last value for as long anyway, so that this has no effect: \
                make it longer than `stale`, or remove it"],
        ),
        (
            r#"#[redis_cached(ttl = "20d", stale = "5m", stale_if_error = «"11d"»)]
            async fn get(id: u64) -> u64 { id }"#,
            &["`ttl` and this together are more than 30 days, for which nothing is kept: make \
                one of them shorter"],
        ),
    ]);
}

#[test]
fn local() {
    check(&[
        (
            "#[redis_cached(ttl = 600, local = «0»)] async fn get(id: u64) -> u64 { id }",
            &[
                "a `local` of zero keeps no copies: write how long one may answer after an invalidation \
                elsewhere, as in `local = \"1s\"`, or remove it",
            ],
        ),
        (
            r#"#[redis_cached(ttl = 600, local = «"11m"»)] async fn get(id: u64) -> u64 { id }"#,
            &[
                "a copy ends with `ttl`, so that a longer `local` has no effect: make it at most `ttl`",
            ],
        ),
        (
            "#[redis_cached(ttl = 600, «local»)] async fn get(id: u64) -> u64 { id }",
            &[r#"`local` needs a value: write `local = "1s"`"#],
        ),
        (
            r#"#[redis_cached(ttl = 600, «local»(max_bytes = "8M"))] async fn get(id: u64) -> u64 { id }"#,
            &[r#"`local` needs its bound: write `local(bound = "1s")`"#],
        ),
        (
            r#"#[redis_cached(ttl = 600, local(bound = "1s", «size» = 7))] async fn get(id: u64) -> u64 { id }"#,
            &[r#"`local` has no `size`: write `local(bound = "1s", max_bytes = "8M")`"#],
        ),
        (
            r#"#[redis_cached(ttl = 600, local(bound = "1s", «bound» = "1s"))] async fn get(id: u64) -> u64 { id }"#,
            &["`bound` is given twice: keep one of them"],
        ),
        (
            r#"#[redis_cached(ttl = 600, local(bound = "1s", max_bytes = «"8 apples"»))]
            async fn get(id: u64) -> u64 { id }"#,
            &[
                "this is not a number of bytes: write `max_bytes = \"8M\"` or `max_bytes = 8_388_608`",
            ],
        ),
        (
            r#"#[redis_cached(ttl = 600, local(bound = "1s", max_bytes = «0»))]
            async fn get(id: u64) -> u64 { id }"#,
            &[
                "room for nothing keeps no copies: write `max_bytes = \"8M\"` or `max_bytes = 8_388_608`",
            ],
        ),
        (
            r#"#[redis_cached(ttl = 600, local = "1s", «sliding»)] async fn get(id: u64) -> u64 { id }"#,
            &[
                "with `sliding` every hit moves the end of a value, on which `local` would depend: remove \
                `sliding` or `local`",
            ],
        ),
        (
            r#"#[redis_cached(ttl = 600, «near_cache» = "1s")] async fn get(id: u64) -> u64 { id }"#,
            &["unknown option `near_cache`: did you mean `local`? The options are {OPTIONS}"],
        ),
    ]);
}

#[test]
fn copies_need_their_feature() {
    without_features(|| {
        check(&[(
            r#"#[redis_cached(ttl = 600, «local» = "1s")] async fn get(id: u64) -> u64 { id }"#,
            &["`local` needs the feature `local`: run `cargo add cached-redis --features local`"],
        )]);
    });
}

#[test]
fn early() {
    check(&[
        (
            "#[redis_cached(ttl = 600, early = «-1.0»)] async fn get(id: u64) -> u64 { id }",
            &["`early` is how eagerly a value is reloaded before its end, a number above 0 and \
                up to 10: write `early = 1.0`, or `early = false`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, early = «"1m"»)] async fn get(id: u64) -> u64 { id }"#,
            &["`early` is how eagerly a value is reloaded before its end, a number above 0 and \
                up to 10: write `early = 1.0`, or `early = false`"],
        ),
        (
            "#[redis_cached(ttl = 600, early = «11»)] async fn get(id: u64) -> u64 { id }",
            &["`early` above 10 reloads long before the end: write `early = 1.0`, or make `ttl` \
                shorter"],
        ),
        (
            "#[redis_cached(ttl = 600, early = «0»)] async fn get(id: u64) -> u64 { id }",
            &["to reload only when a value has ended, write `early = false`"],
        ),
        (
            r#"#[redis_cached(ttl = "500ms", «early» = 1.0)] async fn get(id: u64) -> u64 { id }"#,
            &["`early` needs room to reload in before the end: make `ttl` at least `\"1s\"`, or \
                write `early = false`"],
        ),
        (
            r#"#[redis_cached(ttl = "500ms", «early» = true)] async fn get(id: u64) -> u64 { id }"#,
            &["`early` needs room to reload in before the end: make `ttl` at least `\"1s\"`, or \
                write `early = false`"],
        ),
    ]);
}

#[test]
fn soft_timeout() {
    check(&[
        (
            r#"#[redis_cached(ttl = 600, stale_if_error = "1h", soft_timeout = «0»)]
            async fn get(id: u64) -> u64 { id }"#,
            &["a `soft_timeout` of zero waits for no load at all: write \
                `soft_timeout = \"200ms\"`, or `stale = …` instead to be answered at once"],
        ),
        (
            r#"#[redis_cached(ttl = 600, stale_if_error = "1h", soft_timeout = «"31d"»)]
            async fn get(id: u64) -> u64 { id }"#,
            &["more than 30 days: write `\"30d\"` or less (numbers are seconds, not \
                milliseconds)"],
        ),
        (
            r#"#[redis_cached(ttl = 600, stale = "1h", «soft_timeout» = "200ms")]
            async fn get(id: u64) -> u64 { id }"#,
            &["`soft_timeout` answers with the last good value, which `stale_if_error` keeps: \
                write `stale_if_error = \"1h\"` too"],
        ),
        (
            r#"#[redis_cached(ttl = 600, stale_if_error = "1h", soft_timeout = «"5s"»,
                load_timeout = "5s", lock = "5s")]
            async fn get(id: u64) -> u64 { id }"#,
            &["`soft_timeout` has to end before `load_timeout`, after which nobody waits for the \
                load: make it shorter"],
        ),
        (
            r#"#[redis_cached(ttl = 600, stale_if_error = "1h", soft_timeout = «"1m"»)]
            async fn get(id: u64) -> u64 { id }"#,
            &["`soft_timeout` has to end before `load_timeout` (30 s where it is not written), \
                after which nobody waits for the load: make it shorter"],
        ),
    ]);
}

#[test]
fn sliding() {
    check(&[
        (
            r#"#[redis_cached(ttl = 600, stale = "5m", «sliding»)]
            async fn get(id: u64) -> u64 { id }"#,
            &["with `sliding` every hit moves the end of a value, on which `stale` would depend: \
                remove `sliding` or `stale`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, «sliding», stale = "5m", early = 1.0,
                stale_if_error = "1h", ttl_with = |id| *id)]
            async fn get(id: u64) -> u64 { id }"#,
            &["with `sliding` every hit moves the end of a value, on which `stale`, `early`, \
                `stale_if_error` and `ttl_with` would depend: remove `sliding` or `stale`, \
                `early`, `stale_if_error` and `ttl_with`"],
        ),
    ]);
}

#[test]
fn ttl_with() {
    check(&[
        (
            "#[redis_cached(ttl = 600, ttl_with = «60»)] async fn get(id: u64) -> u64 { id }",
            &["`ttl_with` takes a closure or the path of a function: write `ttl_with = |value| …`"],
        ),
        (
            "#[redis_cached(ttl = 600, ttl_with = |_| «id»)]
            async fn get(id: u64) -> u64 { id }",
            &["`ttl_with` is also applied when an entry is written or served without a call, so \
                it cannot use the argument `id`; decide by the value alone"],
        ),
    ]);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    check(&[(
        r#"#[redis_cached(ttl = «0», stale = «0», stale_if_error = «"1"», early = «20», soft_timeout = «"2x"»)]
        async fn get(id: u64) -> u64 { id }"#,
        &[
            "with a `ttl` of zero nothing would be kept: write how long a value lives, as in \
             `ttl = 600` (seconds) or `ttl = \"10m\"`",
            "a `stale` of zero serves nothing after `ttl`: write `stale = \"5m\"` or remove \
             it",
            "`1` has no unit (`ms`, `s`, `m`, `h` or `d`); {LENGTH}",
            "`early` above 10 reloads long before the end: write `early = 1.0`, or make `ttl` \
             shorter",
            "`x` is not a unit (`ms`, `s`, `m`, `h` or `d`); {LENGTH}",
        ],
    )]);
}
