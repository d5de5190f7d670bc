async fn on_shelf(db: &Pool, shelf: u64) -> Arc<Vec<Product>> {
    use ::cached_redis::__private::{self as __rt, traits::*};
    let (__call, __outcome) = {
        static __F: __rt::Function = __rt::function("products", "on_shelf", "shelf");
        let mut __key = __F.local_key(__rt::scope(&|| (), "on_shelf"), &[]);
        __key.part(&shelf);
        let __cache = __rt::current();
        let __local = __rt::Local::new(::core::time::Duration::from_secs(1));
        let __outcome = (&&&__rt::ReturnType::<Arc<Vec<Product>>>::new()).outcome();
        let __outcome = (&&&__rt::Stored(&__outcome)).check().pass(__outcome);
        if let ::core::option::Option::Some(__copy) = __rt::local(
            &__F,
            &__key,
            &__local,
            &__cache,
            &__outcome,
        ) {
            return __copy;
        }
        let __policy = __rt::Policy {
            local: ::core::option::Option::Some(__local.bound),
            ..__rt::Policy::new(::core::time::Duration::from_secs(600))
        };
        let __call = __rt::local_call(&__F, &__key, __policy, __cache)
            .tagged([
                __rt::Tag::new()
                    .text("shelf:")
                    .value((&&__rt::Part(&shelf)).get())
                    .finish(),
            ]);
        (__call, __outcome)
    };
    __call
        .run(
            __outcome,
            move || async move {
                if false {
                    return __rt::never::<Arc<Vec<Product>>>();
                }
                db.on_shelf(shelf).await
            },
        )
        .await
}
///Removes what `on_shelf` keeps for these arguments.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn on_shelf_invalidate(shelf: u64) -> ::cached_redis::Invalidate {
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("products", "on_shelf", "shelf");
    let mut __key = __F.key(__rt::scope(&|| (), "on_shelf_invalidate"), &[]);
    __key.part(&shelf);
    __rt::Invalidate::new(&__F, __key.finish(), __rt::Choice::Current)
}
///Removes everything that `on_shelf` keeps.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn on_shelf_invalidate_all() -> ::cached_redis::InvalidateAll {
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("products", "on_shelf", "shelf");
    __rt::InvalidateAll::new(&__F, __rt::Choice::Current)
}
///The entry of `on_shelf` for these arguments.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn on_shelf_entry(shelf: u64) -> ::cached_redis::Entry<Arc<Vec<Product>>>
where
    Arc<Vec<Product>>: 'static,
{
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("products", "on_shelf", "shelf");
    let mut __key = __F.local_key(__rt::scope(&|| (), "on_shelf_entry"), &[]);
    __key.part(&shelf);
    let __policy = __rt::Policy {
        local: ::core::option::Option::Some(::core::time::Duration::from_secs(1)),
        ..__rt::Policy::new(::core::time::Duration::from_secs(600))
    };
    let __call = __rt::call(
            &__F,
            __rt::LocalKey::entry(&__key),
            __policy,
            __rt::Choice::Current,
        )
        .tagged([
            __rt::Tag::new().text("shelf:").value((&&__rt::Part(&shelf)).get()).finish(),
        ]);
    let __outcome = (&&&__rt::ReturnType::<Arc<Vec<Product>>>::new()).outcome();
    let __outcome = (&&&__rt::Stored(&__outcome)).check().pass(__outcome);
    (&&__rt::Copies(&__outcome)).ask().entry(__call, &__key, __outcome)
}
