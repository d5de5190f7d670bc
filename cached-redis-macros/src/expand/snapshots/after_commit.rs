async fn add(tx: &mut PgConnection, account: u64) -> Result<(), Error> {
    use ::cached_redis::__private::{self as __rt, traits::*};
    let mut __writes = __rt::Writes::new();
    __writes
        .entry(
            balance_invalidate({
                let __owned = __rt::owned(&(account));
                __owned
            }),
        );
    let _ = __writes.hold(::core::time::Duration::from_secs(10)).await;
    #[allow(clippy::let_unit_value)]
    let __returned: Result<(), Error> = __writes
        .holding(async move {
            if false {
                return __rt::never::<Result<(), Error>>();
            }
            update(tx, account).await
        })
        .await;
    let _ = __writes.after_commit().await;
    __returned
}
