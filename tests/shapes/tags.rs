//! Tags, from arguments and from the value.

use cached_redis::{Cache, invalidates, redis_cached};
use serde::{Deserialize, Serialize};

use crate::support::{ask, is_send, loaded, run};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Product {
    id: u64,
    brand: Brand,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Brand {
    name: String,
}

fn product(id: u64, brand: &str) -> Product {
    Product { id, brand: Brand { name: brand.to_owned() } }
}

#[redis_cached(ttl = 600, tags = ["products", "category:{category}"])]
async fn of_arguments(category: u64, page: u64) -> u64 {
    loaded();
    category + page
}

#[redis_cached(ttl = 600, tags = ["brand:{ret.brand.name}", "id:{ret.id}", "products"])]
async fn of_value(id: u64) -> Result<Option<Product>, String> {
    loaded();
    Ok(Some(product(id, "acme")))
}

#[redis_cached(ttl = 600, tags = ["number:{ret}"])]
async fn of_a_plain_value(id: u64) -> u64 {
    loaded();
    id
}

#[redis_cached(
    ttl = 600,
    ttl_with = |product| product.id,
    cache_if = |product| product.id > 0,
    absent = Failed::NotFound,
    tags = ["pair:{a}-{b}", "tuple:{pair.0}", "brand:{ret.brand.name}"],
    stale = "5m"
)]
async fn with_everything((a, b): (u64, u64), pair: (String, u8)) -> Result<Product, Failed> {
    loaded();
    if a + b == 0 {
        return Err(Failed::NotFound);
    }
    Ok(product(a + b, &pair.0))
}

#[derive(Debug)]
enum Failed {
    NotFound,
}

impl Product {
    #[redis_cached(ttl = 600, key(self.id, page), tags = ["product:{self.id}", "page:{page}"])]
    async fn reviews(&self, page: u64) -> u64 {
        loaded();
        page
    }

    #[invalidates(tag = "product:{self.id}")]
    async fn rename(&mut self, name: String) -> Result<(), String> {
        self.brand.name = name;
        Ok(())
    }

    #[invalidates(tag = "product:{ret}", tag = "brand:{self.brand.name}:{ret}")]
    async fn consume(self) -> u64 {
        self.id
    }
}

#[invalidates(tag = "category:{category}")]
async fn changes_category(category: u64) {}

#[invalidates(tag = "products", of_arguments(1, 1))]
async fn changes_all() -> Result<(), String> {
    Ok(())
}

/// The body consumes what the tags are made of.
#[invalidates(tag = "brand:{product.brand.name}", tag = "id:{product.id}")]
async fn saves(product: Product) -> Result<Product, String> {
    Ok(product)
}

#[invalidates(tag = "{prefix}:{ret.brand.name}", tag = "id:{ret.id}")]
async fn saves_result(prefix: String, product: Product) -> Result<Product, String> {
    drop(prefix);
    Ok(product)
}

#[invalidates(tag = "id:{id}" for id in ids, tag = "category:{p.id}" for p in ret)]
async fn saves_many(ids: Vec<u64>, products: Vec<Product>) -> Result<Vec<Product>, String> {
    drop(ids);
    Ok(products)
}

#[invalidates(tag = "id:{ret}", tag = "id:{id}", cache = cache)]
async fn elsewhere(cache: Cache, id: u64) -> u64 {
    drop(cache);
    id
}

#[invalidates(of_value(product.id), tag = "id:{product.id}", guard = "10s", strict)]
async fn guarded(product: Product) -> Result<(), cached_redis::Error> {
    drop(product);
    Ok(())
}

const HOLD: std::time::Duration = std::time::Duration::from_secs(1);

#[invalidates(of_value(..), guard = HOLD, always)]
async fn guarded_by_a_constant(fail: bool) -> Result<(), String> {
    if fail { Err(String::new()) } else { Ok(()) }
}

#[invalidates(of_value(id), guard = seconds)]
async fn guarded_by_an_argument(id: u64, seconds: u64) -> u64 {
    id
}

