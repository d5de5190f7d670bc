//! What a key is made of.

use super::check;

#[test]
fn skip() {
    check(&[
        (
            "#[redis_cached(ttl = 600, «skip»())] async fn get(id: u64) -> u64 { id }",
            &["`skip()` names no parameter: write `skip(db)` or remove it"],
        ),
        (
            "#[redis_cached(ttl = 600, skip(«id».field, «&»id))]
            async fn get(id: u64) -> u64 { id }",
            &[
                "`skip` takes names of parameters; what a key is made of goes into `key(…)`",
                "`skip` takes names of parameters; what a key is made of goes into `key(…)`",
            ],
        ),
        (
            "#[redis_cached(ttl = 600, skip(id, «id»))] async fn get(id: u64) -> u64 { id }",
            &["`id` is skipped twice: keep one of them"],
        ),
        (
            "#[redis_cached(ttl = 600, skip(«self»))] async fn get(id: u64) -> u64 { id }",
            &["`get` has no parameter `self`; its parameter is `id`"],
        ),
        (
            "#[redis_cached(ttl = 600, skip(«id»))] async fn get() -> u64 { 1 }",
            &["`get` has no parameter `id`: it has none at all"],
        ),
        (
            "#[redis_cached(ttl = 600, skip(«idd»))] async fn get(id: u64) -> u64 { id }",
            &["`get` has no parameter `idd`: did you mean `id`? Its parameter is `id`"],
        ),
        (
            "#[redis_cached(ttl = 600, skip(«db»))]
            async fn get(#[cache(skip)] db: u8, id: u64) -> u64 { id }",
            &["`db` has `#[cache(skip)]` already: keep one of them"],
        ),
        (
            "#[redis_cached(ttl = 600)]
            async fn get(«#»[cache(ignore)] db: u8, id: u64) -> u64 { id }",
            &["a parameter can only have `#[cache(skip)]`, which leaves it out of the key"],
        ),
    ]);
}

#[test]
fn key() {
    check(&[
        (
            "#[redis_cached(ttl = 600, «key»())] async fn get(id: u64) -> u64 { id }",
            &["`key()` is made of nothing: write `key(id)`, or leave parameters out with \
                `skip(..)`"],
        ),
        (
            "#[redis_cached(ttl = 600, «key»(KEY))] async fn get(id: u64) -> u64 { id }",
            &["this key names no parameter, so that all calls would share one entry: name those \
                that matter (`key(id)`, `key = \"…:{id}\"`), or write `skip(..)` with all of them \
                instead of `key`"],
        ),
        (
            "#[redis_cached(ttl = 600, key(«product».id))] async fn get(id: u64) -> u64 { id }",
            &["`get` has no parameter `product`; its parameter is `id`"],
        ),
        (
            "#[redis_cached(ttl = 600, key(«idd»))] async fn get(id: u64) -> u64 { id }",
            &["`get` has no parameter `idd`: did you mean `id`? Its parameter is `id`"],
        ),
    ]);
}

#[test]
fn key_and_skip() {
    check(&[
        (
            "#[redis_cached(ttl = 600, skip(«db»), key(id))]
            async fn get(db: u8, id: u64) -> u64 { id }",
            &["`key` already says what the key is made of, and `db` is not part of it unless it \
                is named there: remove `db` from `skip`"],
        ),
        (
            "#[redis_cached(ttl = 600, key(id))]
            async fn get(#[cache(skip)] «db»: u8, id: u64) -> u64 { id }",
            &["`key` already says what the key is made of: remove `#[cache(skip)]`"],
        ),
        (
            "#[redis_cached(ttl = 600, key(page))]
            async fn get(#[cache(skip)] «Path»(id): Path<u64>, page: u32) -> u64 { id + u64::from(page) }",
            &["`key` already says what the key is made of: remove `#[cache(skip)]`"],
        ),
    ]);
}

#[test]
fn sets_without_an_order() {
    check(&[
        (
            "#[redis_cached(ttl = 600)]
            async fn get(ids: «HashSet»<u64>) -> u64 { ids.len() as u64 }",
            &["a `HashSet` has no order, so equal sets would have different keys and an \
                invalidation could miss the entry: take a `BTreeSet`, or choose what identifies \
                it with `key(..)`"],
        ),
        (
            "#[redis_cached(ttl = 600, key(&ids))]
            async fn by_key(ids: std::collections::«HashSet»<u64>, page: u64) -> u64 { page }",
            &["a `HashSet` has no order, so equal sets would have different keys and an \
                invalidation could miss the entry: take a `BTreeSet`, or choose what identifies \
                it with `key(..)`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, key = "sum:{ids}")]
            async fn by_template(ids: «HashSet»<u64>) -> u64 { ids.len() as u64 }"#,
            &["a `HashSet` has no order, so equal sets would have different keys and an \
                invalidation could miss the entry: take a `BTreeSet`, or choose what identifies \
                it with `key(..)`"],
        ),
        (
            "#[redis_cached(ttl = 600)]
            async fn get(ids: &«HashSet»<u64>) -> u64 { ids.len() as u64 }",
            &["a `HashSet` has no order, so equal sets would have different keys and an \
                invalidation could miss the entry: take a `BTreeSet`, or choose what identifies \
                it with `key(..)`"],
        ),
        (
            "#[redis_cached(ttl = 600)]
            async fn nested(
                optional: Option<&«HashSet»<u64>>,
                (several, _): (&[«HashSet»<String>], u64),
                vector: Vec<«HashSet»<u64>>,
            ) -> usize { let _ = (optional, vector); several.len() }",
            &[
                "a `HashSet` has no order, so equal sets would have different keys and an \
                 invalidation could miss the entry: take a `BTreeSet`, or choose what identifies \
                 it with `key(..)`",
                "a `HashSet` has no order, so equal sets would have different keys and an \
                 invalidation could miss the entry: take a `BTreeSet`, or choose what identifies \
                 it with `key(..)`",
                "a `HashSet` has no order, so equal sets would have different keys and an \
                 invalidation could miss the entry: take a `BTreeSet`, or choose what identifies \
                 it with `key(..)`",
            ],
        ),
    ]);
}

#[test]
fn the_choice_about_self() {
    check(&[
        (
            "#[redis_cached(ttl = 600, skip(«self»), key(self.tenant, id))]
            async fn get(&self, id: u64) -> u64 { self.tenant + id }",
            &["`self` is skipped and part of `key` at the same time: remove it from one of them"],
        ),
        (
            "#[redis_cached(ttl = 600, key(id))]
            async fn get(&«self», id: u64) -> u64 { self.tenant + id }",
            &["is `self` part of the key? Write `skip(self)` if all instances share their \
                entries, or name what tells them apart, as in `key(self.tenant, id)`"],
        ),
        (
            "#[redis_cached(ttl = 600)]
            async fn get(&«self», id: u64) -> u64 { self.tenant + id }",
            &["is `self` part of the key? Write `skip(self)` if all instances share their \
                entries, or name what tells them apart, as in `key(self.tenant, id)`"],
        ),
        (
            "#[redis_cached(ttl = 600)]
            async fn get(«self»: std::sync::Arc<Self>, id: u64) -> u64 { self.tenant + id }",
            &["is `self` part of the key? Write `skip(self)` if all instances share their \
                entries, or name what tells them apart, as in `key(self.tenant, id)`"],
        ),
        (
            "#[redis_cached(ttl = 600)]
            async fn get(&mut «self», id: u64) -> u64 { self.tenant + id }",
            &["is `self` part of the key? Write `skip(self)` if all instances share their \
                entries, or name what tells them apart, as in `key(self.tenant, id)`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, key = "p:{id}")]
            async fn get(&«self», id: u64) -> u64 { self.tenant + id }"#,
            &["is `self` part of the key? Write `skip(self)` if all instances share their \
                entries, or name what tells them apart, as in `key(self.tenant, id)`"],
        ),
    ]);
}

#[test]
fn templates() {
    check(&[
        (
            r#"#[redis_cached(ttl = 600, key = «"p:id}"»)] async fn get(id: u64) -> u64 { id }"#,
            &["this `}` closes nothing; a key cannot have braces of its own"],
        ),
        (
            r#"#[redis_cached(ttl = 600, key = «"p\u{7}{id}"»)]
            async fn get(id: u64) -> u64 { id }"#,
            &["a key cannot have control characters: remove them"],
        ),
        (
            r#"#[redis_cached(ttl = 600, key = «""»)] async fn get(id: u64) -> u64 { id }"#,
            &[r#"an empty template is no key: write `key = "product:{id}"`"#],
        ),
        (
            r#"#[redis_cached(ttl = 600, key = «"p:{}"»)] async fn get(id: u64) -> u64 { id }"#,
            &["`{}` names no parameter: write `{id}`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, key = «"p:{{id}}"»)] async fn get(id: u64) -> u64 { id }"#,
            &["a key cannot have braces of its own: remove `{{`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, key = «"p:{id + 1}"»)]
            async fn get(id: u64) -> u64 { id }"#,
            &[
                "`{id + 1}` is not a parameter, a field of one or a method without arguments (`{id}`, \
                `{self.tenant}`, `{name.to_lowercase()}`); expressions go into `key(…)`",
            ],
        ),
        (
            r#"#[redis_cached(ttl = 600, key = «"p:{id:?}"»)] async fn get(id: u64) -> u64 { id }"#,
            &["`:?` is a format, which keys do not have: write `{id}`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, key = «"p:{id"»)] async fn get(id: u64) -> u64 { id }"#,
            &["`{id` is never closed: write `{id}`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, «key» = "products")] async fn get(id: u64) -> u64 { id }"#,
            &["this key names no parameter, so that all calls would share one entry: name those \
                that matter (`key(id)`, `key = \"…:{id}\"`), or write `skip(..)` with all of them \
                instead of `key`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, key = «"{a}{b}"»)]
            async fn get(a: u64, b: u64) -> u64 { a + b }"#,
            &["`{a}` and `{b}` run into each other, so that different arguments could share a \
                key; put a separator such as `:` between them: `{a}:{b}`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, key = «"{a}-{b}"»)]
            async fn get(a: u64, b: u64) -> u64 { a + b }"#,
            &["`{a}` and `{b}` run into each other, so that different arguments could share a \
                key; put a separator such as `:` between them: `{a}:{b}`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, key = «"{self.id}:{id}"»)]
            async fn get(id: u64) -> u64 { id }"#,
            &["`get` has no parameter `self`; its parameter is `id`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, key = «"p {id}"»)] async fn get(id: u64) -> u64 { id }"#,
            &["a key cannot have white space: use `:` or `-` between words"],
        ),
        (
            r#"#[redis_cached(ttl = 600, key = «"p:{idd}"»)] async fn get(id: u64) -> u64 { id }"#,
            &["`get` has no parameter `idd`: did you mean `id`? Its parameter is `id`"],
        ),
    ]);
}
