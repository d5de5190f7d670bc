//! Whole expansions, compared with the files in `snapshots`: generated code is thin.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test -p cached-redis-macros` writes them anew.

use std::path::Path;

use proc_macro2::TokenStream;
use quote::quote;

/// Every generated function stays below this, what it allows apart.
const LINES: usize = 48;

fn check(name: &str, options: TokenStream, item: TokenStream) {
    compare(name, crate::attributes::redis_cached(options, item));
}

fn compare(name: &str, tokens: TokenStream) {
    let file = syn::parse2(tokens).expect("the expansion is not Rust");
    let expansion = prettyplease::unparse(&file);
    for function in expansion.split_inclusive("\n}\n") {
        let without_lints = function.split("#[allow(").map(|part| match part.split_once(")]") {
            Some((_, rest)) => rest,
            None => part,
        });
        let lines: usize = without_lints.map(|part| part.trim().lines().count()).sum();
        assert!(lines < LINES, "{name} is not thin:\n{function}");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/expand/snapshots")
        .join(name)
        .with_extension("rs");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &expansion).expect("cannot write the snapshot");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(expansion, expected, "{name}: UPDATE_SNAPSHOTS=1 writes it anew");
}

#[test]
fn free_function() {
    check(
        "free_function",
        quote!(ttl = 600, prefix = "products", skip(db)),
        quote! {
            /// The product with this number.
            pub async fn get_product(db: &Pool, id: u64) -> Result<Option<Product>, RepoError> {
                db.find(id).await
            }
        },
    );
}

#[test]
fn local() {
    check(
        "local",
        quote!(ttl = 600, prefix = "products", skip(db), tags = ["shelf:{shelf}"], local = "1s"),
        quote! {
            async fn on_shelf(db: &Pool, shelf: u64) -> Arc<Vec<Product>> {
                db.on_shelf(shelf).await
            }
        },
    );
}

#[test]
fn method() {
    check(
        "method",
        quote!(ttl = LIFE, prefix = "shop", key(self.id, page)),
        quote! {
            async fn list(&self, page: u32) -> anyhow::Result<Vec<Product>> {
                self.db.list(page).await
            }
        },
    );
}

#[test]
fn options() {
    check(
        "options",
        quote!(ttl = "1h", prefix = "shop", bypass = fresh),
        quote! {
            async fn price(sku: u64, fresh: bool) -> Result<Price, Error> {
                quote(sku).await
            }
        },
    );
}

#[test]
fn payload() {
    check(
        "payload",
        quote!(
            ttl = 60,
            prefix = "shop",
            codec = MessagePack,
            compress = zstd,
            encrypt,
            max_value = 4096
        ),
        quote! {
            async fn price(sku: u64) -> Result<Price, Error> {
                quote(sku).await
            }
        },
    );
}

#[test]
fn background() {
    check(
        "background",
        quote!(
            ttl = "10m",
            stale = "5m",
            prefix = "shop",
            skip(db),
            tags = ["category:{category}", "brand:{ret.brand}"]
        ),
        quote! {
            async fn cheapest(db: &Pool, category: u64) -> Result<Product, Error> {
                db.cheapest(category).await
            }
        },
    );
}

#[test]
fn batch() {
    check(
        "batch",
        quote!(ttl = "10m", prefix = "shop", each(ids), skip(db)),
        quote! {
            async fn products(db: &Db, ids: &[u64]) -> Result<HashMap<u64, Product>, DbError> {
                db.products(ids).await
            }
        },
    );
}

#[test]
fn batch_with_copies() {
    check(
        "batch_local",
        quote!(ttl = "10m", local = "1s", prefix = "shop", each(ids), skip(db)),
        quote! {
            async fn products(db: &Db, ids: &[u64]) -> HashMap<u64, Arc<Product>> {
                db.products(ids).await
            }
        },
    );
}

#[test]
fn batch_of_a_single_function() {
    check(
        "batch_of",
        quote!(ttl = "10m", stale = "1m", each(ids), of = product, key_of = |p| p.id, skip(db)),
        quote! {
            async fn products(db: &Db, ids: &[u64]) -> Result<Vec<Product>, DbError> {
                db.products(ids).await
            }
        },
    );
}

#[test]
fn guard() {
    compare(
        "guard",
        crate::attributes::invalidates(
            quote!(
                get_product(product.id),
                tag = "category:{product.category}",
                guard = "10s",
                strict
            ),
            quote! {
                async fn update(db: &Pool, product: Product) -> Result<(), Error> {
                    db.update(product).await
                }
            },
        ),
    );
}

#[test]
fn updates() {
    compare(
        "updates",
        crate::attributes::updates(
            quote!(get_product(product.id) = product),
            quote! {
                async fn update(db: &Pool, product: Product) -> Result<(), Error> {
                    db.update(product).await
                }
            },
        ),
    );
}

#[test]
fn in_transaction() {
    check(
        "in_transaction",
        quote!(ttl = 60, prefix = "shop", skip(db), in_transaction = "bypass"),
        quote! {
            async fn stock(db: impl Executor<'_>, id: u64) -> Result<u64, Error> {
                fetch(db, id).await
            }
        },
    );
}

#[test]
fn after_commit() {
    compare(
        "after_commit",
        crate::attributes::invalidates(
            quote!(balance(account), guard = "10s", in_transaction = "after_commit"),
            quote! {
                async fn add(tx: &mut PgConnection, account: u64) -> Result<(), Error> {
                    update(tx, account).await
                }
            },
        ),
    );
}

#[test]
fn tags_of_members() {
    check(
        "members",
        quote!(
            ttl = 60,
            prefix = "shop",
            tags = ["author:{c.author}" for c in ret, "viewer:{viewer}"]
        ),
        quote! {
            async fn thread(viewer: Option<u64>) -> Result<Vec<Comment>, Error> {
                fetch(viewer).await
            }
        },
    );
}

#[test]
fn conditions() {
    compare(
        "conditions",
        crate::attributes::invalidates(
            quote!(get(row.id) for row in ret if row.changed, list(..) if listed),
            quote! {
                async fn update(db: &Pool, listed: bool) -> Result<Option<Row>, Error> {
                    db.update(listed).await
                }
            },
        ),
    );
}
