async fn update(db: &Pool, product: Product) -> Result<(), Error> {
    use ::cached_redis::__private::{self as __rt, traits::*};
    let mut __writes = __rt::Writes::new();
    __writes
        .entry(
            get_product_invalidate({
                let __owned = __rt::owned(&(product.id));
                __owned
            }),
        );
    __writes
        .tag(
            __rt::current(),
            &__rt::Tag::new()
                .text("category:")
                .value((&&__rt::Part(&product.category)).get())
                .finish(),
        );
    if let ::core::result::Result::Err(__error) = __writes
        .hold(::core::time::Duration::from_secs(10))
        .await
    {
        __writes.forget().await;
        return __rt::failed(__error);
    }
    #[allow(clippy::let_unit_value)]
    let __returned: Result<(), Error> = __writes
        .holding(async move {
            if false {
                return __rt::never::<Result<(), Error>>();
            }
            db.update(product).await
        })
        .await;
    if (&&__rt::Returned(&__returned)).success().is_some() {
        if let ::core::result::Result::Err(__error) = __writes.send().await {
            return __rt::failed(__error);
        }
    } else {
        __writes.forget().await;
    }
    __returned
}
