/// The product with this number.
pub async fn get_product(db: &Pool, id: u64) -> Result<Option<Product>, RepoError> {
    use ::cached_redis::__private::{self as __rt, traits::*};
    let (__call, __outcome) = {
        static __F: __rt::Function = __rt::function("products", "get_product", "id");
        let mut __key = __F.key(__rt::scope(&|| (), "get_product"), &[]);
        __key.part(&id);
        let __policy = __rt::Policy::new(::core::time::Duration::from_secs(600));
        let __call = __rt::call(&__F, __key.finish(), __policy, __rt::current());
        let __outcome = (&&&__rt::ReturnType::<
            Result<Option<Product>, RepoError>,
        >::new())
            .outcome();
        let __outcome = (&&&__rt::Stored(&__outcome)).check().pass(__outcome);
        (__call, __outcome)
    };
    __call
        .run(
            __outcome,
            move || async move {
                if false {
                    return __rt::never::<Result<Option<Product>, RepoError>>();
                }
                db.find(id).await
            },
        )
        .await
}
///Removes what `get_product` keeps for these arguments.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
pub fn get_product_invalidate(id: u64) -> ::cached_redis::Invalidate {
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("products", "get_product", "id");
    let mut __key = __F.key(__rt::scope(&|| (), "get_product_invalidate"), &[]);
    __key.part(&id);
    __rt::Invalidate::new(&__F, __key.finish(), __rt::Choice::Current)
}
///Removes everything that `get_product` keeps.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
pub fn get_product_invalidate_all() -> ::cached_redis::InvalidateAll {
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("products", "get_product", "id");
    __rt::InvalidateAll::new(&__F, __rt::Choice::Current)
}
///The entry of `get_product` for these arguments.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
pub fn get_product_entry(
    id: u64,
) -> ::cached_redis::Entry<Result<Option<Product>, RepoError>>
where
    Result<Option<Product>, RepoError>: 'static,
{
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("products", "get_product", "id");
    let mut __key = __F.key(__rt::scope(&|| (), "get_product_entry"), &[]);
    __key.part(&id);
    let __policy = __rt::Policy::new(::core::time::Duration::from_secs(600));
    let __call = __rt::call(&__F, __key.finish(), __policy, __rt::Choice::Current);
    let __outcome = (&&&__rt::ReturnType::<Result<Option<Product>, RepoError>>::new())
        .outcome();
    let __outcome = (&&&__rt::Stored(&__outcome)).check().pass(__outcome);
    __call.entry(__outcome)
}
