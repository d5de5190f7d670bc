//! What the options of `#[redis_cached]` can be.

use super::check;

#[test]
fn prefixes_and_names() {
    check(&[
        (
            r#"#[redis_cached(ttl = 600, prefix = «""»)] async fn get(id: u64) -> u64 { id }"#,
            &[r#"an empty `prefix`: write `prefix = "products"` or remove it"#],
        ),
        (
            "#[redis_cached(ttl = 600, prefix = «PREFIX»)] async fn get(id: u64) -> u64 { id }",
            &[r#"`prefix` takes a string literal: write `prefix = "products"`"#],
        ),
        (
            r#"#[redis_cached(ttl = 600, prefix = «"a{id}"»)] async fn get(id: u64) -> u64 { id }"#,
            &["`prefix` cannot have braces, which mark the hash tag of a key; placeholders go \
                into `key = \"…\"`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, prefix = «"a\u{7}"»)]
            async fn get(id: u64) -> u64 { id }"#,
            &["`prefix` cannot have control characters: remove them"],
        ),
        (
            r#"#[redis_cached(ttl = 600, prefix = «"my shop"»)]
            async fn get(id: u64) -> u64 { id }"#,
            &["`prefix` cannot have white space: use `-` or `_` between words"],
        ),
        (
            r#"#[redis_cached(ttl = 600, name = «""»)] async fn get(id: u64) -> u64 { id }"#,
            &[r#"an empty `name`: write `name = "get_product"` or remove it"#],
        ),
        (
            r#"#[redis_cached(ttl = 600, name = «"a\n"»)] async fn get(id: u64) -> u64 { id }"#,
            &["`name` cannot have control characters: remove them"],
        ),
    ]);
}

#[test]
fn versions() {
    check(&[
        (
            "#[redis_cached(ttl = 600, version = «-1»)] async fn get(id: u64) -> u64 { id }",
            &["`version` takes a whole number from 0 to 4294967295: write `version = 2`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, version = «"2"»)] async fn get(id: u64) -> u64 { id }"#,
            &["`version` takes a whole number from 0 to 4294967295: write `version = 2`"],
        ),
        (
            "#[redis_cached(ttl = 600, version = «4294967296»)]
            async fn get(id: u64) -> u64 { id }",
            &["`version` takes a whole number from 0 to 4294967295: write `version = 2`"],
        ),
    ]);
}

#[test]
fn jitter() {
    check(&[
        (
            "#[redis_cached(ttl = 600, jitter = «1.5»)] async fn get(id: u64) -> u64 { id }",
            &["`jitter` is the share by which a life is shortened at most, from 0.0 to 1.0: \
                write `jitter = 0.1`"],
        ),
        (
            "#[redis_cached(ttl = 600, jitter = «-0.1»)] async fn get(id: u64) -> u64 { id }",
            &["`jitter` is the share by which a life is shortened at most, from 0.0 to 1.0: \
                write `jitter = 0.1`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, jitter = «"10%"»)] async fn get(id: u64) -> u64 { id }"#,
            &["`jitter` is the share by which a life is shortened at most, from 0.0 to 1.0: \
                write `jitter = 0.1`"],
        ),
    ]);
}

#[test]
fn conditions() {
    check(&[
        (
            "#[redis_cached(ttl = 600, cache_if = «true»)] async fn get(id: u64) -> u64 { id }",
            &["`cache_if` takes a closure or the path of a function: write `cache_if = |value| …`"],
        ),
        (
            "#[redis_cached(ttl = 600, cache_if = |value| *value > «id»)]
            async fn get(id: u64) -> u64 { id }",
            &["`cache_if` is also applied when an entry is written or served without a call, so \
                it cannot use the argument `id`; decide by the value alone"],
        ),
        (
            "#[redis_cached(ttl = 600, absent = «self».is_absent)]
            async fn get(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`absent` takes an error, as in `absent = RepoError::NotFound`, or a closure that \
                recognises one, as in `absent = |error| error.is_not_found()`"],
        ),
    ]);
}

#[test]
fn absences() {
    check(&[
        (
            "#[redis_cached(ttl = 600, absent = «not_found»())]
            async fn get(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`absent` takes an error, as in `absent = RepoError::NotFound`, or a closure that \
                recognises one, as in `absent = |error| error.is_not_found()`"],
        ),
        (
            "#[redis_cached(ttl = 600, absent = |error| error.id == «id»)]
            async fn get(id: u64) -> Result<u64, Failure> { Err(Failure { id }) }",
            &["`absent` is also applied when an entry is written or served without a call, so it \
                cannot use the argument `id`; decide by the error alone"],
        ),
        (
            "#[redis_cached(ttl = 600, absent = «404»)]
            async fn get(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`absent` takes an error, as in `absent = RepoError::NotFound`, or a closure that \
                recognises one, as in `absent = |error| error.is_not_found()`"],
        ),
        (
            "#[redis_cached(ttl = 600, absent = Failure::Missing(«id»))]
            async fn get(id: u64) -> Result<u64, Failure> { Err(Failure::Missing(id)) }",
            &["`absent` is also applied when an entry is written or served without a call, so it \
                cannot use the argument `id`; recognise the error by a closure, \
                `absent = |error| …`"],
        ),
    ]);
}

#[test]
fn the_facade() {
    check(&[
        (
            r#"#[redis_cached(ttl = 600, crate = «"cached_redis"»)]
            async fn get(id: u64) -> u64 { id }"#,
            &["`crate` takes a path, not a string: write `crate = cached_redis`"],
        ),
        (
            "#[redis_cached(ttl = 600, crate = «Self::cached_redis»)]
            async fn get(id: u64) -> u64 { id }",
            &["`crate` takes the path of a crate or module, and this is one of a type: write \
                `crate = my_crate::cached_redis`"],
        ),
        (
            "#[invalidates(get(id), crate = «Self»)] async fn put(id: u64) {}",
            &["`crate` takes the path of a crate or module, and this is one of a type: write \
                `crate = my_crate::cached_redis`"],
        ),
        (
            "#[updates(get(id) = 1, crate = «Self»)] async fn set(id: u64) {}",
            &["`crate` takes the path of a crate or module, and this is one of a type: write \
                `crate = my_crate::cached_redis`"],
        ),
        (
            "#[redis_cached(ttl = 600, crate = «facade::<u8>»)]
            async fn list(id: u64) -> u64 { id }",
            &["`crate` takes the path of a crate or module, and this is one of a type: write \
                `crate = my_crate::cached_redis`"],
        ),
    ]);
}

#[test]
fn what_is_evaluated_before_the_body_does_not_wait() {
    check(&[
        (
            "#[redis_cached(ttl = 600, bypass = is_fresh().«await»)]
            async fn get(id: u64) -> u64 { id }",
            &["`.await` cannot be used here, because this is evaluated before the body, to know \
               what to do with the cache: make the value a parameter"],
        ),
        (
            "#[redis_cached(ttl = 600, cache = open().«await»)]
            async fn get(id: u64) -> u64 { id }",
            &["`.await` cannot be used here, because the helpers of the function evaluate this \
                as well: make the value a parameter"],
        ),
        (
            "#[redis_cached(ttl = 600, stale = other().«await»)]
            async fn get(id: u64) -> u64 { id }",
            &["`.await` cannot be used here, because the helpers of the function evaluate this \
                as well: make the value a parameter"],
        ),
        (
            "#[redis_cached(ttl = 600, key(other(id).«await»))]
            async fn get(id: u64) -> u64 { id }",
            &["`.await` cannot be used here, because the helpers of the function evaluate this \
                as well: make the value a parameter"],
        ),
        (
            "#[redis_cached(ttl = 600, key(id.checked_add(1)«?»))]
            async fn get(id: u64) -> Option<u64> { Some(id) }",
            &["`?` cannot be used here, because the helpers of the function evaluate this as \
                well: make the value a parameter"],
        ),
    ]);
}
