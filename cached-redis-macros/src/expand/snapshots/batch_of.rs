async fn products(db: &Db, ids: &[u64]) -> Result<Vec<Product>, DbError> {
    use ::cached_redis::__private::{self as __rt, traits::*};
    let __batch = {
        __rt::batch(
                __rt::keys::<[u64]>(ids),
                __rt::by_key::<Result<Vec<Product>, DbError>, _, _>(|p| p.id),
                |_, ids| product_entry(__rt::argument(ids)),
            )
            .ttl(::core::time::Duration::from_secs(600))
            .stale(::core::time::Duration::from_secs(60))
    };
    __batch
        .run_detachable(move || {
            let __owned_db = __rt::own_argument(&db);
            move |__ids| {
                let __owned_db = __rt::own_argument(&__owned_db.borrowed());
                __rt::boxed(async move {
                    if false {
                        return __rt::never::<Result<Vec<Product>, DbError>>();
                    }
                    #[allow(
                        clippy::shadow_unrelated,
                        clippy::shadow_reuse,
                        clippy::shadow_same,
                        clippy::pattern_type_mismatch
                    )]
                    let db = __owned_db.borrowed();
                    let __ids = __rt::owned_keys::<[u64]>(__ids);
                    #[allow(
                        clippy::shadow_unrelated,
                        clippy::shadow_reuse,
                        clippy::shadow_same,
                        clippy::pattern_type_mismatch
                    )]
                    let ids: &[u64] = ::core::borrow::Borrow::borrow(&__ids);
                    db.products(ids).await
                })
            }
        })
        .await
}
///Removes what `products` keeps for these ids.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn products_invalidate(ids: &[u64]) -> ::cached_redis::Invalidate {
    use ::cached_redis::__private::{self as __rt, traits::*};
    __rt::Invalidate::each(
        __rt::keys::<[u64]>(ids)
            .iter()
            .map(|ids| product_invalidate(__rt::argument(ids))),
    )
}
