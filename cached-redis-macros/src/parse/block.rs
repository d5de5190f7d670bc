//! `#[redis_cached]` on an `impl` block: defaults for its methods, and their attributes.

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, ImplItem, ItemImpl, Meta, Path};

use super::options::Options as _;
use super::redis_cached::{self, Options};
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

/// Options that hold for the methods of a block, unless they say otherwise.
pub(crate) struct Defaults {
    tokens: TokenStream,
    pub(crate) options: Options,
}

impl Defaults {
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let options = redis_cached::parse(tokens.clone(), errors);
        Self { tokens, options }
    }

    pub(crate) fn facade(&self) -> Option<Path> {
        self.options.krate.as_ref().map(|given| given.value.clone())
    }

    /// Adds them to what a method says. Its `skip` goes along with that of the block, as far as it has such
    /// parameters; its `key` takes the place of both.
    pub(crate) fn complete(&self, options: &mut Options, function: &Function) {
        // What is wrong in them has been reported at the block.
        let mut defaults = redis_cached::parse(self.tokens.clone(), &mut Errors::new());
        let skip = defaults.skip.take().filter(|_| options.key.is_none());
        options.fill(defaults);
        let Some(mut skip) = skip else { return };
        skip.value.0.retain(|name| function.has(name));
        match &mut options.skip {
            Some(own) => {
                skip.value.0.retain(|name| !own.value.0.contains(name));
                own.value.0.extend(skip.value.0);
            }
            None if skip.value.0.is_empty() => {}
            none => *none = Some(skip),
        }
    }
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
