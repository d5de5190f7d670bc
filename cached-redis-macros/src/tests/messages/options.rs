//! Which options `#[redis_cached]` has, and how they are written.

use super::check;

#[test]
fn ttl_is_there() {
    check(&[
        (
            "«#[redis_cached(skip(id))]» async fn get(id: u64) -> u64 { id }",
            &["`ttl` is missing: write how long a value lives, as in `ttl = 600` (seconds), \
                `ttl = \"10m\"` or `ttl = LIFETIME`"],
        ),
        (
            "«#[redis_cached]» async fn get(id: u64) -> u64 { id }",
            &["`ttl` is missing: write how long a value lives, as in `ttl = 600` (seconds), \
                `ttl = \"10m\"` or `ttl = LIFETIME`"],
        ),
        (
            "#[redis_cached(«expire» = 600)] async fn get(id: u64) -> u64 { id }",
            &["unknown option `expire`: did you mean `ttl`? The options are {OPTIONS}"],
        ),
    ]);
}

#[test]
fn options_have_known_names() {
    check(&[
        (
            r#"#[redis_cached(ttl = 600, «colour» = "red")] async fn get(id: u64) -> u64 { id }"#,
            &["unknown option `colour`; the options are {OPTIONS}"],
        ),
        (
            r#"#[redis_cached(«tll» = 600, «prefx» = "a")] async fn get(id: u64) -> u64 { id }"#,
            &[
                "unknown option `tll`: did you mean `ttl`? The options are {OPTIONS}",
                "unknown option `prefx`: did you mean `prefix`? The options are {OPTIONS}",
            ],
        ),
        (
            "#[redis_cached(«time» = 600)] async fn get(id: u64) -> u64 { id }",
            &["unknown option `time`: did you mean `ttl`? The options are {OPTIONS}"],
        ),
    ]);
}

#[test]
fn options_are_given_once() {
    check(&[
        (
            "#[redis_cached(ttl = 600, «ttl» = 300)] async fn get(id: u64) -> u64 { id }",
            &["`ttl` is given twice: keep one of them"],
        ),
        (
            "#[redis_cached(ttl = 600, skip(id), «skip»(id))]
            async fn get(id: u64) -> u64 { id }",
            &["`skip` is given twice: keep one of them"],
        ),
        (
            "#[redis_cached(ttl = 600, sliding, «sliding»)] async fn get(id: u64) -> u64 { id }",
            &["`sliding` is given twice: keep one of them"],
        ),
    ]);
}

#[test]
fn options_have_values() {
    check(&[
        (
            "#[redis_cached(«ttl»)] async fn get(id: u64) -> u64 { id }",
            &["`ttl` needs a value: write `ttl = 600`"],
        ),
        (
            r#"#[redis_cached(«ttl» = , prefix = "a")] async fn get(id: u64) -> u64 { id }"#,
            &["`ttl` needs a value: write `ttl = 600`"],
        ),
        (
            "#[redis_cached(ttl = 600, «version»)] async fn get(id: u64) -> u64 { id }",
            &["`version` needs a value: write `version = 2`"],
        ),
        (
            "#[redis_cached(ttl = 600, «key»)] async fn get(id: u64) -> u64 { id }",
            &[r#"`key` needs a value: write `key(id)` or `key = "product:{id}"`"#],
        ),
        (
            "#[redis_cached(ttl = 600, «early»)] async fn get(id: u64) -> u64 { id }",
            &["`early` needs a value: write `early = 1.0` or `early = false`"],
        ),
    ]);
}

#[test]
fn flags_have_none() {
    check(&[(
        "#[redis_cached(ttl = 600, «sliding» = true)] async fn get(id: u64) -> u64 { id }",
        &["`sliding` takes no value: write `sliding`, or remove it"],
    )]);
}

#[test]
fn options_are_written_with_equals_or_parentheses() {
    check(&[
        (
            "#[redis_cached(«ttl»(600))] async fn get(id: u64) -> u64 { id }",
            &["write `ttl = 600` instead of `ttl(…)`"],
        ),
        (
            "#[redis_cached(ttl = 600, «skip»)] async fn get(id: u64) -> u64 { id }",
            &["`skip` takes the names of parameters in parentheses: write `skip(db)`"],
        ),
        (
            "#[redis_cached(ttl = 600, «skip» = id)] async fn get(id: u64) -> u64 { id }",
            &["`skip` takes the names of parameters in parentheses: write `skip(db)`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, key(«"product:{id}"»))]
            async fn get(id: u64) -> u64 { id }"#,
            &[r#"a template goes after `=`: write `key = "product:{id}"`"#],
        ),
        (
            "#[redis_cached(ttl = 600, key = «id»)] async fn get(id: u64) -> u64 { id }",
            &["`key = …` takes a template, as in `key = \"product:{id}\"`; expressions go into \
                `key(…)`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(db), «tags»("category:{category}"))]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &[r#"write `tags = ["category:{category}"]` instead of `tags(…)`"#],
        ),
    ]);
}

#[test]
fn options_stand_between_commas() {
    check(&[
        (
            r#"#[redis_cached(ttl = 600 «prefix» = "a")] async fn get(id: u64) -> u64 { id }"#,
            &["expected `,` and the next option"],
        ),
        (
            "#[redis_cached(«600»)] async fn get(id: u64) -> u64 { id }",
            &["expected an option, such as `ttl = 600` or `skip(db)`"],
        ),
    ]);
}

#[test]
fn an_attribute_has_an_end() {
    check(&[(
        "#[redis_cached(ttl = 600, cache_if = |id| [0
            + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1
            + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1
            + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1
            + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1
            + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + «1» + 1 + 1 + 1
        ].contains(id))]
        async fn get(id: u64) -> u64 { id }",
        &["this is too much for an attribute: give it a function or a constant of its own"],
    )]);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    check(&[(
        r#"#[redis_cached(ttl = «0», jitter = «2.0», prefix = «"a b"»,
            skip(«idd»), version = «"two"», «colour» = 1)]
        async fn get(id: u64) -> u64 { id }"#,
        &[
            "with a `ttl` of zero nothing would be kept: write how long a value lives, as in \
             `ttl = 600` (seconds) or `ttl = \"10m\"`",
            "`jitter` is the share by which a life is shortened at most, from 0.0 to 1.0: \
             write `jitter = 0.1`",
            "`prefix` cannot have white space: use `-` or `_` between words",
            "`get` has no parameter `idd`: did you mean `id`? Its parameter is `id`",
            "`version` takes a whole number from 0 to 4294967295: write `version = 2`",
            "unknown option `colour`; the options are {OPTIONS}",
        ],
    )]);
}
