//! The model to tokens. Infallible: whatever can be wrong was found before.
//!
//! Generated code is thin. Every generated function has the same static, key and policy, because
//! from an associated function without a receiver its siblings cannot be named.

pub(crate) mod block;
mod capture;
mod each;
mod entry;
mod function;
mod invalidate;
mod invalidate_all;
pub(crate) mod invalidates;
mod key;
mod outcome;
mod policy;
mod receiver;
mod tag;
mod target;
#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test fails by panicking")]
mod tests;
pub(crate) mod updates;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{FnArg, Generics, QSelf, Token, Visibility, parse_quote_spanned};

use crate::model::{Cached, TraitImpl};
use crate::names;

/// The function itself.
pub(crate) fn function(cached: &Cached) -> TokenStream {
    function::expand(cached)
}

/// Its siblings.
pub(crate) fn helpers(cached: &Cached) -> TokenStream {
    let helpers = match &cached.each {
        None => {
            vec![invalidate::expand(cached), invalidate_all::expand(cached), entry::expand(cached)]
        }
        Some(each) => each::helpers(cached, each),
    };
    match &cached.helpers.trait_impl {
        Some(trait_impl) => helpers.into_iter().map(|helper| qualify(helper, trait_impl)).collect(),
        None => helpers.into_iter().collect(),
    }
}

