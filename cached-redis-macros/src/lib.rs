//! The attributes of the `cached-redis` crate.

use proc_macro::TokenStream;

/// stub
#[proc_macro_attribute]
pub fn redis_cached(_options: TokenStream, item: TokenStream) -> TokenStream {
    item
}

/// stub
#[proc_macro_attribute]
pub fn invalidates(_targets: TokenStream, item: TokenStream) -> TokenStream {
    item
}
