//! A function that stores what it has written.
//!
//! An update is begun before the body, so that it is known whether another one came between.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote_spanned};
use syn::Expr;
use syn::ext::IdentExt as _;

use super::capture::{Captures, with_body};
use super::target::{call, owned};
use crate::model::Updating;
use crate::parse::target::Arguments;
use crate::{names, used_names};

pub(crate) fn expand(model: &Updating) -> TokenStream {
    let Some(body) = &model.write.function.body else { return TokenStream::new() };
    let returns = &model.write.returns;
    let mut captures = Captures::new(&model.write);
    let (mut begin, mut values) = (Vec::new(), Vec::new());
    let (mut updates, mut stored): (Vec<Ident>, Vec<Ident>) = (Vec::new(), Vec::new());
    for (index, update) in model.updates.iter().enumerate() {
        let Arguments::These(arguments) = &update.call.arguments else { continue };
        let arguments: Vec<TokenStream> = arguments.iter().map(owned).collect();
        let entry = call(&update.call, "_entry", &arguments);
        let name = format_ident!("__update{index}", span = Span::mixed_site());
        begin.push(quote_spanned!(Span::mixed_site()=>
            let #name = __updates.begin(#entry).await;
        ));
        captures.parameters(&update.value, None);
        // At the place of the value: what cannot be stored is reported there.
        let (start, end) = names::ends(&update.value);
        let argument = names::parenthesized(value(model, &update.value), end);
        values.push(quote_spanned!(start=> #name.value #argument));
        stored.push(format_ident!("__value{index}", span = Span::mixed_site()));
        updates.push(name);
    }
    let values = values.into_iter().map(|value| captures.after(value));
    let (capture, restore) = (captures.capture(), captures.restore());
    let block = captures.block(body);
    let ret = model.updates.iter().find_map(|update| used_names::first(&update.value, "ret"));
    let ret = ret.unwrap_or_else(|| Ident::new("_ret", Span::mixed_site()));
    // The values first: no reference to what is returned lives while they are stored.
    let statements = quote_spanned!(Span::mixed_site()=>
        let mut __updates = __rt::Updates::new();
        #(#begin)*
        #capture
        #[allow(clippy::let_unit_value)]
        let __returned: #returns = __updates.during(#block).await;
        let __values = (&&__rt::Returned(&__returned)).success().map(|#ret| {
            #restore
            (#(#values,)*)
        });
        match __values {
            ::core::option::Option::Some((#(#stored,)*)) => {
                #(#updates.store(#stored).await;)*
            }
            ::core::option::Option::None => { #(#updates.abandon().await;)* }
        }
        __returned
    );
    with_body(&model.write, body, &statements)
}

/// A new value. A parameter that no other one mentions has been cloned once already, to be captured.
fn value(model: &Updating, expr: &Expr) -> TokenStream {
    let name = match expr {
        Expr::Path(path) => path.path.get_ident().map(|ident| ident.unraw().to_string()),
        _ => None,
    };
    let is_sole = |name: &String| {
        let others = model.updates.iter().filter(|u| used_names::first(&u.value, name).is_some());
        model.write.parameters.contains(name) && others.count() == 1
    };
    if name.as_ref().is_some_and(is_sole) { expr.to_token_stream() } else { owned(expr) }
}
