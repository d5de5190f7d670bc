//! What statements after the body need is captured before it, because the body may consume the
//! arguments.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, Pat, Receiver, ReceiverKind};

use super::function::block;
use super::receiver;
use super::target::owned;
use crate::model::Write;
use crate::signature::{Body, Function};
use crate::{names, used_names};

pub(super) struct Captures<'a> {
    write: &'a Write,
    /// Copies of parameters.
    parameters: Vec<(Ident, Ident)>,
    /// Statements that evaluate whole arguments before the body.
    arguments: TokenStream,
    count: usize,
    /// The body only borrows `&mut self`, because a statement after it needs it.
    lends_self: bool,
}

impl<'a> Captures<'a> {
    pub(super) fn new(write: &'a Write) -> Self {
        Self {
            write,
            parameters: Vec::new(),
            arguments: TokenStream::new(),
            count: 0,
            lends_self: false,
        }
    }

    /// Evaluates an argument before the body, for a call after it.
    pub(super) fn argument(&mut self, expr: &Expr) -> TokenStream {
        let captured = Ident::new(&format!("__argument{}", self.count), Span::mixed_site());
        self.count += 1;
        let (value, argument) = match expr {
            Expr::Reference(reference) => {
                let place = &reference.expr;
                let owned = quote_spanned!(names::at(names::ends(place).0)=>
                    ::std::borrow::ToOwned::to_owned(&#place)
                );
                (owned, quote!(&#captured))
            }
            _ => (owned(expr), quote!(#captured)),
        };
        self.arguments.extend(quote_spanned!(Span::mixed_site()=> let #captured = #value;));
        argument
    }

    /// Captures the parameters that an expression after the body mentions. What the `pattern` of a loop
    /// around it binds is no parameter.
    pub(super) fn parameters(&mut self, expr: &Expr, pattern: Option<&Pat>) {
        let bound = used_names::all(&pattern);
        for name in self.write.parameters.iter().filter(|name| !bound.contains(*name)) {
            let is_captured = self.parameters.iter().any(|(_, ident)| ident == name.as_str());
            if let Some(ident) = used_names::first(expr, name)
                && !is_captured
            {
                let captured = Ident::new(&format!("__captured_{name}"), Span::mixed_site());
                self.parameters.push((captured, ident));
            }
        }
        let Some(ident) = used_names::first(expr, "self") else { return };
        match self.receiver().map(|receiver| &receiver.kind) {
            None | Some(ReceiverKind::Reference(_, _, None)) => {}
            Some(ReceiverKind::Reference(_, _, Some(_))) => self.lends_self = true,
            Some(_) if self.captured_self().is_none() => {
                let captured = Ident::new("__captured_self", Span::mixed_site());
                self.parameters.push((captured, ident));
            }
            Some(_) => {}
        }
    }

    fn receiver(&self) -> Option<&'a Receiver> {
        self.write.function.receiver()
    }

    fn captured_self(&self) -> Option<&Ident> {
        self.parameters.iter().find(|(_, ident)| ident == "self").map(|(captured, _)| captured)
    }

    /// A statement after the body, by what was captured for it.
    pub(super) fn after(&self, statement: TokenStream) -> TokenStream {
        match self.captured_self() {
            Some(captured) => receiver::replace(statement, captured),
            None => statement,
        }
    }

    /// Before the body.
    pub(super) fn capture(&self) -> TokenStream {
        let arguments = &self.arguments;
        let parameters = self.parameters.iter().map(|(captured, ident)| {
            let span = names::at(ident.span());
            quote_spanned!(span=> let #captured = __rt::owned(&#ident);)
        });
        quote!(#arguments #(#parameters)*)
    }

    /// After the body, before the statements that need it.
    pub(super) fn restore(&self) -> TokenStream {
        let allow = names::allow_shadow();
        let parameters = self.parameters.iter().filter(|(_, ident)| ident != "self").map(
            |(captured, ident)| quote_spanned!(Span::mixed_site()=> #allow let #ident = #captured;),
        );
        quote!(#(#parameters)*)
    }

    /// The body, which leaves what the statements after it need.
    pub(super) fn block(&self, body: &Body) -> TokenStream {
        let returns = &self.write.returns;
        block(&quote!(#returns), body, &TokenStream::new(), !self.lends_self)
    }
}

/// The function with another body.
pub(super) fn with_body(write: &Write, body: &Body, statements: &TokenStream) -> TokenStream {
    let facade = &write.facade;
    let tokens = quote_spanned!(Span::mixed_site()=>
        use #facade::__private::{self as __rt, traits::*};
        #statements
    );
    let body = Some(Body { tokens, span: body.span });
    let function = Function { body, ..write.function.clone() };
    quote!(#function)
}
