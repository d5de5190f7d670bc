//! Reads and writes in transactions.

use std::cell::Cell;
use std::convert::Infallible;

use cached_redis::{Cache, Loss, invalidates, redis_cached, transaction, updates};

use crate::support::{ask, loaded, run};

thread_local! {
    /// The one row of the database, and what a transaction has made of it.
    static ROW: Cell<u64> = const { Cell::new(1) };
}

struct Pool;

impl Pool {
    fn begin() -> Transaction<'static> {
        Transaction { row: ROW.get(), pool: &Pool }
    }
}

struct Transaction<'a> {
    row: u64,
    #[allow(dead_code)]
    pool: &'a Pool,
}

impl Transaction<'_> {
    fn commit(self) {
        ROW.set(self.row);
    }
}

trait ConnectionTrait {
    fn row(&self) -> u64;
}

impl ConnectionTrait for Pool {
    fn row(&self) -> u64 {
        ROW.get()
    }
}

impl ConnectionTrait for Transaction<'_> {
    fn row(&self) -> u64 {
        self.row
    }
}

#[redis_cached(ttl = 600, skip(db), in_transaction = "bypass")]
async fn row(db: &impl ConnectionTrait) -> u64 {
    loaded();
    db.row()
}

#[redis_cached(ttl = 600, skip(db), in_transaction = "bypass")]
async fn generic<C>(db: &C, of: u64) -> u64
where
    C: ConnectionTrait,
{
    loaded();
    db.row() + of
}

#[redis_cached(ttl = 600, skip(tx), in_transaction = "bypass")]
async fn optional(tx: Option<&mut Transaction<'_>>) -> u64 {
    loaded();
    tx.map_or_else(|| ROW.get(), |tx| tx.row)
}

#[redis_cached(ttl = 600, skip(tx), in_transaction = "bypass", bypass = fresh)]
async fn optional_or_fresh(tx: &mut Option<Transaction<'_>>, fresh: bool) -> u64 {
    loaded();
    tx.as_ref().map_or_else(|| ROW.get(), |tx| tx.row)
}

#[redis_cached(ttl = 600, skip(tx), in_transaction = "cache_uncommitted")]
async fn uncommitted(tx: &mut Transaction<'_>) -> u64 {
    loaded();
    tx.row
}

#[invalidates(row(), in_transaction = "after_commit")]
async fn set(tx: &mut Transaction<'_>, to: u64) -> Result<u64, Infallible> {
    tx.row = to;
    Ok(to)
}

#[invalidates(row(), guard = "10s", in_transaction = "after_commit")]
async fn set_guarded(tx: &mut Transaction<'_>, to: u64) -> Result<(), Infallible> {
    tx.row = to;
    Ok(())
}

