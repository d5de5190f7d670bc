async fn products(db: &Db, ids: &[u64]) -> HashMap<u64, Arc<Product>> {
    use ::cached_redis::__private::{self as __rt, traits::*};
    let __batch = {
        static __F: __rt::Function = __rt::function("shop", "products", "ids");
        let __policy = __rt::Policy {
            local: ::core::option::Option::Some(::core::time::Duration::from_secs(1)),
            ..__rt::Policy::new(::core::time::Duration::from_secs(600))
        };
        __rt::batch(
            __rt::keys::<[u64]>(ids),
            __rt::by_return::<HashMap<u64, Arc<Product>>>(),
            |__shape, ids| {
                let mut __key = __F.local_key(__rt::scope(&|| (), "products"), &[]);
                __key.part(&ids);
                let __call = __rt::call(
                    &__F,
                    __rt::LocalKey::entry(&__key),
                    __policy,
                    __rt::Choice::Current,
                );
                let __outcome = __rt::member_outcome(__shape, ids);
                let __outcome = (&&&__rt::Stored(&__outcome)).check().pass(__outcome);
                __rt::copied_entry(__call, &__key, __outcome)
            },
        )
    };
    __batch
        .run(move |__ids| {
            async move {
                if false {
                    return __rt::never::<HashMap<u64, Arc<Product>>>();
                }
                let __ids = __rt::owned_keys::<[u64]>(__ids);
                #[allow(
                    clippy::shadow_unrelated,
                    clippy::shadow_reuse,
                    clippy::shadow_same,
                    clippy::pattern_type_mismatch
                )]
                let ids: &[u64] = ::core::borrow::Borrow::borrow(&__ids);
                db.products(ids).await
            }
        })
        .await
}
///Removes what `products` keeps for these ids.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn products_invalidate(ids: &[u64]) -> ::cached_redis::Invalidate {
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("shop", "products", "ids");
    __rt::Invalidate::each(
        __rt::keys::<[u64]>(ids)
            .iter()
            .map(|ids| {
                let mut __key = __F.key(__rt::scope(&|| (), "products_invalidate"), &[]);
                __key.part(&ids);
                __rt::Invalidate::new(&__F, __key.finish(), __rt::Choice::Current)
            }),
    )
}
///Removes everything that `products` keeps.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn products_invalidate_all() -> ::cached_redis::InvalidateAll {
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("shop", "products", "ids");
    __rt::InvalidateAll::new(&__F, __rt::Choice::Current)
}
