//! What the shop asks its database, cached.

use cached_redis::{Cache, Invalidations, invalidates, redis_cached};
use serde::{Deserialize, Serialize};

use crate::db::Db;
use crate::outbox::{self, Outbox};

/// How many products a page of a list has.
pub const PAGE: u32 = 20;

/// A product on sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Product {
    /// Its number.
    pub id: i64,
    /// The slug of its category.
    pub category: String,
    /// What it is called.
    pub name: String,
    /// What it costs.
    pub price_cents: i64,
    /// How many there are.
    pub stock: i64,
}

/// A shelf of the shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Category {
    /// Its name in URLs.
    pub slug: String,
    /// Its name on the page.
    pub name: String,
}

/// What the shopkeeper sees in the morning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Dashboard {
    /// How many products there are.
    pub products: i64,
    /// How many of them are sold out.
    pub sold_out: i64,
    /// What everything in stock would bring.
    pub stock_value_cents: i64,
    /// The category with the most value in stock.
    pub top_category: String,
}

/// A new price and stock for a product.
#[derive(Clone, Debug)]
pub struct ProductChange {
    /// Which product.
    pub id: i64,
    /// Its price from now on.
    pub price_cents: i64,
    /// How many there are now.
    pub stock: i64,
}

/// A product to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewProduct {
    /// The slug of its category.
    pub category: String,
    /// What it is called.
    pub name: String,
    /// What it costs.
    pub price_cents: i64,
    /// How many there are.
    pub stock: i64,
}

/// A product; `None` is remembered too, for a minute, so that a crawler of dead links reaches no database.
#[redis_cached(ttl = "10m", prefix = "shop", skip(db), tags = ["category:{ret.category}"])]
pub async fn product(db: &Db, id: i64) -> Result<Option<Product>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM products WHERE id = ?").bind(id).fetch_optional(db.query()).await
}

/// One page of a category, from 1.
#[redis_cached(ttl = 60, prefix = "shop", skip(db), tags = ["category:{category}"])]
pub async fn product_page(db: &Db, category: &str, page: u32) -> Result<Vec<Product>, sqlx::Error> {
    let before = i64::from(page.saturating_sub(1)) * i64::from(PAGE);
    sqlx::query_as("SELECT * FROM products WHERE category = ? ORDER BY id LIMIT ? OFFSET ?")
        .bind(category)
        .bind(PAGE)
        .bind(before)
        .fetch_all(db.query())
        .await
}

/// All categories. Nothing in the shop changes them.
#[redis_cached(ttl = "1h", prefix = "shop", skip(db))]
pub async fn categories(db: &Db) -> Result<Vec<Category>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM categories ORDER BY name").fetch_all(db.query()).await
}

/// Sums over everything: the query that one wants to make rarely, and nobody wants to wait for. After half a minute
/// it is made behind an answer from before.
#[redis_cached(ttl = 30, stale = "5m", prefix = "shop", skip(db))]
pub async fn dashboard(db: &Db) -> Result<Dashboard, sqlx::Error> {
    let sums = "
        SELECT count(*) AS products,
               count(*) FILTER (WHERE stock = 0) AS sold_out,
               sum(price_cents * stock) AS stock_value_cents,
               (SELECT category FROM products GROUP BY category
                ORDER BY sum(price_cents * stock) DESC LIMIT 1) AS top_category
        FROM products";
    sqlx::query_as(sums).fetch_one(db.query()).await
}

/// Changes a product; false if there is none. Any list may show it, and the sums contain it.
#[invalidates(product(change.id), product_page(..), dashboard(..))]
pub async fn update_product(db: &Db, change: ProductChange) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("UPDATE products SET price_cents = ?, stock = ? WHERE id = ?")
        .bind(change.price_cents)
        .bind(change.stock)
        .bind(change.id)
        .execute(db.query())
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes a share off every price of a category, and returns how many there are. One write makes thousands of entries
/// outdated, and must not leave one behind: so what it makes outdated is written down along with it.
pub async fn discount(db: &Db, category: &str, percent: u8) -> Result<u64, outbox::Failure> {
    let mut outdated = Invalidations::new();
    outdated.tag(&Cache::current(), &format!("category:{category}"));
    outdated.all(dashboard_invalidate_all());

    let mut transaction = db.query().begin().await?;
    let done = sqlx::query(
        "UPDATE products SET price_cents = price_cents * (100 - ?) / 100 WHERE category = ?",
    )
    .bind(percent)
    .bind(category)
    .execute(&mut *transaction)
    .await?;
    Outbox::write(&mut transaction, &outdated).await?;
    transaction.commit().await?;
    // A process that dies here, or a Redis that is away, leaves the row: whoever delivers next sees to it.
    Outbox::deliver(db).await?;
    Ok(done.rows_affected())
}

/// Adds a product. Someone may have asked for its number before, so its absence is forgotten.
#[invalidates(product(ret.id), product_page(..), dashboard(..))]
pub async fn add_product(db: &Db, new: NewProduct) -> Result<Product, sqlx::Error> {
    sqlx::query_as(
        "INSERT INTO products (category, name, price_cents, stock) VALUES (?, ?, ?, ?) RETURNING *",
    )
    .bind(new.category)
    .bind(new.name)
    .bind(new.price_cents)
    .bind(new.stock)
    .fetch_one(db.query())
    .await
}

/// Forgets all that is cached, for when the database has been replaced. Tries everything, whatever fails.
pub async fn forget_everything() -> Result<(), cached_redis::Error> {
    let done = [
        product_invalidate_all().await,
        product_page_invalidate_all().await,
        categories_invalidate_all().await,
        dashboard_invalidate_all().await,
    ];
    done.into_iter().collect()
}
