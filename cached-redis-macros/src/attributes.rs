//! From an attribute and its item to tokens: parse, validate, expand; on errors the item as it
//! was, with the errors beside it.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, ItemImpl, Token, Visibility};

use crate::diagnostics::Errors;
use crate::expand;
use crate::parse;
use crate::parse::block::{Annotated, Defaults, Kind};
use crate::signature::Function;
use crate::validate::{self, Context};

enum Item {
    Function(Box<Function>),
    Impl(Box<ItemImpl>),
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ahead = input.fork();
        ahead.call(Attribute::parse_outer)?;
        ahead.parse::<Visibility>()?;
        if ahead.peek(Token![impl]) || ahead.peek(Token![unsafe]) && ahead.peek2(Token![impl]) {
            return input.parse().map(Box::new).map(Self::Impl);
        }
        let is_other = [
            ahead.peek(Token![struct]),
            ahead.peek(Token![enum]),
            ahead.peek(Token![trait]),
            ahead.peek(Token![mod]),
            ahead.peek(Token![static]),
            ahead.peek(Token![type]),
            ahead.peek(Token![use]),
            ahead.peek(Token![const]) && !ahead.peek2(Token![fn]) && !ahead.peek2(Token![async]),
        ];
        if is_other.contains(&true) {
            return Err(ahead.error("expected an `async fn` or an `impl` block"));
        }
        input.parse().map(Box::new).map(Self::Function)
    }
}

/// `#[redis_cached(options)] item`
pub(crate) fn redis_cached(options: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse2(item.clone()) {
        Ok(Item::Function(function)) => {
            let (function, helpers) = cached(options, *function, &Context::default());
            quote!(#function #helpers)
        }
        Ok(Item::Impl(implementation)) => block(options, *implementation),
        Err(error) => with_error(item, &error),
    }
}

/// `#[invalidates(targets)] item`
pub(crate) fn invalidates(targets: TokenStream, item: TokenStream) -> TokenStream {
    writing("invalidates", item, |function| invalidating(targets, function, None))
}

/// `#[updates(entries)] item`
pub(crate) fn updates(entries: TokenStream, item: TokenStream) -> TokenStream {
    writing("updates", item, |function| updating(entries, function, None))
}

fn writing(
    attribute: &str,
    item: TokenStream,
    expand: impl FnOnce(Function) -> TokenStream,
) -> TokenStream {
    match syn::parse2(item.clone()) {
        Ok(Item::Function(function)) => expand(*function),
        Ok(Item::Impl(_)) => {
            let message =
                format!("`#[{attribute}]` goes on an `async fn`: put it on a method of this block");
            with_error(item, &syn::Error::new(Span::call_site(), message))
        }
        Err(error) => with_error(item, &error),
    }
}

/// `#[redis_cached] impl …`
fn block(options: TokenStream, mut block: ItemImpl) -> TokenStream {
    let mut errors = Errors::new();
    let defaults = Defaults::parse(options, &mut errors);
    let methods = parse::block::take_annotated(&mut block, &mut errors);
    let context = validate::block::context(&block, &methods, defaults, &mut errors);
    let mut functions = Vec::new();
    let mut all_helpers = TokenStream::new();
    let is_sound = errors.finish();
    if let Err(error) = is_sound {
        // The methods as they are: their own mistakes come to light once the block is right.
        for method in methods {
            let mut function = method.function;
            function.take_skips(&mut Errors::new());
            functions.push((method.position, function.into_token_stream()));
        }
        let block = expand::block::expand(block, functions, all_helpers, None);
        return with_error(block, &error);
    }
    let paths: Vec<_> = methods.iter().flat_map(|method| method.paths.clone()).collect();
    for method in methods {
        let position = method.position;
        let (function, helpers) = self::method(method, &context);
        functions.push((position, function));
        all_helpers.extend(helpers);
    }
    let block = expand::block::expand(block, functions, all_helpers, context.trait_impl.as_ref());
    let uses = expand::block::uses(&paths);
    quote!(#block #uses)
}

/// A method with the attributes that were taken off it.
fn method(method: Annotated, context: &Context) -> (TokenStream, TokenStream) {
    let mut tokens = method.function.to_token_stream();
    let mut all_helpers = TokenStream::new();
    for (kind, options) in method.attributes.into_iter().rev() {
        // What is no function any more has an error with it.
        let Ok(function) = syn::parse2(tokens.clone()) else { break };
        tokens = match kind {
            Kind::RedisCached => {
                let (function, helpers) = cached(options, function, context);
                all_helpers.extend(helpers);
                function
            }
            Kind::Invalidates => invalidating(options, function, context.facade.as_ref()),
            Kind::Updates => updating(options, function, context.facade.as_ref()),
        };
    }
    (tokens, all_helpers)
}

/// A cached function and its helpers.
pub(crate) fn cached(
    options: TokenStream,
    mut function: Function,
    context: &Context,
) -> (TokenStream, TokenStream) {
    let mut errors = Errors::new();
    let mut options = parse::redis_cached::parse(options, &mut errors);
    if let Some(defaults) = &context.defaults {
        defaults.complete(&mut options, &function);
    }
    let skips = function.take_skips(&mut errors);
    match validate::validate(options, function.clone(), skips, context, errors) {
        Ok(model) => (expand::function(&model), expand::helpers(&model)),
        Err(error) => (rejected(&function, &error), TokenStream::new()),
    }
}

/// A function that invalidates.
pub(crate) fn invalidating(
    targets: TokenStream,
    function: Function,
    facade: Option<&syn::Path>,
) -> TokenStream {
    let mut errors = Errors::new();
    let options = parse::invalidates::parse(targets, &mut errors);
    match validate::invalidates::validate(options, function.clone(), facade, errors) {
        Ok(model) => expand::invalidates::expand(&model),
        Err(error) => rejected(&function, &error),
    }
}

/// A function that updates.
pub(crate) fn updating(
    entries: TokenStream,
    function: Function,
    facade: Option<&syn::Path>,
) -> TokenStream {
    let mut errors = Errors::new();
    let options = parse::updates::parse(entries, &mut errors);
    match validate::updates::validate(options, function.clone(), facade, errors) {
        Ok(model) => expand::updates::expand(&model),
        Err(error) => rejected(&function, &error),
    }
}

/// The function as it was. What only a key would have used is not worth a warning now.
fn rejected(function: &Function, error: &syn::Error) -> TokenStream {
    with_error(quote!(#[allow(unused_variables)] #function), error)
}

/// The item, so that what uses it still finds it, and the errors.
fn with_error(item: TokenStream, error: &syn::Error) -> TokenStream {
    let errors = error.to_compile_error();
    quote!(#item #errors)
}
