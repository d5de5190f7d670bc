//! `#[redis_cached]` on an `impl` block: its one option, and the attributes of its methods.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Attribute, ImplItem, ItemImpl, Meta, Path, Token};

use super::check_depth;
use super::options::{Options as _, options};
use super::spec::CRATE;
use crate::diagnostics::Errors;
use crate::signature::Function;

/// A method with one of our attributes.
pub(crate) struct Annotated {
    /// Among the items of the block.
    pub(crate) position: usize,
    /// The innermost last.
    pub(crate) attributes: Vec<(Kind, TokenStream)>,
    /// Their paths, as the user has them in scope.
    pub(crate) paths: Vec<Path>,
    pub(crate) function: Function,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    RedisCached,
    Invalidates,
    Updates,
}

options! {
    struct Options {
        krate: Path = CRATE,
    }
}

/// `crate = path`
pub(crate) fn options(tokens: TokenStream, errors: &mut Errors) -> Option<Path> {
    errors.gather(check_depth(&tokens))?;
    let parser = |input: ParseStream<'_>| {
        let mut options = Options::default();
        while !input.is_empty() {
            let keyword = input.call(Ident::parse_any)?;
            options.read(&keyword, input).unwrap_or_else(|| Err(not_of_block(&keyword)))?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    };
    errors.gather(parser.parse2(tokens))?.krate.map(|given| given.value)
}

/// The rest is probably options of methods too, about which there is nothing more to say.
fn not_of_block(keyword: &Ident) -> syn::Error {
    let message = format!(
        "an `impl` block takes no `{keyword}`, only `crate`: write `#[redis_cached]` here and \
         `#[redis_cached(ttl = 600, …)]` on its methods"
    );
    syn::Error::new(keyword.span(), message)
}

/// Takes our attributes off the methods of the block.
pub(crate) fn take_annotated(block: &mut ItemImpl, errors: &mut Errors) -> Vec<Annotated> {
    let mut all = Vec::new();
    for (position, item) in block.items.iter_mut().enumerate() {
        let ImplItem::Fn(method) = item else { continue };
        let mut attributes = Vec::new();
        let mut paths = Vec::new();
        method.attrs.retain(|attr| match kind(attr) {
            Some(kind) => {
                paths.push(attr.path().clone());
                match &attr.meta {
                    Meta::Path(_) => attributes.push((kind, TokenStream::new())),
                    Meta::List(list) => attributes.push((kind, list.tokens.clone())),
                    Meta::NameValue(_) => {
                        attributes.push((kind, TokenStream::new()));
                        errors.at(
                            attr.span(),
                            "options go into parentheses: write `#[redis_cached(ttl = 600)]`",
                        );
                    }
                }
                false
            }
            None => true,
        });
        if attributes.is_empty() {
            continue;
        }
        if let Some(function) = errors.gather(syn::parse2(method.to_token_stream())) {
            all.push(Annotated { position, attributes, paths, function });
        }
    }
    all
}

/// Which of our attributes it is, by its name.
pub(crate) fn kind(attr: &Attribute) -> Option<Kind> {
    match attr.path().segments.last()?.ident.to_string().as_str() {
        "redis_cached" => Some(Kind::RedisCached),
        "invalidates" => Some(Kind::Invalidates),
        "updates" => Some(Kind::Updates),
        _ => None,
    }
}
