//! Transactions: of reads, of writes that remove, and of writes that store.

use super::check;

#[test]
fn a_transaction() {
    check(&[
        (
            "#[redis_cached(ttl = 600, skip(tx))]
            async fn get(tx: &mut «Transaction»<'_, Postgres>, id: u64) -> Option<u64> { None }",
            &[r#"what is read in a transaction may be rolled back while the cache keeps it for everyone: cache a function that takes the pool, and call another one in transactions; or add `in_transaction = "cache_uncommitted"` to accept that"#],
        ),
        (
            "#[redis_cached(ttl = 600)]
            async fn get(tx: &mut sqlx::«Transaction»<'_, Postgres>, id: u64) -> Option<u64> { None }",
            &[r#"what is read in a transaction may be rolled back while the cache keeps it for everyone: cache a function that takes the pool, and call another one in transactions; or write `skip(tx)` with `in_transaction = "cache_uncommitted"` to accept that"#],
        ),
        (
            "#[redis_cached(ttl = 600, skip(tx))]
            async fn get(tx: &«DatabaseTransaction», id: u64) -> Option<u64> { None }",
            &[r#"what is read in a transaction may be rolled back while the cache keeps it for everyone: cache a function that takes the pool, and call another one in transactions; or add `in_transaction = "cache_uncommitted"` to accept that"#],
        ),
        (
            "#[redis_cached(ttl = 600, key(id))]
            async fn get(tx: &«Transaction», id: u64) -> Option<u64> { None }",
            &[r#"what is read in a transaction may be rolled back while the cache keeps it for everyone: cache a function that takes the pool, and call another one in transactions; or add `in_transaction = "cache_uncommitted"` to accept that"#],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(tx), «in_transaction» = "bypass")]
            async fn get(tx: &Transaction<'_>, id: u64) -> Option<u64> { None }"#,
            &[r#"`tx` is always a transaction, so no call would be cached: remove `#[redis_cached]`, or write `in_transaction = "cache_uncommitted"`"#],
        ),
    ]);
}

#[test]
fn a_connection() {
    check(&[
        (
            "#[redis_cached(ttl = 600, skip(conn))]
            async fn get(conn: &mut «PgConnection», id: u64) -> Option<u64> { None }",
            &[
                r#"this may be in a transaction, and what is read in one may be rolled back while the cache keeps it for everyone: take the pool instead, or add `bypass = conn.is_in_transaction()`, or `in_transaction = "cache_uncommitted"` to accept that"#,
            ],
        ),
        (
            "#[redis_cached(ttl = 600)]
            async fn get(conn: &mut «AsyncPgConnection», id: u64) -> Option<u64> { None }",
            &[
                r#"this may be in a transaction, and what is read in one may be rolled back while the cache keeps it for everyone: take the pool instead, or write `skip(conn)` with `bypass = conn.is_in_transaction()`, or `in_transaction = "cache_uncommitted"` to accept that"#,
            ],
        ),
        (
            "#[redis_cached(ttl = 600, skip(db))]
            async fn get(db: &dyn «ConnectionTrait», id: u64) -> Option<u64> { None }",
            &[
                r#"this may be in a transaction, and what is read in one may be rolled back while the cache keeps it for everyone: take the pool instead, or add `bypass = db.is_in_transaction()`, or `in_transaction = "cache_uncommitted"` to accept that"#,
            ],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(conn), «in_transaction» = "bypass")]
            async fn get(conn: Arc<Mutex<SqliteConnection>>, id: u64) -> Option<u64> { None }"#,
            &[
                "nothing tells whether `conn` is in a transaction, so no call would be cached: take the pool, or write `bypass = conn.is_in_transaction()` instead",
            ],
        ),
    ]);
}

#[test]
fn a_generic_handle() {
    check(&[
        (
            "#[redis_cached(ttl = 600, skip(db))]
            async fn get(db: impl «Executor»<'_, Database = Postgres>, id: u64) -> Option<u64> { None }",
            &[r#"this may be a transaction, and what is read in one may be rolled back while the cache keeps it for everyone: add `in_transaction = "bypass"` to cache only calls with a pool, or `in_transaction = "cache_uncommitted"` to accept that"#],
        ),
        (
            "#[redis_cached(ttl = 600)]
            async fn get<'e, E: sqlx::PgExecutor<'e>>(db: «E», id: u64) -> Option<u64> { None }",
            &[r#"this may be a transaction, and what is read in one may be rolled back while the cache keeps it for everyone: write `skip(db)` with `in_transaction = "bypass"` to cache only calls with a pool, or `in_transaction = "cache_uncommitted"` to accept that"#],
        ),
        (
            "#[redis_cached(ttl = 600, skip(db))]
            async fn get<C>(db: &«C», id: u64) -> Option<u64> where C: ConnectionTrait { None }",
            &[r#"this may be a transaction, and what is read in one may be rolled back while the cache keeps it for everyone: add `in_transaction = "bypass"` to cache only calls with a pool, or `in_transaction = "cache_uncommitted"` to accept that"#],
        ),
        (
            "#[redis_cached(ttl = 600, skip(tx))]
            async fn get(tx: Option<&mut «Transaction»<'_, Sqlite>>, id: u64) -> Option<u64> { None }",
            &[r#"what is read in a transaction may be rolled back while the cache keeps it for everyone: add `in_transaction = "bypass"` to cache only calls with `None` here, or `in_transaction = "cache_uncommitted"` to accept that"#],
        ),
    ]);
}

#[test]
fn the_option() {
    check(&[
        (
            r#"#[redis_cached(ttl = 600, skip(db), «in_transaction» = "bypass")]
            async fn get(db: &Pool<Postgres>, id: u64) -> Option<u64> { None }"#,
            &[
                "no parameter here is spelled as a transaction or a connection, which is what `in_transaction` is about: remove it, or write the type itself instead of an alias",
            ],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(tx), in_transaction = «"skip"»)]
            async fn get(tx: &mut Transaction<'_, Sqlite>, id: u64) -> Option<u64> { None }"#,
            &[r#"`in_transaction` takes `"bypass"` or `"cache_uncommitted"`"#],
        ),
        (
            "#[redis_cached(ttl = 600, skip(tx), in_transaction = «bypass»)]
            async fn get(tx: &mut Transaction<'_, Sqlite>, id: u64) -> Option<u64> { None }",
            &[r#"`in_transaction` takes `"bypass"` or `"cache_uncommitted"`"#],
        ),
        (
            "#[redis_cached(ttl = 600, skip(tx), «in_transaction»)]
            async fn get(tx: &mut Transaction<'_, Sqlite>, id: u64) -> Option<u64> { None }",
            &[r#"`in_transaction` needs a value: write `in_transaction = "bypass"`"#],
        ),
    ]);
}

#[test]
fn writes_that_remove() {
    check(&[
        (
            "#[invalidates(get(id))]
            async fn put(tx: &mut «Transaction»<'_, Postgres>, id: u64) -> Result<(), E> { Ok(()) }",
            &[r#"this write is part of a transaction, so its entries would be removed before the commit, and the next load could put the old rows back: put `#[invalidates]` on the function that commits; or add `in_transaction = "after_commit"`, and run everything up to the commit in `cached_redis::transaction(…)`; or write an outbox in this transaction; or accept old rows with `in_transaction = "before_commit"`"#],
        ),
        (
            "#[invalidates(get(id))]
            async fn put(db: impl «Executor»<'_>, id: u64) -> Result<(), E> { Ok(()) }",
            &[r#"this write may be part of a transaction, so its entries would be removed before the commit, and the next load could put the old rows back: put `#[invalidates]` on the function that commits; or add `in_transaction = "after_commit"`, and run everything up to the commit in `cached_redis::transaction(…)`; or write an outbox in this transaction; or accept old rows with `in_transaction = "before_commit"`"#],
        ),
        (
            r#"#[invalidates(get(id), in_transaction = "after_commit", «strict»)]
            async fn put(tx: &mut PgConnection, id: u64) -> Result<(), E> { Ok(()) }"#,
            &[r#"the entries are removed after this function has returned, so there is nothing that `strict` could return: remove it, or add `guard = "10s"`, which is planted before the body"#],
        ),
        (
            r#"#[invalidates(get(id), «in_transaction» = "before_commit")]
            async fn put(db: &Pool, id: u64) -> Result<(), E> { Ok(()) }"#,
            &["no parameter here is spelled as a transaction or a connection, which is what `in_transaction` is about: remove it, or write the type itself instead of an alias"],
        ),
        (
            r#"#[invalidates(get(id), in_transaction = «"after"»)]
            async fn put(tx: &mut PgConnection, id: u64) -> Result<(), E> { Ok(()) }"#,
            &[r#"`in_transaction` takes `"after_commit"` or `"before_commit"`"#],
        ),
    ]);
}

#[test]
fn writes_that_store() {
    check(&[
        (
            "#[updates(get(id) = ret)]
            async fn put(tx: &mut «Transaction»<'_, Postgres>, id: u64) -> Result<(), E> { Ok(()) }",
            &[r#"this write is part of a transaction, so the new value would be stored before the commit, also if that never comes: put `#[updates]` on the function that commits, or write `#[invalidates(…, in_transaction = "after_commit")]`, or accept that with `in_transaction = "store_uncommitted"`"#],
        ),
        (
            r#"#[updates(get(id) = ret, «in_transaction» = "store_uncommitted")]
            async fn put(db: &Pool, id: u64) -> Result<(), E> { Ok(()) }"#,
            &["no parameter here is spelled as a transaction or a connection, which is what `in_transaction` is about: remove it, or write the type itself instead of an alias"],
        ),
        (
            r#"#[updates(get(id) = ret, in_transaction = «"after_commit"»)]
            async fn put(tx: &mut PgConnection, id: u64) -> Result<(), E> { Ok(()) }"#,
            &[r#"`in_transaction` takes `"store_uncommitted"`"#],
        ),
    ]);
}

/// What is no handle of a database, or is one that has been decided about.
#[test]
fn nothing_is_wrong_with_these() {
    check(&[
        (
            "#[redis_cached(ttl = 600)]
            async fn get(transaction: Transaction, id: u64) -> Option<u64> { None }",
            &[],
        ),
        (
            "#[redis_cached(ttl = 600)]
            async fn get(booked: &bank::Transaction) -> Option<u64> { None }",
            &[],
        ),
        (
            "#[redis_cached(ttl = 600, skip(db))]
            async fn get(db: &Pool<AsyncPgConnection>, id: u64) -> Option<u64> { None }",
            &[],
        ),
        (
            "#[redis_cached(ttl = 600, skip(db))]
            async fn get(db: &DatabaseConnection, id: u64) -> Option<u64> { None }",
            &[],
        ),
        (
            "#[redis_cached(ttl = 600, skip(db))]
            async fn get(db: &impl Repository, id: u64) -> Option<u64> { None }",
            &[],
        ),
        (
            "#[redis_cached(ttl = 600, skip(conn), bypass = conn.is_in_transaction())]
            async fn get(conn: &mut PgConnection, id: u64) -> Option<u64> { None }",
            &[],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(db), in_transaction = "bypass")]
            async fn get(db: impl Executor<'_>, id: u64) -> Option<u64> { None }"#,
            &[],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(tx), in_transaction = "bypass")]
            async fn get(tx: Option<&mut PgConnection>, id: u64) -> Option<u64> { None }"#,
            &[],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(tx), in_transaction = "cache_uncommitted")]
            async fn get(tx: &mut Transaction<'_, Sqlite>, id: u64) -> Option<u64> { None }"#,
            &[],
        ),
        (
            "#[invalidates(get(id))]
            async fn put(db: &Pool, booked: Transaction, id: u64) -> Result<(), E> { Ok(()) }",
            &[],
        ),
        (
            r#"#[invalidates(get(id), in_transaction = "after_commit")]
            async fn put(tx: &mut Tx<'_>, id: u64) -> Result<(), E> { Ok(()) }"#,
            &[],
        ),
        (
            r#"#[invalidates(get(id), in_transaction = "before_commit")]
            async fn put(tx: &mut PgConnection, id: u64) -> Result<(), E> { Ok(()) }"#,
            &[],
        ),
        (
            r#"#[updates(get(id) = ret, in_transaction = "store_uncommitted")]
            async fn put(db: impl Executor<'_>, id: u64) -> Result<u64, E> { Ok(id) }"#,
            &[],
        ),
    ]);
}
