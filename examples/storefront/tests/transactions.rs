//! Reads and writes in a transaction of a real database: committed and rolled back.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::time::Duration;

use cached_redis::{Cache, transaction};
use cached_redis_test_support::{each_server_async, unique_namespace};
use storefront::catalog::product;
use storefront::db::Db;
use storefront::stock::{add_stock, in_stock, move_stock};

/// A budget that no busy machine exceeds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Two products with enough in stock.
const FROM: i64 = 7;
const TO: i64 = 8;

async fn open() -> (Db, PathBuf) {
    let file = std::env::temp_dir().join(unique_namespace("transactions"));
    (Db::open(&file).await.unwrap().0, file)
}

async fn close(db: Db, file: PathBuf) {
    db.close().await;
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", file.display()));
    }
}

/// What visitors are told, which is what the database says.
async fn stock(db: &Db) -> [i64; 2] {
    let mut all = [0; 2];
    for (id, stock) in [FROM, TO].into_iter().zip(&mut all) {
        *stock = in_stock(db.query(), id).await.unwrap().unwrap();
        assert_eq!(product(db, id).await.unwrap().unwrap().stock, *stock);
        let stored: i64 = sqlx::query_scalar("SELECT stock FROM products WHERE id = ?")
            .bind(id)
            .fetch_one(db.query())
            .await
            .unwrap();
        assert_eq!(*stock, stored, "of product {id}");
    }
    all
}

/// Under each cache.
async fn each_cache(mut test: impl AsyncFnMut()) {
    Cache::memory().scope(test()).await;
    each_server_async(async |server| {
        let namespace = unique_namespace("transactions");
        let cache = Cache::builder().url(server.url()).namespace(&namespace).budget(PATIENCE);
        cache.build().unwrap().scope(test()).await;
    })
    .await;
}

#[tokio::test]
async fn what_a_transaction_has_changed_is_read_after_its_commit() {
    each_cache(async || {
        let (db, file) = open().await;
        let [from, to] = stock(&db).await;
        assert_eq!(move_stock(&db, FROM, TO, 3).await.unwrap(), from - 3);
        assert_eq!(stock(&db).await, [from - 3, to + 3]);
        close(db, file).await;
    })
    .await;
}

/// The second write is one that the database refuses.
#[tokio::test]
async fn what_is_rolled_back_is_read_by_nobody() {
    each_cache(async || {
        let (db, file) = open().await;
        let [from, to] = stock(&db).await;
        move_stock(&db, FROM, TO, from + 1).await.unwrap_err();
        assert_eq!(stock(&db).await, [from, to]);
        close(db, file).await;
    })
    .await;
}

#[tokio::test]
async fn a_read_in_a_transaction_is_neither_cached_nor_answered_from_the_cache() {
    each_cache(async || {
        let (db, file) = open().await;
        let [from, to] = stock(&db).await;
        let rolled_back = transaction(async {
            let mut tx = db.query().begin().await?;
            add_stock(&mut tx, FROM, 100).await?;
            assert_eq!(in_stock(&mut *tx, FROM).await?, Some(from + 100));
            // Others read, and store, what is committed.
            assert_eq!(in_stock(db.query(), FROM).await?, Some(from));
            tx.rollback().await
        });
        rolled_back.await.unwrap();
        assert_eq!(stock(&db).await, [from, to]);
        close(db, file).await;
    })
    .await;
}
