//! Functions of many ids.

use super::check;

#[test]
fn each() {
    check(&[
        (
            "#[redis_cached(ttl = 600, each(ids))] async fn get(ids: &[u64]) -> HashMap<u64, u64> { load(ids) }",
            &[],
        ),
        (
            "#[redis_cached(ttl = 600, each(«keys»))] async fn get(ids: &[u64]) -> HashMap<u64, u64> { load(ids) }",
            &["`get` has no parameter `keys`; its parameter is `ids`"],
        ),
        (
            "#[redis_cached(ttl = 600, «each» = ids)] async fn get(ids: &[u64]) -> HashMap<u64, u64> { load(ids) }",
            &["`each` takes the name of the parameter that has the ids: write `each(ids)`"],
        ),
        (
            "#[redis_cached(ttl = 600, each«(a, b)»)] async fn get(a: &[u64], b: u64) -> HashMap<u64, u64> { load(a) }",
            &["`each` takes the name of the parameter that has the ids: write `each(ids)`"],
        ),
        (
            "#[redis_cached(ttl = 600, each(«ids»), skip(ids))] async fn get(ids: &[u64]) -> HashMap<u64, u64> { load(ids) }",
            &["`ids` tells the entries apart: remove it from `skip`"],
        ),
        (
            "#[redis_cached(ttl = 600, each(«ids»), key(tenant))] async fn get(tenant: u64, ids: &[u64]) -> HashMap<u64, u64> { load(ids) }",
            &[
                "`key` does not mention `ids`, so that all ids would share one entry: name it there, where it stands for one id",
            ],
        ),
        (
            "#[redis_cached(ttl = 600, each(«ids»))] async fn get(Query { ids }: Query) -> HashMap<u64, u64> { load(ids) }",
            &[
                "`each` names a whole parameter, and this is a part of one: take the ids as a parameter of their own",
            ],
        ),
    ]);
}

#[test]
fn what_belongs_to_each() {
    check(&[
        (
            "#[redis_cached(ttl = 600, «of» = product)] async fn get(ids: &[u64]) -> HashMap<u64, u64> { load(ids) }",
            &[
                "`of` is about the ids of a batch: name their parameter too, as in `each(ids)`, or remove `of`",
            ],
        ),
        (
            "#[redis_cached(ttl = 600, «key_of» = |v| v.id)] async fn get(ids: &[u64]) -> Vec<V> { load(ids) }",
            &[
                "`key_of` is about the ids of a batch: name their parameter too, as in `each(ids)`, or remove `key_of`",
            ],
        ),
        (
            "#[redis_cached(ttl = 600, «max_batch» = 10)] async fn get(ids: &[u64]) -> Vec<V> { load(ids) }",
            &[
                "`max_batch` is about the ids of a batch: name their parameter too, as in `each(ids)`, or remove `max_batch`",
            ],
        ),
        (
            "#[redis_cached(ttl = 600, each(ids), «max_batch» = 0)] async fn get(ids: &[u64]) -> HashMap<u64, u64> { load(ids) }",
            &[
                "a `max_batch` of zero would load nothing: write how many ids the body takes at a time, as in `max_batch = 500`",
            ],
        ),
        (
            "#[redis_cached(ttl = 600, each(ids), max_batch = «many»)] async fn get(ids: &[u64]) -> HashMap<u64, u64> { load(ids) }",
            &["`max_batch` takes a whole number from 0 to 4294967295: write `max_batch = 500`"],
        ),
        (
            "#[redis_cached(each(ids), of = «product(id)»)] async fn get(ids: &[u64]) -> HashMap<u64, u64> { load(ids) }",
            &[
                "`of` takes the name of the cached function whose entries these are, without arguments: write `of = product`",
            ],
        ),
        (
            "#[redis_cached(each(ids), of = product, «prefix» = \"p\", «tags» = [\"t\"], «sliding»)] async fn get(ids: &[u64]) -> HashMap<u64, u64> { load(ids) }",
            &[
                "the entries are those of `product`, whose attribute says this: remove `prefix` here",
                "the entries are those of `product`, whose attribute says this: remove `tags` here",
                "the entries are those of `product`, whose attribute says this: remove `sliding` here",
            ],
        ),
        (
            "«#[redis_cached(each(ids))]» async fn get(ids: &[u64]) -> HashMap<u64, u64> { load(ids) }",
            &[
                "`ttl` is missing: write how long a value lives, as in `ttl = 600` (seconds), `ttl = \"10m\"` or `ttl = LIFETIME`",
            ],
        ),
        (
            "#[redis_cached(ttl = 600, each(ids), key_of = «7»)] async fn get(ids: &[u64]) -> Vec<V> { load(ids) }",
            &["`key_of` takes a closure or the path of a function: write `key_of = |value| …`"],
        ),
    ]);
}

