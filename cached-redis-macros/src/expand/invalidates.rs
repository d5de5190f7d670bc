//! A function that makes entries outdated.
//!
//! Keys of entries are computed before the body, which may consume the arguments; those that
//! depend on the result (`ret`) are computed after it.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Expr, Receiver, ReceiverKind};

use super::function::block;
use crate::model::Invalidating;
use crate::parse::invalidates::{Arguments, Callee, Target};
use crate::signature::{Body, Function};
use crate::{mentions, names};

pub(crate) fn expand(model: &Invalidating) -> TokenStream {
    let Some(body) = &model.function.body else { return TokenStream::new() };
    let mut plan = Plan::new(model);
    for target in &model.targets {
        plan.target(target);
    }
    let facade = &model.facade;
    let returns = &model.returns;
    let Plan { before, after, kept_parameters, lends_self, ret, .. } = plan;
    let keep = kept_parameters.iter().map(|(kept, ident)| {
        let span = names::at(ident.span());
        quote_spanned!(span=> let #kept = __rt::owned(&#ident);)
    });
    let restore = kept_parameters
        .iter()
        .filter(|(_, ident)| ident != "self")
        .map(|(kept, ident)| quote_spanned!(Span::mixed_site()=> let #ident = #kept;));
    let block = block(&quote!(#returns), body, &TokenStream::new(), !lends_self);
    let succeeded = match ret {
        None => quote_spanned!(Span::mixed_site()=>
            (&&__rt::Returned(&__returned)).success().is_some()
        ),
        Some(ret) => quote_spanned!(Span::mixed_site()=>
            match (&&__rt::Returned(&__returned)).success() {
                ::core::option::Option::Some(#ret) => { #(#restore)* #after true }
                ::core::option::Option::None => false,
            }
        ),
    };
    let send = send(model);
    let finish = if model.always {
        // Targets that need the result are added if there is one; all others go out anyway.
        quote_spanned!(Span::mixed_site()=> let _ = #succeeded; #send)
    } else {
        quote_spanned!(Span::mixed_site()=> if #succeeded { #send } else { __writes.forget().await; })
    };
    let tokens = quote_spanned!(Span::mixed_site()=>
        use #facade::__private::{self as __rt, traits::*};
        let mut __writes = __rt::Writes::new();
        #before
        #(#keep)*
        #[allow(clippy::let_unit_value)]
        let __returned: #returns = #block.await;
        #finish
        __returned
    );
    let function =
        Function { body: Some(Body { tokens, span: body.span }), ..model.function.clone() };
    quote!(#function)
}

fn send(model: &Invalidating) -> TokenStream {
    match model.strict {
        None => quote_spanned!(Span::mixed_site()=> let _ = __writes.send().await;),
        Some(strict) => {
            let fail = quote_spanned!(names::at(strict)=>
                return __rt::failed(__error);
            );
            quote_spanned!(Span::mixed_site()=>
                if let ::core::result::Result::Err(__error) = __writes.send().await { #fail }
            )
        }
    }
}

/// Which statements go before the body, and which after it.
struct Plan<'a> {
    receiver: Option<&'a Receiver>,
    /// Names that the arguments go by.
    parameters: Vec<String>,
    before: TokenStream,
    after: TokenStream,
    /// Copies of parameters for the statements after the body.
    kept_parameters: Vec<(Ident, Ident)>,
    kept_arguments: usize,
    /// The body only borrows `&mut self`, because a target after it needs it.
    lends_self: bool,
    ret: Option<Ident>,
}

impl<'a> Plan<'a> {
    fn new(model: &'a Invalidating) -> Self {
        Self {
            receiver: model.function.receiver(),
            parameters: model.parameters.clone(),
            before: TokenStream::new(),
            after: TokenStream::new(),
            kept_parameters: Vec::new(),
            kept_arguments: 0,
            lends_self: false,
            ret: None,
        }
    }

    fn target(&mut self, target: &Target) {
        let Target { callee, arguments, repeat, .. } = target;
        let exprs = match arguments {
            Arguments::All => {
                let call = call(target, "_invalidate_all", &[]);
                self.before.extend(quote_spanned!(Span::mixed_site()=> __writes.all(#call);));
                return;
            }
            Arguments::These(exprs) => exprs,
        };
        let values = repeat.as_ref().map(|(_, values)| values);
        let ret = exprs.iter().chain(values).find_map(|expr| mentions::first(expr, "ret"));
        let Some(ret) = ret else {
            let arguments: Vec<TokenStream> = exprs.iter().map(owned).collect();
            let statement = statement(target, &arguments);
            self.before.extend(statement);
            return;
        };
        self.ret.get_or_insert(ret);
        let arguments: Vec<TokenStream> = exprs
            .iter()
            .map(|expr| {
                if repeat.is_none() && mentions::first(expr, "ret").is_none() {
                    self.keep_argument(expr)
                } else {
                    self.keep_parameters(expr);
                    owned(expr)
                }
            })
            .collect();
        if let Some(values) = values {
            self.keep_parameters(values);
        }
        if let Callee::Method(call) = callee {
            self.keep_parameters(&call.receiver);
        }
        let mut statement = statement(target, &arguments);
        if let Some((kept, _)) = self.kept_parameters.iter().find(|(_, ident)| ident == "self") {
            statement = replace_self(statement, kept);
        }
        self.after.extend(statement);
    }

    /// Evaluates an argument before the body, for a call after it.
    fn keep_argument(&mut self, expr: &Expr) -> TokenStream {
        let kept = Ident::new(&format!("__argument{}", self.kept_arguments), Span::mixed_site());
        self.kept_arguments += 1;
        let (value, argument) = match expr {
            Expr::Reference(reference) => {
                let place = &reference.expr;
                let owned = quote_spanned!(names::at(names::ends(place).0)=>
                    ::std::borrow::ToOwned::to_owned(&#place)
                );
                (owned, quote!(&#kept))
            }
            _ => (owned(expr), quote!(#kept)),
        };
        self.before.extend(quote_spanned!(Span::mixed_site()=> let #kept = #value;));
        argument
    }

    fn keep_parameters(&mut self, expr: &Expr) {
        for name in &self.parameters {
            let is_kept = self.kept_parameters.iter().any(|(_, ident)| ident == name.as_str());
            if let Some(ident) = mentions::first(expr, name)
                && !is_kept
            {
                let kept = Ident::new(&format!("__kept_{name}"), Span::mixed_site());
                self.kept_parameters.push((kept, ident));
            }
        }
        let Some(ident) = mentions::first(expr, "self") else { return };
        match self.receiver.map(|receiver| &receiver.kind) {
            None | Some(ReceiverKind::Reference(_, _, None)) => {}
            Some(ReceiverKind::Reference(_, _, Some(_))) => self.lends_self = true,
            Some(_) => {
                if !self.kept_parameters.iter().any(|(_, kept)| kept == "self") {
                    let kept = Ident::new("__kept_self", Span::mixed_site());
                    self.kept_parameters.push((kept, ident));
                }
            }
        }
    }
}

/// `__writes.entry(f_entry(arguments));`, once or in a loop.
fn statement(target: &Target, arguments: &[TokenStream]) -> TokenStream {
    let call = call(target, "_entry", arguments);
    let add = quote_spanned!(Span::mixed_site()=> __writes.entry(#call););
    match &target.repeat {
        None => add,
        Some((pattern, values)) => {
            let values = owned(values);
            quote_spanned!(Span::mixed_site()=> for #pattern in #values { #add })
        }
    }
}

/// The call of a helper, at the place of the target.
fn call(target: &Target, suffix: &str, arguments: &[TokenStream]) -> TokenStream {
    let arguments = names::parenthesized(quote!(#(#arguments),*), names::at(target.parentheses));
    match &target.callee {
        Callee::Path(path) => {
            let mut path = path.clone();
            if let Some(last) = path.path.segments.last_mut() {
                last.ident = names::sibling(&last.ident, suffix);
            }
            quote!(#path #arguments)
        }
        Callee::Method(call) => {
            let (receiver, dot, turbofish) = (&call.receiver, &call.dot_token, &call.turbofish);
            let method = names::sibling(&call.method, suffix);
            quote!(#receiver #dot #method #turbofish #arguments)
        }
    }
}

/// A place (`product.id`) is cloned, so that the body can still consume it. By way of a variable:
/// of a wrong type, the error then is about it and not about what `clone` takes.
fn owned(expr: &Expr) -> TokenStream {
    let span = names::at(names::ends(expr).0);
    match expr {
        Expr::Path(path) if path.path.is_ident("ret") => {
            quote_spanned!(span=> { let __owned = __rt::owned(#expr); __owned })
        }
        _ if is_place(expr) => {
            quote_spanned!(span=> { let __owned = __rt::owned(&(#expr)); __owned })
        }
        _ => expr.to_token_stream(),
    }
}

fn is_place(expr: &Expr) -> bool {
    match expr {
        Expr::Path(_) => true,
        Expr::Field(field) => is_place(&field.base),
        Expr::Index(index) => is_place(&index.expr),
        Expr::Paren(paren) => is_place(&paren.expr),
        Expr::Group(group) => is_place(&group.expr),
        Expr::Unary(unary) => matches!(unary.op, syn::UnOp::Deref(_)) && is_place(&unary.expr),
        _ => false,
    }
}

/// `self` to the copy that was kept of it.
fn replace_self(tokens: TokenStream, kept: &Ident) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let before_path = |index: usize| matches!(tokens.get(index + 1), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    tokens
        .iter()
        .enumerate()
        .map(|(index, token)| match token {
            TokenTree::Ident(ident) if ident == "self" && !before_path(index) => {
                TokenTree::Ident(kept.clone())
            }
            TokenTree::Group(group) => {
                let stream = replace_self(group.stream(), kept);
                let mut new = proc_macro2::Group::new(group.delimiter(), stream);
                new.set_span(group.span());
                TokenTree::Group(new)
            }
            other => other.clone(),
        })
        .collect()
}
