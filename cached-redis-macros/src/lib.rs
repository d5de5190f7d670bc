//! The attributes of the `cached-redis` crate, which is the crate to use and where they are
//! documented option by option.
//!
//! How a function comes through: `parse` turns tokens into options that carry their spans,
//! `signature` reads the facts of the function, `validate` turns both into a `model` that
//! cannot express an illegal function, and `expand`, which cannot fail, writes it out.

// Spans that know where they are (`span-locations`, for the tests) make some variants large. An
// expansion has one of each.
#![allow(clippy::large_enum_variant)]

mod attributes;
mod diagnostics;
mod expand;
mod features;
mod limits;
mod model;
mod names;
mod parse;
mod signature;
#[cfg(test)]
#[allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
mod tests;
mod trait_impl;
mod transaction;
mod used_names;
mod validate;

use proc_macro::TokenStream;

/// Caches what an `async fn` returns in Redis.
///
/// ```text
/// #[redis_cached(ttl = 600, prefix = "products", skip(db))]
/// async fn get_product(db: &Pool, id: u64) -> Result<Option<Product>, RepoError> { … }
/// ```
///
/// On an `impl` block it applies the attributes of the block's methods, with its options as defaults; this
/// is the form for trait `impl`s, and it goes above `#[async_trait]`.
#[proc_macro_attribute]
pub fn redis_cached(options: TokenStream, item: TokenStream) -> TokenStream {
    attributes::redis_cached(options.into(), item.into()).into()
}

/// Removes cached entries after the annotated `async fn` succeeded.
///
/// ```text
/// #[invalidates(get_product(product.id), list_products(..))]
/// async fn update_product(db: &Pool, product: Product) -> Result<(), RepoError> { … }
/// ```
#[proc_macro_attribute]
pub fn invalidates(targets: TokenStream, item: TokenStream) -> TokenStream {
    attributes::invalidates(targets.into(), item.into()).into()
}

/// Stores what the annotated `async fn` has written, unless another write came between.
///
/// ```text
/// #[updates(get_product(product.id) = product)]
/// async fn update_product(db: &Pool, product: Product) -> Result<(), RepoError> { … }
/// ```
#[proc_macro_attribute]
pub fn updates(entries: TokenStream, item: TokenStream) -> TokenStream {
    attributes::updates(entries.into(), item.into()).into()
}
