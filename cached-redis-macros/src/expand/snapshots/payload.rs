async fn price(sku: u64) -> Result<Price, Error> {
    use ::cached_redis::__private::{self as __rt, traits::*};
    let (__call, __outcome) = {
        static __F: __rt::Function = __rt::function("shop", "price", "sku");
        let mut __key = __F.key(__rt::scope(&|| (), "price"), &[]);
        __key.part(&sku);
        let __policy = __rt::Policy {
            compress: ::core::option::Option::Some(__rt::Compression::Zstd),
            encrypt: ::core::option::Option::Some(true),
            max_value: ::core::option::Option::Some(4096),
            ..__rt::Policy::new(::core::time::Duration::from_secs(60))
        };
        let __call = __rt::call(&__F, __key.finish(), __policy, __rt::current());
        let __outcome = (&&&__rt::ReturnType::<Result<Price, Error>>::new()).outcome();
        let __outcome = (&&&__rt::Stored(&__outcome)).check().pass(__outcome);
        let __outcome = __rt::coded::<__rt::MessagePack, _>(__outcome);
        (__call, __outcome)
    };
    __call
        .run(
            __outcome,
            move || async move {
                if false {
                    return __rt::never::<Result<Price, Error>>();
                }
                quote(sku).await
            },
        )
        .await
}
///Removes what `price` keeps for these arguments.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn price_invalidate(sku: u64) -> ::cached_redis::Invalidate {
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("shop", "price", "sku");
    let mut __key = __F.key(__rt::scope(&|| (), "price_invalidate"), &[]);
    __key.part(&sku);
    __rt::Invalidate::new(&__F, __key.finish(), __rt::Choice::Current)
}
///Removes everything that `price` keeps.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn price_invalidate_all() -> ::cached_redis::InvalidateAll {
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("shop", "price", "sku");
    __rt::InvalidateAll::new(&__F, __rt::Choice::Current)
}
///The entry of `price` for these arguments.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn price_entry(sku: u64) -> ::cached_redis::Entry<Result<Price, Error>>
where
    Result<Price, Error>: 'static,
{
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("shop", "price", "sku");
    let mut __key = __F.key(__rt::scope(&|| (), "price_entry"), &[]);
    __key.part(&sku);
    let __policy = __rt::Policy {
        compress: ::core::option::Option::Some(__rt::Compression::Zstd),
        encrypt: ::core::option::Option::Some(true),
        max_value: ::core::option::Option::Some(4096),
        ..__rt::Policy::new(::core::time::Duration::from_secs(60))
    };
    let __call = __rt::call(&__F, __key.finish(), __policy, __rt::Choice::Current);
    let __outcome = (&&&__rt::ReturnType::<Result<Price, Error>>::new()).outcome();
    let __outcome = (&&&__rt::Stored(&__outcome)).check().pass(__outcome);
    let __outcome = __rt::coded::<__rt::MessagePack, _>(__outcome);
    __call.entry(__outcome)
}