#[test]
fn what_does_not_go_with_each() {
    check(&[
        (
            "#[redis_cached(ttl = 600, each(ids), local = \"1s\")] async fn get(ids: &[u64]) -> HashMap<u64, u64> { load(ids) }",
            &[],
        ),
        (
            "#[redis_cached(each(ids), of = product, «local» = \"1s\")] async fn get(ids: &[u64]) -> HashMap<u64, u64> { load(ids) }",
            &["the entries are those of `product`, whose attribute says this: remove `local` here"],
        ),
        (
            "#[redis_cached(ttl = 600, each(ids), sliding)] async fn get(ids: &[u64]) -> HashMap<u64, u64> { load(ids) }",
            &[],
        ),
        (
            "#[redis_cached(ttl = 600, each(ids), stale_if_error = 60, «soft_timeout» = \"1s\")] async fn get(ids: &[u64]) -> HashMap<u64, u64> { load(ids) }",
            &[
                "`soft_timeout` is not available with `each`: a slow load is one of all ids that are missing, of which some may have nothing to fall back on. Write `stale`, which answers at once and reloads in the background, or `stale_if_error`, which answers where a load fails",
            ],
        ),
        (
            "#[redis_cached(ttl = 600, each(ids), «absent» = E::None)] async fn get(ids: &[u64]) -> Result<HashMap<u64, u64>, E> { load(ids) }",
            &[
                "`absent` is not available with `each`: an error is about all ids of a load, and an absence about one. Return a result without the ids that do not exist, which are absences then; where an error says that none of them does, an empty one: `Err(NotFound) => Ok(HashMap::new())`",
            ],
        ),
        (
            "#[redis_cached(ttl = 600, each(ids), skip(self))] async fn get(«self», ids: &[u64]) -> HashMap<u64, u64> { load(ids) }",
            &[
                "with `each` the body may run more than once, each time for some of the ids: take `&self`",
            ],
        ),
        (
            "#[redis_cached(ttl = 600, each(ids), skip(db))] async fn get(db: «&mut Db», ids: &[u64]) -> HashMap<u64, u64> { load(ids) }",
            &[
                "with `each` the body may run more than once, each time for some of the ids: take this by a shared reference, or as an `Arc` of something with a lock",
            ],
        ),
    ]);
}

#[test]
fn lists_without_keys() {
    check(&[
        (
            "#[redis_cached(ttl = 600, each(ids))] async fn get(ids: &[u64]) -> «Vec<Product>» { load(ids) }",
            &[
                "a list does not say which value belongs to which id: write `key_of = |value| value.id`, or return a `HashMap` by id, or a `Vec<Option<_>>` with one place for each id",
            ],
        ),
        (
            "#[redis_cached(ttl = 600, each(ids))] async fn get(ids: &[u64]) -> Result<«Vec<Product>», E> { load(ids) }",
            &[
                "a list does not say which value belongs to which id: write `key_of = |value| value.id`, or return a `HashMap` by id, or a `Vec<Option<_>>` with one place for each id",
            ],
        ),
        (
            "#[redis_cached(ttl = 600, each(ids))] async fn get(ids: &[u64]) -> Result<Vec<Option<P>>, E> { load(ids) }",
            &[],
        ),
    ]);
}

#[test]
fn bodies_in_the_background() {
    check(&[(
        "#[redis_cached(ttl = 600, each(ids), stale = 60)] async fn get(ids: «&[&str]») -> HashMap<String, u64> { load(ids) }",
        &[
            "with `stale` the body may run in the background after the call has returned, when what this borrows from is gone: take an owned type (`Option<String>` instead of `Option<&str>`) or an `Arc`",
        ],
    )]);
}
