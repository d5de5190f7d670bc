//! `#[invalidates(..)]`.

use super::check;

#[test]
fn targets() {
    check(&[
        (
            "«#[invalidates()]» async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`#[invalidates]` names no cached function: write \
                `#[invalidates(get_product(id))]` for one entry, \
                `#[invalidates(get_product(..))]` for all of them"],
        ),
        (
            "«#[invalidates(always)]»
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`#[invalidates]` names no cached function: write \
                `#[invalidates(get_product(id))]` for one entry, \
                `#[invalidates(get_product(..))]` for all of them"],
        ),
        (
            "#[invalidates(«1» + 1)] async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["a target is the call of a cached function: write `get_product(id)` for one entry, \
                `get_product(..)` for all of them"],
        ),
        (
            "#[invalidates(«get»)] async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`get` is not a target; write `get(id)` for one entry, `get(..)` for all of them"],
        ),
        (
            "#[invalidates(get(id).«await»)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["a target is not awaited: remove `.await`"],
        ),
        (
            "#[invalidates(get(id) «get»(1))]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["expected `,` and the next target, or `for … in …`"],
        ),
        (
            "#[invalidates(«get»(.., id))]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &[
                "`..` stands for all entries and takes no other arguments beside it: for some of them, give \
                them a tag (`tags = [\"get:{id}\"]` at the cached function), and write `tag = \
                \"get:{id}\"` here",
            ],
        ),
    ]);
}

#[test]
fn loops() {
    check(&[
        (
            "#[invalidates(get(..) «for» id in ids)]
            async fn update(ids: Vec<u64>) -> Result<u64, String> { Ok(ids[0]) }",
            &["`..` is all entries already: remove `for`, or name arguments instead of `..`"],
        ),
        (
            "#[invalidates(get(id) «for» id)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`for` needs values to go through: write `get_product(id) for id in ids`"],
        ),
    ]);
}

#[test]
fn options() {
    check(&[
        (
            "#[invalidates(get(id), «allways»)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`allways` is not a target: did you mean `always`? Write `allways(id)` for one \
                entry, `allways(..)` for all of them"],
        ),
        (
            "#[invalidates(get(id), «retries» = 3)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["unknown option `retries`; the options are `tag`, `guard`, `always`, `strict`, \
                `in_transaction`, `cache` and `crate`, and targets are written as calls: write `get_product(id)` \
                for one entry, `get_product(..)` for all of them"],
        ),
        (
            "#[invalidates(get(id), strict, «strict»)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`strict` is given twice: keep one of them"],
        ),
        (
            "#[invalidates(get(id), «always» = true)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`always` takes no value: write `always`, or remove it"],
        ),
        (
            "#[invalidates(get(id), «cache» = cached_redis::Cache::memory())]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`cache` is where tags live, and there is no `tag` here: remove it (entries are \
                where their functions keep them)"],
        ),
        (
            "#[invalidates(get(id), «cache»)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`cache` needs a value: write `cache = self.cache`"],
        ),
    ]);
}

#[test]
fn tags() {
    check(&[
        (
            r#"#[invalidates(tag = «""»)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }"#,
            &[r#"an empty tag groups nothing: write `"category:{category}"`"#],
        ),
        (
            r#"#[invalidates(tag = «format!("category:{id}")»)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }"#,
            &["a tag is a string literal, with names in braces for what changes, or one that \
                `cached_redis::tag!` declares: write `\"category:{category}\"` or `Category(category)`"],
        ),
        (
            "#[invalidates(«tag»)] async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &[r#"`tag` needs a value: write `tag = "category:{product.category}"`"#],
        ),
        (
            r#"#[invalidates(«tags» = ["category:{id}"])]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }"#,
            &["unknown option `tags`: did you mean `tag`? The options are `tag`, `guard`, \
                `always`, `strict`, `in_transaction`, `cache` and `crate`, and targets are written as calls: write \
                `get_product(id)` for one entry, `get_product(..)` for all of them"],
        ),
        (
            r#"#[invalidates(tag = «"category:{categry}"»)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }"#,
            &["there is no `categry` here; a tag can be made of `id` and `ret`"],
        ),
        (
            r#"#[invalidates(tag = «"category:{category}"» for c in 0..id)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }"#,
            &["there is no `category` here; a tag can be made of `id`, `ret` and `c`"],
        ),
        (
            r#"#[invalidates(tag = «"shop:{self.shop}"»)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }"#,
            &["there is no `self` here; a tag can be made of `id` and `ret`"],
        ),
        (
            "#[invalidates(tag = «Category»)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["a typed tag is written with its arguments: `Category(…)`, or `Category()`"],
        ),
        (
            "#[invalidates(tag = «category(id)»)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["a tag is a string literal, with names in braces for what changes, or one that \
                `cached_redis::tag!` declares: write `\"category:{category}\"` or `Category(category)`"],
        ),
        (
            "#[invalidates(tag = Category(find(id)«?»))]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &[
                "`?` cannot be used here, because the write is over by then, or has not begun: do that in \
                the body, and call the helper there, as in `get_product_invalidate(id).await`",
            ],
        ),
        (
            "#[invalidates(tag = Category(«ret».category))]
            async fn update(id: u64) -> Result<Option<Row>, String> { find(id).await }",
            &[
                "`ret` is an `Option` here: go through it, as in `tag = Category(row.id) for row in ret`",
            ],
        ),
        (
            r#"#[invalidates(tag = Category(*«ret»), guard = "10s")]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }"#,
            &["`guard` holds what becomes outdated before the body, when `ret` is not there yet: \
                use arguments instead of `ret`, or remove `guard`"],
        ),
    ]);
}