/// What every helper begins with, up to and including `let mut __key = …`. That of copies, if `is_local`.
fn preamble(cached: &Cached, own: &Ident, is_local: bool) -> TokenStream {
    let runtime = runtime(cached);
    let key = key(cached, own, is_local);
    quote_spanned!(Span::mixed_site()=> #runtime #key)
}

/// The function's static, and its key: `let mut __key = …`.
fn key(cached: &Cached, own: &Ident, is_local: bool) -> TokenStream {
    let function = key::function(&cached.identity, &cached.function.sig.ident);
    let allow = names::allow_shadow();
    let borrowed_patterns = cached.borrowed_patterns.iter().map(|(pattern, value)| {
        quote_spanned!(Span::mixed_site()=> #[allow(unused_variables)] #allow let #pattern = #value;)
    });
    let key = key::key(cached, own, is_local);
    quote_spanned!(Span::mixed_site()=> #function #(#borrowed_patterns)* #key)
}

fn runtime(cached: &Cached) -> TokenStream {
    let facade = &cached.facade;
    quote_spanned!(Span::mixed_site()=>
        use #facade::__private::{self as __rt, traits::*};
    )
}

/// `let __call = …`, and what the return type means. A call that is not run stands for its entry.
fn call(cached: &Cached, is_run: bool) -> TokenStream {
    let expr = cached.cache.as_ref();
    let cache = if is_run { cache(expr) } else { choice(expr) };
    let local = cached.policy.local.as_ref().filter(|_| is_run);
    let policy = policy::policy(&cached.policy, is_run);
    let tagged = tag::of_arguments(&cached.tags);
    let outcome = outcome::outcome(cached);
    if let Some(local) = local {
        let terms = policy::local(local, &cached.policy);
        // A value of which there can be no copies is reported at the return type.
        let (start, end) = names::ends(&cached.returns);
        let find = quote_spanned!(start=> __rt::local);
        let arguments = quote_spanned!(start=> &__F, &__key, &__local, &__cache, &__outcome);
        let arguments = names::parenthesized(arguments, end);
        return quote_spanned!(Span::mixed_site()=>
            let __cache = #cache;
            let __local = #terms;
            #outcome
            if let ::core::option::Option::Some(__copy) = #find #arguments { return __copy; }
            let __policy = #policy;
            let __call = __rt::local_call(&__F, &__key, __policy, __cache) #tagged;
        );
    }
    let key = match &cached.policy.local {
        Some(_) => quote_spanned!(Span::mixed_site()=> __rt::LocalKey::entry(&__key)),
        None => quote_spanned!(Span::mixed_site()=> __key.finish()),
    };
    quote_spanned!(Span::mixed_site()=>
        let __policy = #policy;
        let __call = __rt::call(&__F, #key, __policy, #cache) #tagged;
        #outcome
    )
}

/// `cache = …`, as a handle.
fn cache(cache: Option<&syn::Expr>) -> TokenStream {
    match cache {
        None => quote_spanned!(Span::mixed_site()=> __rt::current()),
        Some(expr) => {
            let (start, end) = names::ends(expr);
            let reference = reference(expr);
            let path = quote_spanned!(start=> __rt::CacheRef::cache);
            let argument = names::parenthesized(quote!(#reference), end);
            quote!(#path #argument)
        }
    }
}

/// The same for a helper that is made in one place and may be awaited in another, under another cache.
fn choice(cache: Option<&syn::Expr>) -> TokenStream {
    match cache {
        None => quote_spanned!(Span::mixed_site()=> __rt::Choice::Current),
        chosen => self::cache(chosen),
    }
}

/// `&expr`, with parentheses where precedence needs them.
fn reference(expr: &syn::Expr) -> TokenStream {
    let and = Token![&](names::at(names::ends(expr).0));
    match expr {
        syn::Expr::Path(_)
        | syn::Expr::Field(_)
        | syn::Expr::MethodCall(_)
        | syn::Expr::Call(_) => {
            quote!(#and #expr)
        }
        _ => quote!(#and (#expr)),
    }
}

/// One helper. `doc` is its documentation.
struct Helper<'a> {
    cached: &'a Cached,
    doc: String,
    ident: Ident,
    generics: &'a Generics,
    inputs: &'a [FnArg],
    output: TokenStream,
    body: TokenStream,
}

impl Helper<'_> {
    fn expand(self) -> TokenStream {
        let Self { cached, doc, ident, generics, inputs, output, body } = self;
        let attrs = &cached.helpers.attrs;
        let is_beside = cached.helpers.trait_impl.is_some();
        let reachable = is_beside.then(|| quote!(unreachable_pub, private_interfaces,));
        let vis: Visibility = crate::validate::visibility(cached);
        let inputs: Punctuated<&FnArg, Token![,]> = inputs.iter().collect();
        let where_clause = &generics.where_clause;
        let params = (!generics.params.is_empty())
            .then_some(&generics.params)
            .map(|params| quote!(<#params>));
        // `gen_` has a helper `gen__entry`.
        quote_spanned!(Span::mixed_site()=>
            #(#attrs)*
            #[doc = #doc]
            #[allow(unused, non_snake_case, #reachable clippy::all, clippy::pedantic)]
            #vis fn #ident #params (#inputs) -> #output #where_clause { #body }
        )
    }
}

/// TraitImpl a trait's `impl`, `Self::Id` is `<Self as Trait>::Id`.
fn qualify(helper: TokenStream, trait_impl: &TraitImpl) -> TokenStream {
    struct Qualify<'a>(&'a TraitImpl);

    impl Qualify<'_> {
        fn path(&self, qself: &mut Option<QSelf>, path: &mut syn::Path) {
            let mut segments = path.segments.iter();
            let is_self = segments.next().is_some_and(|first| first.ident == "Self");
            let is_item = segments.next().is_some_and(|next| self.0.items.contains(&next.ident));
            if qself.is_some() || !is_self || !is_item {
                return;
            }
            let trait_ = &self.0.trait_;
            let rest = path.segments.iter().skip(1);
            let new: syn::ExprPath =
                parse_quote_spanned!(Span::mixed_site()=> <Self as #trait_>::#(#rest)::*);
            *qself = new.qself;
            *path = new.path;
        }
    }

    impl VisitMut for Qualify<'_> {
        fn visit_type_path_mut(&mut self, ty: &mut syn::TypePath) {
            self.path(&mut ty.qself, &mut ty.path);
            visit_mut::visit_type_path_mut(self, ty);
        }

        fn visit_expr_path_mut(&mut self, expr: &mut syn::ExprPath) {
            self.path(&mut expr.qself, &mut expr.path);
            visit_mut::visit_expr_path_mut(self, expr);
        }
    }

    match syn::parse2::<syn::ImplItemFn>(helper.clone()) {
        Ok(mut helper) => {
            Qualify(trait_impl).visit_impl_item_fn_mut(&mut helper);
            helper.into_token_stream()
        }
        Err(_) => helper,
    }
}
