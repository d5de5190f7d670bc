//! The shop over HTTP: what reaches the database, and what visitors see. On the in-process store and on every server.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use cached_redis::{Cache, Invalidations};
use cached_redis_test_support::{Server, each_binary, each_server_async, unique_namespace};
use serde_json::{Value, json};
use storefront::db::Db;
use storefront::outbox::Outbox;
use storefront::web;
use tower::ServiceExt;

/// A budget that no busy machine exceeds.
const PATIENCE: Duration = Duration::from_secs(10);

/// A shop with a database and a cache of its own.
struct Shop {
    router: Router,
    db: Db,
    cache: Cache,
    file: PathBuf,
}

impl Shop {
    async fn open(cache: Cache) -> Self {
        let file = std::env::temp_dir().join(unique_namespace("storefront"));
        let (db, new) = Db::open(&file).await.unwrap();
        assert!(new);
        Self { router: web::router(db.clone()), db, cache, file }
    }

    async fn on(url: &str) -> Self {
        let namespace = unique_namespace("storefront");
        let builder = Cache::builder().url(url).namespace(&namespace).budget(PATIENCE);
        Self::open(builder.build().unwrap()).await
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("content-type", "application/json");
        let request = request.body(Body::from(body.to_string())).unwrap();
        // `scope` instead of `install`: tests of one process keep apart.
        let response = self.cache.scope(self.router.clone().oneshot(request)).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.ask("GET", path, &[], Value::Null).await
    }

    async fn get_uncached(&self, path: &str, header: &str) -> (StatusCode, Value) {
        self.ask("GET", path, &[("Cache-Control", header)], Value::Null).await
    }

    /// How many queries something made.
    async fn queries(&self, of: impl Future) -> u64 {
        let before = self.db.queries();
        of.await;
        self.db.queries() - before
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{ending}", self.file.display()));
        }
    }
}

async fn everywhere(test: impl AsyncFn(&Shop)) {
    test(&Shop::open(Cache::memory()).await).await;
    each_server_async(async |server: &Server| test(&Shop::on(server.url()).await).await).await;
}

#[tokio::test]
async fn what_was_asked_before_does_not_reach_the_database() {
    everywhere(async |shop| {
        let list = "/categories/kitchen-chairs/products?page=2";
        for path in ["/products/7", "/products/8", list, "/categories", "/dashboard"] {
            let mut answers = Vec::new();
            for queries in [1, 0, 0] {
                let ask = async { answers.push(shop.get(path).await) };
                assert_eq!(shop.queries(ask).await, queries, "{path}");
            }
            assert_eq!(answers[0].0, StatusCode::OK);
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{path}");
        }
        assert_eq!(shop.get("/products/7").await.1["id"], 7);
        assert_eq!(shop.get(list).await.1.as_array().unwrap().len(), 20);
        assert_eq!(shop.get("/categories").await.1.as_array().unwrap().len(), 40);
        assert_eq!(shop.get("/dashboard").await.1["products"], 10_000);
    })
    .await;
}

#[tokio::test]
async fn the_page_for_prometheus_counts_what_was_asked() {
    let shop = Shop::open(Cache::memory()).await;
    shop.get("/products/1").await;
    shop.get("/products/1").await;
    let request = Request::builder().uri("/metrics").body(Body::empty()).unwrap();
    let response = shop.cache.scope(shop.router.clone().oneshot(request)).await.unwrap();
    let page = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let page = String::from_utf8_lossy(&page);
    let hit = r#"function="shop:product",result="hit",tier="redis"} 1"#;
    assert!(page.contains(hit), "{page}");
}

#[tokio::test]
async fn a_product_that_does_not_exist_is_remembered_until_it_does() {
    everywhere(async |shop| {
        let missing = "/products/10001";
        assert_eq!(shop.get(missing).await.0, StatusCode::NOT_FOUND);
        assert_eq!(shop.queries(shop.get(missing)).await, 0);
        assert_eq!(shop.get(missing).await.0, StatusCode::NOT_FOUND);

        let new = json!({"category": "bath-boxes", "name": "Duck", "price_cents": 350, "stock": 3});
        let (status, product) = shop.ask("POST", "/products", &[], new).await;
        assert_eq!((status, &product["id"]), (StatusCode::CREATED, &json!(10_001)));
        assert_eq!(shop.get(missing).await, (StatusCode::OK, product));
    })
    .await;
}

#[tokio::test]
async fn an_update_shows_in_the_product_its_lists_and_the_dashboard() {
    everywhere(async |shop| {
        let (_, before) = shop.get("/products/7").await;
        let list = format!("/categories/{}/products", before["category"].as_str().unwrap());
        let other = "/products/8";
        let (_, sums) = shop.get("/dashboard").await;
        shop.get(&list).await;
        shop.get(other).await;

        let change = json!({"price_cents": 123_456, "stock": 999});
        let (status, _) = shop.ask("PUT", "/products/7", &[], change).await;
        assert_eq!(status, StatusCode::NO_CONTENT);

        let after = shop.get("/products/7").await.1;
        assert_eq!((&after["price_cents"], &after["stock"]), (&json!(123_456), &json!(999)));
        let products = shop.get(&list).await.1;
        assert!(products.as_array().unwrap().contains(&after));
        let value = |sums: &Value| sums["stock_value_cents"].as_i64().unwrap();
        let worth = |p: &Value| p["price_cents"].as_i64().unwrap() * p["stock"].as_i64().unwrap();
        let now = shop.get("/dashboard").await.1;
        assert_eq!(value(&now) - value(&sums), worth(&after) - worth(&before));
        assert_eq!(shop.queries(shop.get(other)).await, 0, "others stay cached");
    })
    .await;
}