#[test]
fn guards() {
    check(&[
        (
            r#"#[invalidates(get(id), guard = «"10 s"»)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }"#,
            &["`10 s` has a space in it; {LENGTH}"],
        ),
        (
            "#[invalidates(get(id), guard = «0»)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &[r#"a `guard` of zero holds nothing: write `guard = "10s"` or remove it"#],
        ),
        (
            r#"#[invalidates(get(id), guard = «"31d"»)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }"#,
            &["more than 30 days: write `\"30d\"` or less (numbers are seconds, not \
                milliseconds)"],
        ),
        (
            "#[invalidates(get(id), guard = 10, «guard» = 20)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`guard` is given twice: keep one of them"],
        ),
        (
            "#[invalidates(get(id), «guard»)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &[r#"`guard` needs a value: write `guard = "10s"`"#],
        ),
        (
            r#"#[invalidates(get(id), get(«ret»), guard = "10s")]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }"#,
            &["`guard` holds what becomes outdated before the body, when `ret` is not there yet: \
                use arguments instead of `ret`, or remove `guard`"],
        ),
        (
            r#"#[invalidates(tag = «"brand:{ret}"», guard = "10s")]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }"#,
            &["`guard` holds what becomes outdated before the body, when `ret` is not there yet: \
                use arguments instead of `ret`, or remove `guard`"],
        ),
        (
            r#"#[invalidates(get(id) for id in 0..*«ret», guard = "10s")]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }"#,
            &["`guard` holds what becomes outdated before the body, when `ret` is not there yet: \
                use arguments instead of `ret`, or remove `guard`"],
        ),
        (
            r#"#[invalidates(get(ret), guard = "10s")]
            async fn update(«ret»: u64) -> Result<u64, String> { Ok(ret) }"#,
            &["`ret` is what the function returned: give this parameter another name"],
        ),
    ]);
}

#[test]
fn what_is_evaluated_beside_the_body_does_not_end_it() {
    check(&[
        (
            r#"#[invalidates(
                get(id.ok_or("none")«?»),
                get(look(7).«await»),
                get(id) for id in ids.as_ref().map_err(|_| "none")«?»,
            )]
            async fn set(id: Option<u64>, ids: Result<Vec<u64>, ()>) -> Result<(), Error> { Ok(()) }"#,
            &[
                "`?` cannot be used here, because the write is over by then, or has not begun: do \
                 that in the body, and call the helper there, as in \
                 `get_product_invalidate(id).await`",
                "`.await` cannot be used here, because the write is over by then, or has not \
                 begun: do that in the body, and call the helper there, as in \
                 `get_product_invalidate(id).await`",
                "`?` cannot be used here, because the write is over by then, or has not begun: do \
                 that in the body, and call the helper there, as in \
                 `get_product_invalidate(id).await`",
            ],
        ),
        (
            "#[invalidates(get(if id == 3 { «return» } else { id }))]
            async fn clear(id: u64) {}",
            &["`return` cannot be used here, because the write is over by then, or has not \
                begun: do that in the body, and call the helper there, as in \
                `get_product_invalidate(id).await`"],
        ),
    ]);
}

