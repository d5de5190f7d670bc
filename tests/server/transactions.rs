//! Writes in transactions, on real servers: nothing is removed before the commit, and nothing stale stays after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cached_redis::{invalidates, transaction};
use cached_redis_test_support::{Server, each_server_async, poll, unique_namespace};

use crate::shop::{Body, Shop, Wire, body, gives, product};
use crate::support::{Failure, PATIENCE};

/// A database of one number, with transactions.
#[derive(Clone, Default)]
struct Database(Arc<AtomicU64>);

struct Transaction<'a> {
    row: u64,
    database: &'a Database,
}

impl Database {
    fn begin(&self) -> Transaction<'_> {
        Transaction { row: self.row(), database: self }
    }

    fn row(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// A load that takes a moment after it has read.
    fn load(&self, takes: Duration) -> Body<crate::shop::Answer> {
        let database = self.clone();
        body(async move {
            let row = database.row();
            tokio::time::sleep(takes).await;
            product(row)
        })
    }
}

impl Transaction<'_> {
    fn commit(self) -> Result<(), Failure> {
        self.database.0.fetch_max(self.row, Ordering::SeqCst);
        Ok(())
    }
}

impl Shop {
    #[invalidates(self.plain(id), in_transaction = "after_commit")]
    async fn set(&self, tx: &mut Transaction<'_>, id: u64, to: u64) -> Result<(), Failure> {
        tx.row = to;
        Ok(())
    }

    #[invalidates(self.plain(id), guard = self.guard, in_transaction = "after_commit")]
    async fn set_guarded(&self, tx: &mut Transaction<'_>, id: u64) -> Result<(), Failure> {
        tx.row += 1;
        Ok(())
    }

    /// The version that a call gives.
    async fn version(&self, database: &Database, id: u64) -> u64 {
        let takes = Duration::from_micros(fastrand::u64(0..2_000));
        self.plain(id, database.load(takes)).await.expect("a value").version
    }
}

async fn two_nodes(server: &Server) -> [Shop; 2] {
    let namespace = unique_namespace("transactions");
    let node = |wire: Wire| Shop::at(&wire.url(server), &namespace).connected();
    [node(Wire::Tracked).await, node(Wire::Resp2).await]
}

async fn is_storable(shop: &Shop, id: u64) -> bool {
    shop.plain(id, gives(1)).await.expect("a value");
    let stored = shop.plain_entry(id).get().await.expect("a server").is_some();
    shop.plain_entry(id).invalidate().await.expect("a server");
    stored
}

#[tokio::test]
async fn entries_are_removed_after_the_commit_on_every_node() {
    each_server_async(async |server| {
        let (nodes, database) = (two_nodes(server).await, Database::default());
        let done = transaction(async {
            let mut tx = database.begin();
            nodes[0].set(&mut tx, 1, 2).await?;
            for shop in &nodes {
                assert_eq!(shop.version(&database, 1).await, 0, "not committed");
            }
            tx.commit()
        });
        done.await.expect("no failure");
        for shop in &nodes {
            assert_eq!(shop.version(&database, 1).await, 2);
        }
    })
    .await;
}

#[tokio::test]
async fn a_guard_stands_until_the_commit_however_long_that_takes() {
    each_server_async(async |server| {
        let (mut nodes, database) = (two_nodes(server).await, Database::default());
        let long = nodes[1].clone();
        nodes[0].guard = Duration::from_secs(1);
        assert!(is_storable(&nodes[1], 1).await);
        let done = transaction(async {
            let mut tx = database.begin();
            // The shorter of two guards decides when renewals are due.
            long.set_guarded(&mut tx, 2).await?;
            nodes[0].set_guarded(&mut tx, 1).await?;
            let began = Instant::now();
            while began.elapsed() < 2 * nodes[0].guard {
                assert!(!is_storable(&nodes[1], 1).await, "renewed: {:?}", began.elapsed());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            tx.commit()
        });
        done.await.expect("no failure");
        assert!(is_storable(&nodes[1], 1).await);
        assert!(is_storable(&nodes[1], 2).await);
    })
    .await;
}

/// Nobody knows whether it was committed: the guard ends by itself.
#[tokio::test]
async fn a_guard_outlives_a_transaction_that_is_cancelled_or_fails() {
    each_server_async(async |server| {
        let (mut nodes, database) = (two_nodes(server).await, Database::default());
        nodes[0].guard = Duration::from_secs(1);
        let writer = &nodes[0];
        let cancelled = transaction::<(), Failure>(async {
            writer.set_guarded(&mut database.begin(), 1).await?;
            std::future::pending().await
        });
        let bound = Duration::from_millis(300);
        tokio::time::timeout(bound, cancelled).await.expect_err("it waits for ever");
        let failed = transaction::<(), Failure>(async {
            writer.set_guarded(&mut database.begin(), 2).await?;
            Err(Failure)
        });
        assert!(failed.await.is_err());
        for id in [1, 2] {
            assert!(!is_storable(&nodes[1], id).await, "{id}");
        }
        for id in [1, 2] {
            poll::until_async("the guard has ended", PATIENCE, async || {
                is_storable(&nodes[1], id).await
            })
            .await;
        }
    })
    .await;
}

/// No call that begins after a transaction has returned gets an older value, however loads and transactions overlap.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_stale_stays_after_a_transaction() {
    const RUN: Duration = Duration::from_millis(700);
    each_server_async(async |server| {
        let (nodes, database) = (two_nodes(server).await, Database::default());
        let (returned, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let readers = nodes.iter().cycle().take(8).cloned().map(|shop| {
            let (database, returned) = (database.clone(), Arc::clone(&returned));
            let is_over = Arc::clone(&is_over);
            tokio::spawn(async move {
                let mut reads = 0;
                while !is_over.load(Ordering::SeqCst) {
                    let least = returned.load(Ordering::SeqCst);
                    let version = shop.version(&database, 1).await;
                    assert!(version >= least, "{version} after {least}");
                    reads += 1;
                }
                reads
            })
        });
        let readers: Vec<_> = readers.collect();
        let began = Instant::now();
        let mut version = 0;
        while began.elapsed() < RUN {
            version += 1;
            let done = transaction(async {
                let mut tx = database.begin();
                nodes[0].set(&mut tx, 1, version).await?;
                tokio::time::sleep(Duration::from_micros(fastrand::u64(0..3_000))).await;
                tx.commit()
            });
            done.await.expect("no failure");
            returned.store(version, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_micros(fastrand::u64(0..3_000))).await;
        }
        is_over.store(true, Ordering::SeqCst);
        let mut reads: u64 = 0;
        for reader in readers {
            reads += reader.await.expect("nothing stale");
        }
        assert!(version > 10 && reads > 100, "{version} transactions, {reads} reads");
    })
    .await;
}
