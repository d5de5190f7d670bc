async fn cheapest(db: &Pool, category: u64) -> Result<Product, Error> {
    use ::cached_redis::__private::{self as __rt, traits::*};
    let (__call, __outcome) = {
        static __F: __rt::Function = __rt::function("shop", "cheapest", "category");
        let mut __key = __F.key(__rt::scope(&|| (), "cheapest"), &[]);
        __key.part(&category);
        let __policy = __rt::Policy {
            stale: ::core::option::Option::Some(::core::time::Duration::from_secs(300)),
            ..__rt::Policy::new(::core::time::Duration::from_secs(600))
        };
        let __call = __rt::call(&__F, __key.finish(), __policy, __rt::current())
            .tagged([
                __rt::Tag::new()
                    .text("category:")
                    .value((&&__rt::Part(&category)).get())
                    .finish(),
            ]);
        let __outcome = __rt::tags(
            (&&&__rt::ReturnType::<Result<Product, Error>>::new()).outcome(),
            &["brand:"],
            |ret| {
                ::std::vec![
                    __rt::Tag::new().text("brand:").value((&& __rt::Part(& ret.brand))
                    .get()).finish()
                ]
            },
        );
        let __outcome = (&&&__rt::Stored(&__outcome)).check().pass(__outcome);
        (__call, __outcome)
    };
    __call
        .run_detachable(
            __outcome,
            move || {
                let __owned_db = __rt::own_argument(&db);
                __rt::boxed(async move {
                    if false {
                        return __rt::never::<Result<Product, Error>>();
                    }
                    #[allow(
                        clippy::shadow_unrelated,
                        clippy::shadow_reuse,
                        clippy::shadow_same,
                        clippy::pattern_type_mismatch
                    )]
                    let db = __owned_db.borrowed();
                    db.cheapest(category).await
                })
            },
        )
        .await
}
///Removes what `cheapest` keeps for these arguments.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn cheapest_invalidate(category: u64) -> ::cached_redis::Invalidate {
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("shop", "cheapest", "category");
    let mut __key = __F.key(__rt::scope(&|| (), "cheapest_invalidate"), &[]);
    __key.part(&category);
    __rt::Invalidate::new(&__F, __key.finish(), __rt::Choice::Current)
}
///Removes everything that `cheapest` keeps.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn cheapest_invalidate_all() -> ::cached_redis::InvalidateAll {
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("shop", "cheapest", "category");
    __rt::InvalidateAll::new(&__F, __rt::Choice::Current)
}
///The entry of `cheapest` for these arguments.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn cheapest_entry(category: u64) -> ::cached_redis::Entry<Result<Product, Error>>
where
    Result<Product, Error>: 'static,
{
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("shop", "cheapest", "category");
    let mut __key = __F.key(__rt::scope(&|| (), "cheapest_entry"), &[]);
    __key.part(&category);
    let __policy = __rt::Policy {
        stale: ::core::option::Option::Some(::core::time::Duration::from_secs(300)),
        ..__rt::Policy::new(::core::time::Duration::from_secs(600))
    };
    let __call = __rt::call(&__F, __key.finish(), __policy, __rt::Choice::Current)
        .tagged([
            __rt::Tag::new()
                .text("category:")
                .value((&&__rt::Part(&category)).get())
                .finish(),
        ]);
    let __outcome = __rt::tags(
        (&&&__rt::ReturnType::<Result<Product, Error>>::new()).outcome(),
        &["brand:"],
        |ret| {
            ::std::vec![
                __rt::Tag::new().text("brand:").value((&& __rt::Part(& ret.brand)).get())
                .finish()
            ]
        },
    );
    let __outcome = (&&&__rt::Stored(&__outcome)).check().pass(__outcome);
    __call.entry(__outcome)
}