#[test]
fn functions() {
    check(&[
        (
            "#[invalidates(get(id))] «fn» update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`#[invalidates]` needs an `async fn`: write `async fn update`"],
        ),
        (
            "#[invalidates(get(id))] async fn «save»(&self, id: u64) -> u64;",
            &["a declaration has no body: put `#[invalidates(…)]` on the method in the `impl` \
                block"],
        ),
        (
            "#[invalidates(get(id))]
            async fn update(id: u64) -> «impl» std::fmt::Display { id }",
            &["`#[invalidates]` looks at what is returned, so its type needs a name: return it \
                instead of `impl Trait`"],
        ),
        (
            "#[invalidates(get(ret))]
            async fn update(«ret»: u64) -> Result<u64, String> { Ok(ret) }",
            &["`ret` is what the function returned: give this parameter another name"],
        ),
        (
            "«#[invalidates(get(1))]» impl Repo {}",
            &["`#[invalidates]` goes on an `async fn`: put it on a method of this block"],
        ),
        ("#[invalidates(get(1))] «struct» Repo;", &["expected an `async fn` or an `impl` block"]),
    ]);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    check(&[(
        r#"#[invalidates(«get», strict, «strict», tag = "a", got())]
        «fn» update(«ret»: u64) -> Result<u64, String> { Ok(ret) }"#,
        &[
            "`get` is not a target; write `get(id)` for one entry, `get(..)` for all of them",
            "`strict` is given twice: keep one of them",
            "`#[invalidates]` needs an `async fn`: write `async fn update`",
            "`ret` is what the function returned: give this parameter another name",
        ],
    )]);
}

#[test]
fn conditions() {
    check(&[
        (
            "#[invalidates(get(id) «if»)] async fn update(id: u64) -> Result<bool, E> { Ok(true) }",
            &["`if` needs a condition: write `get_product(id) if changed`"],
        ),
        (
            "#[invalidates(get(id) if «let» Some(id) = ret)]
            async fn update(id: u64) -> Result<bool, E> { Ok(true) }",
            &["a condition is an expression: write `for value in ret` to go through an `Option`"],
        ),
        (
            "#[invalidates(get(id) if load().«await», guard = \"5s\")]
            async fn update(id: u64) -> Result<bool, E> { Ok(true) }",
            &["`.await` cannot be used here, because the write is over by then, or has not begun: do that in the body, and call the helper there, as in `get_product_invalidate(id).await`"],
        ),
        (
            "#[invalidates(get(id) if «ret».changed, guard = \"5s\")]
            async fn update(id: u64) -> Result<Changed, E> { Ok(Changed) }",
            &["`guard` holds what becomes outdated before the body, when `ret` is not there yet: use arguments instead of `ret`, or remove `guard`"],
        ),
        (
            "#[invalidates(get(x.id) for x in ret if x.changed, list(..) if *ret, tag = \"a:{id}\" if id > 3)]
            async fn update(id: u64) -> Result<Changed, E> { Ok(Changed) }",
            &[],
        ),
    ]);
}

#[test]
fn what_ret_is() {
    check(&[
        (
            "#[invalidates(«feed»(viewer, ..))]
            async fn follow(viewer: u64) -> Result<(), E> { Ok(()) }",
            &[
                r#"`..` stands for all entries and takes no other arguments beside it: for some of them, give them a tag (`tags = ["feed:{viewer}"]` at the cached function), and write `tag = "feed:{viewer}"` here"#,
            ],
        ),
        (
            "#[invalidates(«self».feed(.., 7))]
            async fn follow(&self, viewer: u64) -> Result<(), E> { Ok(()) }",
            &[
                r#"`..` stands for all entries and takes no other arguments beside it: for some of them, give them a tag (`tags = ["category:{category}"]` at the cached function), and write `tag = "category:{category}"` here"#,
            ],
        ),
        (
            "#[invalidates(get(«ret».id))]
            async fn update(id: u64) -> Result<Option<Row>, E> { Ok(None) }",
            &[
                "`ret` is an `Option` here: go through it, as in `get_product(row.id) for row in ret`",
            ],
        ),
        (
            "#[invalidates(get(&«ret».row.name, id))]
            async fn update(id: u64) -> Option<Row> { None }",
            &[
                "`ret` is an `Option` here: go through it, as in `get_product(row.id) for row in ret`",
            ],
        ),
        (
            "#[invalidates(get(ret.id), get(row.id) for row in &ret.rows)]
            async fn update(id: u64) -> Result<Rows, E> { todo() }",
            &[],
        ),
    ]);
}
