//! Stock that moves from one product to another, in a transaction of two writes.

use cached_redis::{invalidates, redis_cached, transaction};
use sqlx::{SqliteConnection, SqliteExecutor};

use crate::catalog::{dashboard_invalidate_all, product_invalidate, product_page_invalidate_all};
use crate::db::Db;

/// How many there are. With the pool it is cached; in a transaction it is asked of the database, which knows what that
/// transaction has changed.
#[redis_cached(ttl = "1m", prefix = "shop", skip(db), in_transaction = "bypass")]
pub async fn in_stock(db: impl SqliteExecutor<'_>, id: i64) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar("SELECT stock FROM products WHERE id = ?").bind(id).fetch_optional(db).await
}

/// Adds to the stock of a product, or takes away, which the database refuses below zero. It does not commit, so what it
/// makes outdated is removed by the `transaction` around it.
#[invalidates(
    product(id), in_stock(id), product_page(..), dashboard(..), in_transaction = "after_commit"
)]
pub async fn add_stock(tx: &mut SqliteConnection, id: i64, count: i64) -> Result<(), sqlx::Error> {
    let update = sqlx::query("UPDATE products SET stock = stock + ? WHERE id = ?");
    update.bind(count).bind(id).execute(tx).await?;
    Ok(())
}

/// Moves stock between products, and returns what is left of the first.
pub async fn move_stock(db: &Db, from: i64, to: i64, count: i64) -> Result<i64, sqlx::Error> {
    transaction(async {
        let mut tx = db.query().begin().await?;
        add_stock(&mut tx, to, count).await?;
        add_stock(&mut tx, from, -count).await?;
        let left = in_stock(&mut *tx, from).await?.unwrap_or_default();
        tx.commit().await?;
        Ok(left)
    })
    .await
}
