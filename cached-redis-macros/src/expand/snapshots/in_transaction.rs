async fn stock(db: impl Executor<'_>, id: u64) -> Result<u64, Error> {
    use ::cached_redis::__private::{self as __rt, traits::*};
    let (__call, __outcome) = {
        static __F: __rt::Function = __rt::function("shop", "stock", "id");
        let mut __key = __F.key(__rt::scope(&|| (), "stock"), &[]);
        __key.part(&id);
        let __policy = __rt::Policy {
            bypass: __rt::may_be_transaction(&db),
            ..__rt::Policy::new(::core::time::Duration::from_secs(60))
        };
        let __call = __rt::call(&__F, __key.finish(), __policy, __rt::current());
        let __outcome = (&&&__rt::ReturnType::<Result<u64, Error>>::new()).outcome();
        let __outcome = (&&&__rt::Stored(&__outcome)).check().pass(__outcome);
        (__call, __outcome)
    };
    __call
        .run(
            __outcome,
            move || async move {
                if false {
                    return __rt::never::<Result<u64, Error>>();
                }
                fetch(db, id).await
            },
        )
        .await
}
///Removes what `stock` keeps for these arguments.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn stock_invalidate(id: u64) -> ::cached_redis::Invalidate {
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("shop", "stock", "id");
    let mut __key = __F.key(__rt::scope(&|| (), "stock_invalidate"), &[]);
    __key.part(&id);
    __rt::Invalidate::new(&__F, __key.finish(), __rt::Choice::Current)
}
///Removes everything that `stock` keeps.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn stock_invalidate_all() -> ::cached_redis::InvalidateAll {
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("shop", "stock", "id");
    __rt::InvalidateAll::new(&__F, __rt::Choice::Current)
}
///The entry of `stock` for these arguments.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn stock_entry(id: u64) -> ::cached_redis::Entry<Result<u64, Error>>
where
    Result<u64, Error>: 'static,
{
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("shop", "stock", "id");
    let mut __key = __F.key(__rt::scope(&|| (), "stock_entry"), &[]);
    __key.part(&id);
    let __policy = __rt::Policy::new(::core::time::Duration::from_secs(60));
    let __call = __rt::call(&__F, __key.finish(), __policy, __rt::Choice::Current);
    let __outcome = (&&&__rt::ReturnType::<Result<u64, Error>>::new()).outcome();
    let __outcome = (&&&__rt::Stored(&__outcome)).check().pass(__outcome);
    __call.entry(__outcome)
}