#[tokio::test]
async fn an_update_that_fails_leaves_the_cache_alone() {
    everywhere(async |shop| {
        shop.get("/products/7").await;
        let (status, _) =
            shop.ask("PUT", "/products/7", &[], json!({"price_cents": -1, "stock": 1})).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(shop.queries(shop.get("/products/7")).await, 0);
        let (status, _) =
            shop.ask("PUT", "/products/77777", &[], json!({"price_cents": 1, "stock": 1})).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    })
    .await;
}

#[tokio::test]
async fn no_cache_goes_to_the_database_and_leaves_the_cache_as_it_is() {
    everywhere(async |shop| {
        for header in ["no-cache", "max-age=0, No-Cache"] {
            let ask = shop.get_uncached("/products/7", header);
            assert_eq!(shop.queries(ask).await, 1, "{header}");
        }
        assert_eq!(shop.queries(shop.get("/products/7")).await, 1, "nothing was stored");
        assert_eq!(shop.queries(shop.get_uncached("/products/7", "no-cache")).await, 1);
        assert_eq!(shop.queries(shop.get("/products/7")).await, 0, "nothing was removed");
    })
    .await;
}

#[tokio::test]
async fn an_update_without_the_cache_still_shows_to_those_who_use_it() {
    everywhere(async |shop| {
        shop.get("/products/7").await;
        let change = json!({"price_cents": 5, "stock": 5});
        shop.ask("PUT", "/products/7", &[("Cache-Control", "no-cache")], change).await;
        assert_eq!(shop.get("/products/7").await.1["price_cents"], 5);
    })
    .await;
}

async fn prices(shop: &Shop) -> (i64, i64, i64) {
    let price = |product: &Value| product["price_cents"].as_i64().unwrap();
    let (_, product) = shop.get("/products/7").await;
    let list = format!("/categories/{}/products", product["category"].as_str().unwrap());
    let first = price(&shop.get(&list).await.1[0]);
    (price(&product), first, shop.get("/dashboard").await.1["stock_value_cents"].as_i64().unwrap())
}

#[tokio::test]
async fn a_discount_shows_in_every_product_and_list_of_its_category() {
    everywhere(async |shop| {
        let before = prices(shop).await;
        shop.get("/products/8").await;
        let category = shop.get("/products/7").await.1["category"].as_str().unwrap().to_owned();
        let path = format!("/categories/{category}/discount");
        let (status, products) = shop.ask("POST", &path, &[], json!({"percent": 50})).await;
        assert_eq!((status, products), (StatusCode::OK, json!(250)));
        let after = prices(shop).await;
        assert_eq!((after.0, after.1), (before.0 / 2, before.1 / 2));
        assert!(after.2 < before.2);
        assert_eq!(shop.queries(shop.get("/products/8")).await, 0, "other categories stay cached");
    })
    .await;
}

#[tokio::test]
async fn what_a_crash_left_in_the_outbox_is_delivered_at_the_next_start() {
    everywhere(async |shop| {
        let before = prices(shop).await;
        let category = shop.get("/products/7").await.1["category"].as_str().unwrap().to_owned();
        // The commit of a process that dies before it delivers.
        let mut transaction = shop.db.query().begin().await.unwrap();
        sqlx::query("UPDATE products SET price_cents = 1 WHERE category = ?")
            .bind(&category)
            .execute(&mut *transaction)
            .await
            .unwrap();
        let mut outdated = Invalidations::new();
        outdated.tag(&shop.cache, &format!("category:{category}"));
        Outbox::write(&mut transaction, &outdated).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(prices(shop).await.0, before.0, "nobody has said anything to the cache");

        assert_eq!(shop.cache.scope(Outbox::deliver(&shop.db)).await.unwrap(), 0);
        let after = prices(shop).await;
        assert_eq!((after.0, after.1), (1, 1));
        let rows: (i64,) =
            sqlx::query_as("SELECT count(*) FROM outbox").fetch_one(shop.db.query()).await.unwrap();
        assert_eq!(rows, (0,));
    })
    .await;
}

#[test]
fn an_outbox_waits_for_its_redis() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        runtime.block_on(async {
            let shop = Shop::on(server.url()).await;
            let category = shop.get("/products/7").await.1["category"].as_str().unwrap().to_owned();
            server.kill();
            let path = format!("/categories/{category}/discount");
            let (status, _) = shop.ask("POST", &path, &[], json!({"percent": 10})).await;
            assert_eq!(status, StatusCode::OK, "the shop stays open");
            assert_eq!(shop.cache.scope(Outbox::deliver(&shop.db)).await.unwrap(), 1, "it waits");
        });
    });
}

#[test]
fn the_shop_stays_open_without_its_redis() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        runtime.block_on(async {
            let shop = Shop::on(server.url()).await;
            let answer = shop.get("/products/7").await;
            assert_eq!(shop.queries(shop.get("/products/7")).await, 0);
            server.kill();
            assert_eq!(shop.get("/products/7").await, answer);
            assert_eq!(shop.get("/products/8").await.0, StatusCode::OK);
            let change = json!({"price_cents": 5, "stock": 5});
            let (status, _) = shop.ask("PUT", "/products/7", &[], change).await;
            assert_eq!(status, StatusCode::NO_CONTENT);
            assert_eq!(shop.get("/products/7").await.1["price_cents"], 5);
        });
    });
}
