//! The database: a SQLite file with a catalogue in it, and a count of the queries made.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

/// How many products a new catalogue has.
pub const PRODUCTS: i64 = 10_000;

const DEPARTMENTS: [&str; 8] =
    ["Garden", "Kitchen", "Office", "Bath", "Bedroom", "Workshop", "Travel", "Balcony"];
const KINDS: [&str; 5] = ["Tools", "Lamps", "Chairs", "Boxes", "Books"];

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS categories (
    slug TEXT PRIMARY KEY,
    name TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS products (
    id          INTEGER PRIMARY KEY,
    category    TEXT NOT NULL REFERENCES categories (slug),
    name        TEXT NOT NULL,
    price_cents INTEGER NOT NULL CHECK (price_cents >= 0),
    stock       INTEGER NOT NULL CHECK (stock >= 0)
);
CREATE INDEX IF NOT EXISTS products_by_category ON products (category, id);
CREATE TABLE IF NOT EXISTS outbox (
    id       INTEGER PRIMARY KEY,
    outdated TEXT NOT NULL
);
";

/// The same catalogue every time, spread evenly over the categories.
const PRODUCTS_SEED: &str = "
WITH RECURSIVE
    numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < ?),
    shelves (n, slug, name) AS (SELECT row_number() OVER (ORDER BY slug) - 1, slug, name FROM categories)
INSERT INTO products (id, category, name, price_cents, stock)
SELECT i, slug, name || ' No. ' || i, 199 + i * 7919 % 20000, i * 13 % 250
FROM numbers JOIN shelves ON n = i % (SELECT count(*) FROM categories)
";

/// A pool of connections. Cheap to clone; clones share the count.
#[derive(Clone, Debug)]
pub struct Db {
    pool: SqlitePool,
    queries: Arc<AtomicU64>,
}

impl Db {
    /// Opens the file, making and filling it first if need be. Also says whether the catalogue is new.
    pub async fn open(file: &Path) -> Result<(Self, bool), sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true);
        let pool = SqlitePoolOptions::new().max_connections(8).connect_with(options).await?;
        let new = fill(&pool).await?;
        Ok((Self { pool, queries: Arc::default() }, new))
    }

    /// The pool, for one query, which is counted.
    pub fn query(&self) -> &SqlitePool {
        self.queries.fetch_add(1, Ordering::Relaxed);
        &self.pool
    }

    /// How many queries there have been.
    pub fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }

    /// Waits until every connection is closed, so that the file can be removed.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Whether there was anything to fill.
async fn fill(pool: &SqlitePool) -> Result<bool, sqlx::Error> {
    sqlx::raw_sql(SCHEMA).execute(pool).await?;
    // A catalogue is there completely or not at all.
    let mut transaction = pool.begin().await?;
    let (products,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM products").fetch_one(&mut *transaction).await?;
    if products > 0 {
        return Ok(false);
    }
    for department in DEPARTMENTS {
        for kind in KINDS {
            sqlx::query("INSERT INTO categories (slug, name) VALUES (?, ?)")
                .bind(format!("{department}-{kind}").to_lowercase())
                .bind(format!("{department} {kind}"))
                .execute(&mut *transaction)
                .await?;
        }
    }
    sqlx::query(PRODUCTS_SEED).bind(PRODUCTS).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(true)
}