/// Asserts that a write makes a call load again.
macro_rules! assert_invalidates {
    ($write:expr, $call:expr) => {{
        let _ = ask($call).await;
        assert!(!ask($call).await.1, "not cached: {}", stringify!($call));
        let _ = $write.await;
        assert!(ask($call).await.1, "not invalidated: {}", stringify!($call));
    }};
}

#[test]
fn of_the_arguments() {
    run(async {
        assert_invalidates!(changes_category(1), of_arguments(1, 2));
        assert_invalidates!(changes_all(), of_arguments(1, 2));
        assert_invalidates!(changes_all(), of_value(7));
        ask(of_arguments(1, 2)).await;
        changes_category(2).await;
        assert!(!ask(of_arguments(1, 2)).await.1);
        drop(is_send(changes_category(1)));
    });
}

#[test]
fn of_the_value() {
    run(async {
        let acme = || product(7, "acme");
        assert_invalidates!(saves(product(1, "acme")), of_value(7));
        assert_invalidates!(saves(product(7, "other")), of_value(7));
        assert_invalidates!(saves_result("brand".to_owned(), product(1, "acme")), of_value(7));
        assert_invalidates!(saves_many(vec![1, 7], vec![]), of_value(7));
        assert_invalidates!(saves_many(vec![], vec![acme()]), of_arguments(7, 1));
        assert_invalidates!(saves(acme()), with_everything((1, 2), ("acme".to_owned(), 1)));
        let _ = ask(of_value(7)).await;
        let _ = saves(product(1, "other")).await;
        assert!(!ask(of_value(7)).await.1);
        assert_eq!(ask(of_a_plain_value(7)).await, (7, true));
        drop(is_send(saves_result(String::new(), acme())));
        drop(is_send(with_everything((1, 2), (String::new(), 1))));
    });
}

#[test]
fn entries_have_them_too() {
    run(async {
        of_value_entry(7).put(product(7, "acme")).await.unwrap();
        assert!(!ask(of_value(7)).await.1);
        let _ = saves(product(1, "acme")).await;
        assert!(ask(of_value(7)).await.1);
    });
}

#[test]
fn methods() {
    run(async {
        let mut acme = product(7, "acme");
        assert_invalidates!(acme.rename("b".to_owned()), product(7, "a").reviews(1));
        assert_invalidates!(product(7, "a").consume(), product(7, "a").reviews(1));
        drop(is_send(acme.rename("b".to_owned())));
        drop(is_send(product(7, "a").consume()));
    });
}

#[test]
fn in_another_cache() {
    run(async {
        let other = Cache::memory();
        let _ = ask(of_value(7)).await;
        let _ = other.scope(ask(of_value(7))).await;
        elsewhere(other.clone(), 7).await;
        assert!(!ask(of_value(7)).await.1);
        assert!(other.scope(ask(of_value(7))).await.1);
    });
}

#[test]
fn guards() {
    run(async {
        assert_invalidates!(guarded(product(7, "a")), of_value(7));
        assert_invalidates!(guarded_by_a_constant(false), of_value(7));
        // It may be committed yet, so the fence is left to end by itself.
        assert_invalidates!(guarded_by_a_constant(true), of_value(7));
        assert!(ask(of_value(7)).await.1, "stored behind the fence");
        Cache::current().memory_store().unwrap().advance(HOLD);
        assert!(ask(of_value(7)).await.1);
        assert_invalidates!(guarded_by_an_argument(7, 5), of_value(7));
        drop(is_send(guarded(product(7, "a"))));
    });
}

#[derive(Clone, Serialize, Deserialize)]
struct Comment {
    author: u64,
    editor: Option<u64>,
}

fn comments(authors: std::ops::Range<u64>) -> Vec<Comment> {
    authors.map(|author| Comment { author, editor: (author == 2).then_some(9) }).collect()
}

#[redis_cached(ttl = 600, tags = ["author:{c.author}" for c in ret, "editor:{c.editor}" for c in ret])]
async fn thread(first: u64, last: u64) -> Result<Option<Vec<Comment>>, String> {
    loaded();
    let mut all = comments(first..last);
    all.extend(comments(first..last));
    Ok(Some(all))
}

