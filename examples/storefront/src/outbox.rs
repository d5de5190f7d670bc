//! Invalidations that are written in the same transaction as what they are about.
//!
//! A process that dies between its commit and its invalidations leaves a row, and whoever starts next delivers it.
//! Delivering twice is harmless: it costs a miss.

use std::fmt;

use cached_redis::{Cache, Invalidations};
use sqlx::SqliteConnection;

use crate::db::Db;

/// The table of what has not been delivered yet.
#[derive(Debug)]
pub struct Outbox;

/// What can go wrong on the way.
#[derive(Debug)]
pub enum Failure {
    /// The database.
    Database(sqlx::Error),
    /// What is in the table cannot be read, or not be written there.
    Row(serde_json::Error),
}

impl Outbox {
    /// Writes down what a transaction makes outdated, in that transaction.
    pub async fn write(
        transaction: &mut SqliteConnection,
        outdated: &Invalidations,
    ) -> Result<(), Failure> {
        let outdated = serde_json::to_string(outdated)?;
        let insert = sqlx::query("INSERT INTO outbox (outdated) VALUES (?)").bind(outdated);
        insert.execute(transaction).await?;
        Ok(())
    }

    /// Delivers what is in the table, and returns how much is left there: Redis may be away. After every write, and
    /// once at the start; a shop with several processes would do so every few seconds too.
    pub async fn deliver(db: &Db) -> Result<usize, Failure> {
        let cache = Cache::current();
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, outdated FROM outbox ORDER BY id")
                .fetch_all(db.query())
                .await?;
        let mut left = 0;
        for (id, outdated) in rows {
            match cache.replay(&serde_json::from_str(&outdated)?).await {
                Ok(()) => {
                    let delete = sqlx::query("DELETE FROM outbox WHERE id = ?").bind(id);
                    delete.execute(db.query()).await?;
                }
                Err(_) => left += 1,
            }
        }
        Ok(left)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Row(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(formatter),
            Self::Row(error) => write!(formatter, "outbox: {error}"),
        }
    }
}

impl std::error::Error for Failure {}
