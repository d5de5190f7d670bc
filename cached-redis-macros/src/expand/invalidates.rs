//! A function that makes entries outdated.
//!
//! Keys of entries are computed before the body, which may consume the arguments; those that
//! depend on the result (`ret`) are computed after it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::visit::Visit;
use syn::{Expr, Pat};

use super::capture::{Captures, with_body};
use super::target::{call, owned};
use super::{policy, tag};
use crate::model::{Invalidating, Tag};
use crate::parse::invalidates::{Target, What};
use crate::parse::target::{Arguments, Call, Callee};
use crate::{names, used_names};

pub(crate) fn expand(model: &Invalidating) -> TokenStream {
    let Some(body) = &model.write.function.body else { return TokenStream::new() };
    let mut plan = Plan {
        captures: Captures::new(&model.write),
        has_cache: model.cache.is_some(),
        before: TokenStream::new(),
        after: TokenStream::new(),
        ret: None,
    };
    for target in &model.targets {
        plan.target(target);
    }
    let returns = &model.write.returns;
    let Plan { captures, before, after, ret, .. } = plan;
    let cache = model.cache.as_ref().map(|cache| {
        let cache = super::cache(Some(cache));
        quote_spanned!(Span::mixed_site()=> let __cache = #cache;)
    });
    let (capture, restore) = (captures.capture(), captures.restore());
    let block = captures.block(body);
    let (hold, run) = match &model.guard {
        None => (TokenStream::new(), quote!(#block.await)),
        Some(guard) => {
            let duration = policy::duration(guard);
            let hold = quote_spanned!(Span::mixed_site()=> __writes.hold(#duration).await);
            let run = quote_spanned!(Span::mixed_site()=> __writes.holding(#block).await);
            let give_up = quote_spanned!(Span::mixed_site()=> __writes.forget().await;);
            (check(model, &hold, &give_up), run)
        }
    };
    let uses_ret = ret.is_some();
    let succeeded = match ret {
        None => quote_spanned!(Span::mixed_site()=>
            (&&__rt::Returned(&__returned)).success().is_some()
        ),
        Some(ret) => quote_spanned!(Span::mixed_site()=>
            match (&&__rt::Returned(&__returned)).success() {
                ::core::option::Option::Some(#ret) => { #restore #after true }
                ::core::option::Option::None => false,
            }
        ),
    };
    let send = match model.after_commit {
        true => quote_spanned!(Span::mixed_site()=> __writes.after_commit().await),
        false => quote_spanned!(Span::mixed_site()=> __writes.send().await),
    };
    let send = check(model, &send, &TokenStream::new());
    let finish = if model.after_commit {
        // After an error too: what has been written by then may be committed all the same.
        let gather = uses_ret.then(|| quote_spanned!(Span::mixed_site()=> let _ = #succeeded;));
        quote!(#gather #send)
    } else if model.always {
        // Targets that need the result are added if there is one; all others go out anyway.
        let in_doubt = model
            .guard
            .is_some()
            .then(|| quote_spanned!(Span::mixed_site()=> if !__succeeded { __writes.in_doubt(); }));
        quote_spanned!(Span::mixed_site()=> let __succeeded = #succeeded; #in_doubt #send)
    } else {
        quote_spanned!(Span::mixed_site()=>
            if #succeeded { #send } else { __writes.forget().await; }
        )
    };
    let statements = quote_spanned!(Span::mixed_site()=>
        let mut __writes = __rt::Writes::new();
        #cache
        #before
        #capture
        #hold
        #[allow(clippy::let_unit_value)]
        let __returned: #returns = #run;
        #finish
        __returned
    );
    with_body(&model.write, body, &statements)
}

/// A failure is the function's only if it is `strict`.
fn check(model: &Invalidating, result: &TokenStream, give_up: &TokenStream) -> TokenStream {
    match model.strict {
        None => quote_spanned!(Span::mixed_site()=> let _ = #result;),
        Some(strict) => {
            let fail = quote_spanned!(names::at(strict)=>
                { #give_up return __rt::failed(__error); }
            );
            quote_spanned!(Span::mixed_site()=>
                if let ::core::result::Result::Err(__error) = #result #fail
            )
        }
    }
}

/// Which statements go before the body, and which after it.
struct Plan<'a> {
    captures: Captures<'a>,
    has_cache: bool,
    before: TokenStream,
    after: TokenStream,
    ret: Option<Ident>,
}

impl Plan<'_> {
    fn target(&mut self, target: &Target) {
        let when = When { repeat: target.repeat.as_ref(), condition: target.condition.as_ref() };
        match &target.what {
            What::Entries(call) => self.entries(call, when),
            What::Tag(name) => self.tag(&Tag::from(name), when),
        }
    }

    fn entries(&mut self, target: &Call, when: When<'_>) {
        let exprs = match &target.arguments {
            Arguments::All => return self.all(target, when),
            Arguments::These(exprs) => exprs,
        };
        let add = |call: &TokenStream| quote_spanned!(Span::mixed_site()=> __writes.entry(#call););
        if !self.needs_ret(exprs, when) {
            let arguments: Vec<TokenStream> = exprs.iter().map(owned).collect();
            let statement = add(&call(target, "_invalidate", &arguments));
            self.before.extend(when.around(statement));
            return;
        }
        let arguments: Vec<TokenStream> =
            exprs.iter().map(|expr| self.owned_argument(expr, when)).collect();
        self.receiver(target, when);
        let statement = add(&call(target, "_invalidate", &arguments));
        self.add_after(statement, when);
    }

    fn all(&mut self, target: &Call, when: When<'_>) {
        let call = call(target, "_invalidate_all", &[]);
        let statement = quote_spanned!(Span::mixed_site()=> __writes.all(#call););
        if self.needs_ret([], when) {
            self.receiver(target, when);
            self.add_after(statement, when);
        } else {
            self.before.extend(when.around(statement));
        }
    }

    fn receiver(&mut self, target: &Call, when: When<'_>) {
        if let Callee::Method(call) = &target.callee {
            self.captures.parameters(&call.receiver, when.pattern());
        }
    }

    fn tag(&mut self, tag: &Tag, when: When<'_>) {
        let cache = if self.has_cache {
            quote_spanned!(Span::mixed_site()=> ::core::clone::Clone::clone(&__cache))
        } else {
            super::cache(None)
        };
        let add =
            |tag: &TokenStream| quote_spanned!(Span::mixed_site()=> __writes.tag(#cache, &#tag););
        if !self.needs_ret(tag.expressions(), when) {
            self.before.extend(when.around(add(&tag::made(tag))));
            return;
        }
        let tag = match tag {
            Tag::Text(pieces) => tag::with(pieces, |expr| match self.argument(expr, when) {
                Some(captured) => quote!(&#captured),
                None => super::reference(expr),
            }),
            Tag::Typed(typed) => {
                let arguments: Vec<TokenStream> =
                    typed.arguments.iter().map(|expr| self.owned_argument(expr, when)).collect();
                tag::typed(typed, &arguments)
            }
        };
        self.add_after(add(&tag), when);
    }

    /// Whether it can only be said after the body.
    fn needs_ret<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>, when: When<'e>) -> bool {
        let others = when.values().into_iter().chain(when.condition);
        let ret = exprs.into_iter().chain(others).find_map(|expr| used_names::first(expr, "ret"));
        let needs = ret.is_some();
        self.ret = self.ret.take().or(ret);
        needs
    }

    /// What was captured of an argument, unless it is evaluated after the body with what it mentions.
    fn argument(&mut self, expr: &Expr, when: When<'_>) -> Option<TokenStream> {
        if when.is_always() && used_names::first(expr, "ret").is_none() {
            return Some(self.captures.argument(expr));
        }
        self.captures.parameters(expr, when.pattern());
        None
    }

    fn owned_argument(&mut self, expr: &Expr, when: When<'_>) -> TokenStream {
        self.argument(expr, when).unwrap_or_else(|| owned(expr))
    }

    fn add_after(&mut self, statement: TokenStream, when: When<'_>) {
        if let Some(values) = when.values() {
            self.captures.parameters(values, None);
        }
        if let Some(condition) = when.condition {
            self.captures.parameters(condition, when.pattern());
        }
        let statement = self.captures.after(when.around(statement));
        self.after.extend(statement);
    }
}

/// How often a target is one.
#[derive(Clone, Copy)]
struct When<'a> {
    repeat: Option<&'a (Pat, Expr)>,
    condition: Option<&'a Expr>,
}

impl<'a> When<'a> {
    fn is_always(self) -> bool {
        self.repeat.is_none() && self.condition.is_none()
    }

    fn pattern(self) -> Option<&'a Pat> {
        self.repeat.map(|(pattern, _)| pattern)
    }

    fn values(self) -> Option<&'a Expr> {
        self.repeat.map(|(_, values)| values)
    }

    /// A statement, once or in a loop, on its condition.
    fn around(self, statement: TokenStream) -> TokenStream {
        let statement = match self.condition {
            None => statement,
            Some(condition) => {
                let condition = before_braces(condition, condition.to_token_stream());
                quote_spanned!(Span::mixed_site()=> if #condition { #statement })
            }
        };
        let Some((pattern, values)) = self.repeat else { return statement };
        let members = match values {
            Expr::Path(path) if path.path.is_ident("ret") => {
                let span = names::at(names::ends(values).1);
                // As an iterator: the compiler warns of a `for` over an `Option`.
                quote_spanned!(span=>
                    ::core::iter::IntoIterator::into_iter((&&__rt::Iterated(#values)).members())
                )
            }
            _ => before_braces(values, owned(values)),
        };
        quote_spanned!(Span::mixed_site()=> for #pattern in #members { #statement })
    }
}

/// The braces of a `struct` would be those of the block that follows.
fn before_braces(expr: &Expr, tokens: TokenStream) -> TokenStream {
    match has_struct(expr) {
        true => names::parenthesized(tokens, names::ends(expr).1),
        false => tokens,
    }
}

fn has_struct(expr: &Expr) -> bool {
    struct Search(bool);

    impl Visit<'_> for Search {
        fn visit_expr_struct(&mut self, _: &syn::ExprStruct) {
            self.0 = true;
        }
    }

    let mut search = Search(false);
    search.visit_expr(expr);
    search.0
}