#[derive(Serialize, Deserialize)]
struct Article {
    author: u64,
    comments: Vec<Comment>,
}

#[redis_cached(
    ttl = 600,
    tags = ["author:{ret.author}", "author:{author}" for Comment { author, .. } in &ret.comments]
)]
async fn article(id: u64) -> Article {
    loaded();
    Article { author: id, comments: comments(1..3) }
}

#[redis_cached(ttl = 600, tags = ["viewer:{viewer}", "of:{of}", "all"])]
#[allow(clippy::ref_option)]
async fn feed(viewer: Option<u64>, of: &Option<String>) -> usize {
    loaded();
    viewer.map_or(0, |_| 1) + of.as_ref().map_or(0, String::len)
}

#[redis_cached(ttl = 600, key(name.to_lowercase()), tags = ["crate:{name.to_lowercase()}"])]
async fn normalised(name: &str) -> usize {
    loaded();
    name.len()
}

#[redis_cached(ttl = 600, key = "crate:{name.to_lowercase()}")]
async fn readable(name: &str) -> usize {
    loaded();
    name.len()
}

#[invalidates(tag = "viewer:{viewer}", tag = "crate:{name.to_lowercase()}")]
async fn write(viewer: Option<u64>, name: &str) {
    let _ = (viewer, name);
}

#[test]
fn a_list_has_the_tags_of_its_members() {
    run(async {
        crate::assert_cached!(async { thread(1, 3).await.unwrap().unwrap().len() }, 4);
        crate::assert_cached!(async { article(7).await.comments.len() }, 2);
        for tag in ["author:1", "author:2", "editor:9"] {
            cached_redis::Cache::current().invalidate_tag(tag).await.unwrap();
            let (_, ran) = ask(thread(1, 3)).await;
            assert!(ran, "{tag}");
            let (_, ran) = ask(article(7)).await;
            assert_eq!(ran, tag != "editor:9");
        }
        for tag in ["author:3", "editor:2", "editor:"] {
            cached_redis::Cache::current().invalidate_tag(tag).await.unwrap();
        }
        assert!(!ask(thread(1, 3)).await.1);
        cached_redis::Cache::current().invalidate_tag("author:7").await.unwrap();
        assert!(ask(article(7)).await.1);
    });
}

#[test]
fn a_list_of_too_many_distinct_members_is_not_kept() {
    run(async {
        crate::assert_cached!(async { thread(10, 42).await.unwrap().unwrap().len() }, 64);
        for _ in 0..2 {
            assert!(ask(thread(10, 43)).await.1);
        }
        let functions = cached_redis::Cache::current().stats().functions;
        let stats = functions.iter().find(|f| f.name.ends_with(":thread")).unwrap();
        assert_eq!(stats.too_large, 2);
    });
}

#[test]
fn without_a_value_there_is_no_tag() {
    run(async {
        crate::assert_cached!(feed(Some(7), &None), 1);
        crate::assert_cached!(feed(None, &None), 0);
        write(None, "").await;
        cached_redis::Cache::current().invalidate_tag("viewer:").await.unwrap();
        assert_eq!(ask(feed(Some(7), &None)).await, (1, false));
        write(Some(7), "").await;
        assert_eq!(ask(feed(Some(7), &None)).await, (1, true));
        assert_eq!(ask(feed(None, &None)).await, (0, false));
        let of = Some("of".to_owned());
        crate::assert_cached!(feed(None, &of), 2);
        cached_redis::Cache::current().invalidate_tag("of:of").await.unwrap();
        assert_eq!(ask(feed(None, &of)).await, (2, true));
        assert_eq!(ask(feed(None, &None)).await, (0, false));
    });
}

#[test]
fn keys_and_tags_normalise_alike() {
    run(async {
        crate::assert_cached!(normalised("Serde"), 5);
        assert_eq!(ask(normalised("serde")).await, (5, false));
        write(None, "SERDE").await;
        assert_eq!(ask(normalised("serde")).await, (5, true));
        crate::assert_cached!(readable("Serde"), 5);
        assert_eq!(ask(readable("serde")).await, (5, false));
    });
}
