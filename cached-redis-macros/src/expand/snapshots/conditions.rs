async fn update(db: &Pool, listed: bool) -> Result<Option<Row>, Error> {
    use ::cached_redis::__private::{self as __rt, traits::*};
    let mut __writes = __rt::Writes::new();
    if listed {
        __writes.all(list_invalidate_all());
    }
    #[allow(clippy::let_unit_value)]
    let __returned: Result<Option<Row>, Error> = async move {
        if false {
            return __rt::never::<Result<Option<Row>, Error>>();
        }
        db.update(listed).await
    }
        .await;
    if match (&&__rt::Returned(&__returned)).success() {
        ::core::option::Option::Some(ret) => {
            for row in ::core::iter::IntoIterator::into_iter(
                (&&__rt::Iterated(ret)).members(),
            ) {
                if row.changed {
                    __writes
                        .entry(
                            get_invalidate({
                                let __owned = __rt::owned(&(row.id));
                                __owned
                            }),
                        );
                }
            }
            true
        }
        ::core::option::Option::None => false,
    } {
        let _ = __writes.send().await;
    } else {
        __writes.forget().await;
    }
    __returned
}
