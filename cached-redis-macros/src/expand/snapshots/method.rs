async fn list(&self, page: u32) -> anyhow::Result<Vec<Product>> {
    use ::cached_redis::__private::{self as __rt, traits::*};
    let (__call, __outcome) = {
        static __F: __rt::Function = __rt::function("shop", "list", "self.id,page");
        let mut __key = __F.key(::core::any::type_name::<Self>(), &[]);
        __key.part(&self.id);
        __key.part(&page);
        let __policy = __rt::Policy::new(__rt::IntoDuration::into_duration(LIFE));
        let __call = __rt::call(&__F, __key.finish(), __policy, __rt::current());
        let __outcome = (&&&__rt::ReturnType::<anyhow::Result<Vec<Product>>>::new())
            .outcome();
        let __outcome = (&&&__rt::Stored(&__outcome)).check().pass(__outcome);
        (__call, __outcome)
    };
    __call
        .run(
            __outcome,
            move || async move {
                if false {
                    return __rt::never::<anyhow::Result<Vec<Product>>>();
                }
                self.db.list(page).await
            },
        )
        .await
}
///Removes what `list` keeps for these arguments.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn list_invalidate(&self, page: u32) -> ::cached_redis::Invalidate {
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("shop", "list", "self.id,page");
    let mut __key = __F.key(::core::any::type_name::<Self>(), &[]);
    __key.part(&self.id);
    __key.part(&page);
    __rt::Invalidate::new(&__F, __key.finish(), __rt::Choice::Current)
}
///Removes everything that `list` keeps.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn list_invalidate_all(&self) -> ::cached_redis::InvalidateAll {
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("shop", "list", "self.id,page");
    __rt::InvalidateAll::new(&__F, __rt::Choice::Current)
}
///The entry of `list` for these arguments.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn list_entry(&self, page: u32) -> ::cached_redis::Entry<anyhow::Result<Vec<Product>>>
where
    anyhow::Result<Vec<Product>>: 'static,
{
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("shop", "list", "self.id,page");
    let mut __key = __F.key(::core::any::type_name::<Self>(), &[]);
    __key.part(&self.id);
    __key.part(&page);
    let __policy = __rt::Policy::new(__rt::IntoDuration::into_duration(LIFE));
    let __call = __rt::call(&__F, __key.finish(), __policy, __rt::Choice::Current);
    let __outcome = (&&&__rt::ReturnType::<anyhow::Result<Vec<Product>>>::new())
        .outcome();
    let __outcome = (&&&__rt::Stored(&__outcome)).check().pass(__outcome);
    __call.entry(__outcome)
}