#[invalidates(row(), in_transaction = "after_commit")]
async fn set_and_fail(tx: &mut Transaction<'_>, to: u64) -> Result<(), &'static str> {
    tx.row = to;
    Err("after the write")
}

#[invalidates(row(), in_transaction = "before_commit")]
async fn set_early(tx: &mut Transaction<'_>, to: u64) -> Result<(), Infallible> {
    tx.row = to;
    Ok(())
}

#[updates(row() = *ret, in_transaction = "store_uncommitted")]
async fn store_early(tx: &mut Transaction<'_>, to: u64) -> Result<u64, Infallible> {
    tx.row = to;
    Ok(to)
}

#[test]
fn only_calls_outside_transactions_are_cached() {
    run(async {
        let mut tx = Pool::begin();
        tx.row = 7;
        for _ in 0..2 {
            assert_eq!(ask(row(&tx)).await, (7, true));
            assert_eq!(ask(generic(&tx, 1)).await, (8, true));
            assert_eq!(ask(optional(Some(&mut tx))).await, (7, true));
        }
        crate::assert_cached!(row(&Pool), 1);
        crate::assert_cached!(generic(&Pool, 1), 2);
        crate::assert_cached!(optional(None), 1);
        crate::assert_cached!(optional_or_fresh(&mut None, false), 1);
        assert_eq!(ask(optional_or_fresh(&mut None, true)).await, (1, true));
        assert_eq!(ask(optional_or_fresh(&mut Some(tx), false)).await, (7, true));
        let bypassed = |name: &str| {
            let functions = Cache::current().stats().functions;
            functions.iter().find(|f| f.name.ends_with(name)).map(|f| f.bypasses)
        };
        assert_eq!(bypassed(":row"), Some(2));
    });
}

#[test]
fn what_is_accepted_is_cached() {
    run(async {
        let mut tx = Pool::begin();
        tx.row = 7;
        crate::assert_cached!(uncommitted(&mut tx), 7);
        store_early(&mut tx, 8).await.unwrap();
        assert_eq!(ask(row(&Pool)).await, (8, false));
        set_early(&mut tx, 9).await.unwrap();
        assert_eq!(ask(row(&Pool)).await, (1, true));
    });
}

/// A load between the write and the commit reads the old row, and stores it where no guard stands.
#[test]
fn entries_are_removed_after_the_commit() {
    run(async {
        ask(row(&Pool)).await;
        for to in [2, 3] {
            let done = transaction(async {
                let mut tx = Pool::begin();
                let returned = set(&mut tx, to).await?;
                ask(row(&Pool)).await;
                assert_eq!(ask(row(&Pool)).await, (to - 1, false));
                tx.commit();
                Ok::<_, Infallible>(returned)
            });
            assert_eq!(done.await, Ok(to));
            assert_eq!(ask(row(&Pool)).await, (to, true));
        }
    });
}

#[test]
fn nothing_is_stored_between_a_guarded_write_and_the_commit() {
    run(async {
        ask(row(&Pool)).await;
        let done = transaction(async {
            let mut tx = Pool::begin();
            set_guarded(&mut tx, 2).await?;
            for _ in 0..2 {
                assert_eq!(ask(row(&Pool)).await, (1, true));
            }
            tx.commit();
            Ok::<_, Infallible>(())
        });
        done.await.unwrap();
        crate::assert_cached!(row(&Pool), 2);
    });
}

#[test]
fn a_failed_transaction_costs_a_miss() {
    run(async {
        ask(row(&Pool)).await;
        let failed = transaction(async {
            set(&mut Pool::begin(), 2).await.unwrap();
            Err::<(), _>("no commit")
        });
        assert_eq!(failed.await, Err("no commit"));
        crate::assert_cached!(row(&Pool), 1);
    });
}

/// Whoever ignores the error of a write may commit what it has done.
#[test]
fn a_failed_write_is_part_of_the_transaction() {
    run(async {
        ask(row(&Pool)).await;
        let done = transaction(async {
            let mut tx = Pool::begin();
            set_and_fail(&mut tx, 2).await.unwrap_err();
            tx.commit();
            Ok::<_, Infallible>(())
        });
        done.await.unwrap();
        assert_eq!(ask(row(&Pool)).await, (2, true));
    });
}

#[test]
fn entries_of_a_savepoint_are_removed_after_the_outer_commit() {
    run(async {
        ask(row(&Pool)).await;
        let done = transaction(async {
            let mut tx = Pool::begin();
            transaction(set(&mut tx, 2)).await?;
            assert_eq!(ask(row(&Pool)).await, (1, true), "removed at the end of the inner one");
            tx.commit();
            Ok::<_, Infallible>(())
        });
        done.await.unwrap();
        assert_eq!(ask(row(&Pool)).await, (2, true));
    });
}

#[test]
fn a_write_outside_any_transaction_is_noticed() {
    run(async {
        ask(row(&Pool)).await;
        set(&mut Pool::begin(), 2).await.unwrap();
        assert_eq!(ask(row(&Pool)).await, (1, true));
        let losses = Cache::current().health().await.losses;
        let kinds: Vec<_> = losses.iter().map(|loss| loss.kind).collect();
        assert_eq!(kinds, [Loss::Uncommitted]);
        assert!(losses[0].function.as_ref().is_some_and(|name| name.ends_with(":row")));
    });
}
