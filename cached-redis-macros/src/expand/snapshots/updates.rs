async fn update(db: &Pool, product: Product) -> Result<(), Error> {
    use ::cached_redis::__private::{self as __rt, traits::*};
    let mut __updates = __rt::Updates::new();
    let __update0 = __updates
        .begin(
            get_product_entry({
                let __owned = __rt::owned(&(product.id));
                __owned
            }),
        )
        .await;
    let __captured_product = __rt::owned(&product);
    #[allow(clippy::let_unit_value)]
    let __returned: Result<(), Error> = __updates
        .during(async move {
            if false {
                return __rt::never::<Result<(), Error>>();
            }
            db.update(product).await
        })
        .await;
    let __values = (&&__rt::Returned(&__returned))
        .success()
        .map(|_ret| {
            #[allow(
                clippy::shadow_unrelated,
                clippy::shadow_reuse,
                clippy::shadow_same,
                clippy::pattern_type_mismatch
            )]
            let product = __captured_product;
            (__update0.value(product),)
        });
    match __values {
        ::core::option::Option::Some((__value0,)) => {
            __update0.store(__value0).await;
        }
        ::core::option::Option::None => {
            __update0.abandon().await;
        }
    }
    __returned
}
