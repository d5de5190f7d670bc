async fn thread(viewer: Option<u64>) -> Result<Vec<Comment>, Error> {
    use ::cached_redis::__private::{self as __rt, traits::*};
    let (__call, __outcome) = {
        static __F: __rt::Function = __rt::function("shop", "thread", "viewer");
        let mut __key = __F.key(__rt::scope(&|| (), "thread"), &[]);
        __key.part(&viewer);
        let __policy = __rt::Policy::new(::core::time::Duration::from_secs(60));
        let __call = __rt::call(&__F, __key.finish(), __policy, __rt::current())
            .tagged([
                __rt::Tag::new()
                    .text("viewer:")
                    .value((&&__rt::Part(&viewer)).get())
                    .finish(),
            ]);
        let __outcome = __rt::tags(
            (&&&__rt::ReturnType::<Result<Vec<Comment>, Error>>::new()).outcome(),
            &["author:"],
            |ret| {
                let mut __tags = ::std::vec![];
                for c in ::core::iter::IntoIterator::into_iter(ret) {
                    __tags
                        .push(
                            __rt::Tag::new()
                                .text("author:")
                                .value((&&__rt::Part(&c.author)).get())
                                .finish(),
                        );
                }
                __tags
            },
        );
        let __outcome = (&&&__rt::Stored(&__outcome)).check().pass(__outcome);
        (__call, __outcome)
    };
    __call
        .run(
            __outcome,
            move || async move {
                if false {
                    return __rt::never::<Result<Vec<Comment>, Error>>();
                }
                fetch(viewer).await
            },
        )
        .await
}
///Removes what `thread` keeps for these arguments.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn thread_invalidate(viewer: Option<u64>) -> ::cached_redis::Invalidate {
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("shop", "thread", "viewer");
    let mut __key = __F.key(__rt::scope(&|| (), "thread_invalidate"), &[]);
    __key.part(&viewer);
    __rt::Invalidate::new(&__F, __key.finish(), __rt::Choice::Current)
}
///Removes everything that `thread` keeps.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn thread_invalidate_all() -> ::cached_redis::InvalidateAll {
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("shop", "thread", "viewer");
    __rt::InvalidateAll::new(&__F, __rt::Choice::Current)
}
///The entry of `thread` for these arguments.
#[allow(unused, non_snake_case, clippy::all, clippy::pedantic)]
fn thread_entry(
    viewer: Option<u64>,
) -> ::cached_redis::Entry<Result<Vec<Comment>, Error>>
where
    Result<Vec<Comment>, Error>: 'static,
{
    use ::cached_redis::__private::{self as __rt, traits::*};
    static __F: __rt::Function = __rt::function("shop", "thread", "viewer");
    let mut __key = __F.key(__rt::scope(&|| (), "thread_entry"), &[]);
    __key.part(&viewer);
    let __policy = __rt::Policy::new(::core::time::Duration::from_secs(60));
    let __call = __rt::call(&__F, __key.finish(), __policy, __rt::Choice::Current)
        .tagged([
            __rt::Tag::new()
                .text("viewer:")
                .value((&&__rt::Part(&viewer)).get())
                .finish(),
        ]);
    let __outcome = __rt::tags(
        (&&&__rt::ReturnType::<Result<Vec<Comment>, Error>>::new()).outcome(),
        &["author:"],
        |ret| {
            let mut __tags = ::std::vec![];
            for c in ::core::iter::IntoIterator::into_iter(ret) {
                __tags
                    .push(
                        __rt::Tag::new()
                            .text("author:")
                            .value((&&__rt::Part(&c.author)).get())
                            .finish(),
                    );
            }
            __tags
        },
    );
    let __outcome = (&&&__rt::Stored(&__outcome)).check().pass(__outcome);
    __call.entry(__outcome)
}
