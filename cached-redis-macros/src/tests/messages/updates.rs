//! `#[updates(..)]`.

use super::check;

#[test]
fn entries() {
    check(&[
        (
            "«#[updates()]» async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`#[updates]` names no entry: write `#[updates(get_product(product.id) = product)]`"],
        ),
        (
            "#[updates(«self».id[0] = id)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["what is updated is an entry, the call of a cached function: write the entry and \
                its new value, `get_product(product.id) = product`"],
        ),
        (
            "#[updates(«get» = id)] async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &[
                "unknown option `get`; the options are `in_transaction` and `crate`, and entries are calls: write \
                the entry and its new value, `get_product(product.id) = product`",
            ],
        ),
        (
            "#[updates(«get(..)» = id)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`..` is all entries, which cannot have one value: name the arguments of one, or \
                write `#[invalidates(…)]`"],
        ),
        (
            "#[updates(get(id).«await» = id)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["a target is not awaited: remove `.await`"],
        ),
        (
            "#[updates(get(id) = id «for» id in 0..id)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["an update is of one entry: write one for each of them, or \
                `#[invalidates(… for … in …)]`"],
        ),
        (
            "#[updates(get(id) = id «get»(id) = id)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["expected `,` and the next entry"],
        ),
        (
            "#[updates(get(«ret») = id)]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["an update is begun before the body, when `ret` is not there yet: name the entry \
                by arguments, or write `#[invalidates(…)]`, which can use `ret`"],
        ),
    ]);
}

#[test]
fn values() {
    check(&[
        (
            "#[updates(«get(id)»)] async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["this entry has no new value: write the entry and its new value, \
                `get_product(product.id) = product`"],
        ),
        (
            "#[updates(«id + 1»)] async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["this is no update: write the entry and its new value, \
                `get_product(product.id) = product`"],
        ),
        (
            "#[updates(get(id) = «name».clone())]
            async fn rename(id: u64, name: &mut String) { name.push('!'); }",
            &["`name` is the body's to change while it runs, so the new value cannot be made of \
                it: return what is to be stored, and write `ret`"],
        ),
    ]);
}

#[test]
fn options() {
    check(&[
        (
            "«#[updates(crate = cached_redis)]»
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`#[updates]` names no entry: write `#[updates(get_product(product.id) = product)]`"],
        ),
        (
            r#"#[updates(get(id) = id, «guard» = "10s")]
            async fn update(id: u64) -> Result<u64, String> { Ok(id) }"#,
            &["`guard` belongs to `#[invalidates(…)]`, which can stand beside `#[updates]`"],
        ),
    ]);
}

#[test]
fn what_is_evaluated_beside_the_body_does_not_end_it() {
    check(&[(
        r#"#[updates(get(id) = value.ok_or("none")«?»)]
        async fn set(id: u64, value: Option<u64>) -> Result<(), &'static str> { Ok(()) }"#,
        &["`?` cannot be used here, because the write is over by then, or has not begun: do \
            that in the body, and call the helper there, as in \
            `get_product_invalidate(id).await`"],
    )]);
}

#[test]
fn functions() {
    check(&[
        (
            "#[updates(get(id) = id)] «fn» update(id: u64) -> Result<u64, String> { Ok(id) }",
            &["`#[updates]` needs an `async fn`: write `async fn update`"],
        ),
        (
            "#[updates(get(id) = id)] async fn update(id: u64) -> «impl» Sized { id }",
            &["`#[updates]` looks at what is returned, so its type needs a name: return it \
                instead of `impl Trait`"],
        ),
        (
            "#[updates(get(ret) = 1)]
            async fn update(«ret»: u64) -> Result<u64, String> { Ok(ret) }",
            &["`ret` is what the function returned: give this parameter another name"],
        ),
        (
            "«#[updates(get(1) = 1)]» impl Repo {}",
            &["`#[updates]` goes on an `async fn`: put it on a method of this block"],
        ),
        ("#[updates(get(1) = 1)] «struct» Repo;", &["expected an `async fn` or an `impl` block"]),
    ]);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    check(&[(
        "#[updates(get(«ret») = id, «get(id)», «get(..)» = 1)]
        async fn update(id: u64) -> Result<u64, String> { Ok(id) }",
        &[
            "an update is begun before the body, when `ret` is not there yet: name the entry \
             by arguments, or write `#[invalidates(…)]`, which can use `ret`",
            "this entry has no new value: write the entry and its new value, \
             `get_product(product.id) = product`",
            "`..` is all entries, which cannot have one value: name the arguments of one, or \
             write `#[invalidates(…)]`",
        ],
    )]);
}
