//! A function of many ids: each has an entry, and the body gets those that are missing.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

use super::function::{block, owning};
use super::{Helper, choice, invalidate_all, key, outcome, policy, receiver, runtime, tag, target};
use crate::model::{Background, Cached, Each, Ids, Of, OwnedParameter};
use crate::names;
use crate::parse::target::Callee;
use crate::signature::{Body, Function};

/// The function itself.
pub(super) fn expand(cached: &Cached, each: &Each, body: &Body) -> TokenStream {
    let runtime = runtime(cached);
    let ids = collect(each);
    let batch = batch(cached, each);
    let run = match &cached.background {
        None => run(cached, each, body),
        Some(background) => run_in_background(cached, each, background, body),
    };
    let tokens = quote_spanned!(Span::mixed_site()=>
        #runtime
        #ids
        let __batch = { #batch };
        __batch #run.await
    );
    let body = Some(Body { tokens, span: body.span });
    let function = Function { body, ..cached.function.clone() };
    quote!(#function)
}

/// Of an entry that is one of another function, that function removes all.
pub(super) fn helpers(cached: &Cached, each: &Each) -> Vec<TokenStream> {
    let mut helpers = vec![invalidate(cached, each)];
    if each.of.is_none() {
        helpers.push(invalidate_all::expand(cached));
    }
    helpers
}

/// Ids that come one by one are gathered first.
fn collect(each: &Each) -> TokenStream {
    let ident = &each.ident;
    match each.ids {
        Ids::Iterator => quote_spanned!(names::at(ident.span())=>
            let #ident: ::std::vec::Vec<_> = ::core::iter::IntoIterator::into_iter(#ident).collect();
        ),
        Ids::Reference(_) | Ids::Value(_) => TokenStream::new(),
    }
}

/// `__rt::keys(..)`: at the place of the parameter's type, so that what has no ids is reported there.
fn keys(each: &Each) -> TokenStream {
    let ident = &each.ident;
    let (ty, ids) = match &each.ids {
        Ids::Reference(ty) => (quote!(#ty), quote!(#ident)),
        Ids::Value(ty) => (quote!(#ty), quote!(&#ident)),
        Ids::Iterator => (quote!(::std::vec::Vec<_>), quote!(&#ident)),
    };
    let span = names::at(ty.span());
    quote_spanned!(span=> __rt::keys::<#ty>(#ids))
}

fn shape(cached: &Cached, each: &Each) -> TokenStream {
    let returns = &cached.returns;
    match &each.key_of {
        // A return type that is none of a batch is reported at the return type.
        None => quote_spanned!(names::ends(returns).0=> __rt::by_return::<#returns>()),
        Some(key_of) => {
            let span = names::ends(key_of).0;
            quote_spanned!(span=> __rt::by_key::<#returns, _, _>(#key_of))
        }
    }
}

/// The batch with its entries.
fn batch(cached: &Cached, each: &Each) -> TokenStream {
    let (keys, shape) = (keys(each), shape(cached, each));
    let ident = &each.ident;
    let mut batch = match &each.of {
        Some(of) => {
            let entry = entry_of(of, each, "_entry");
            quote_spanned!(Span::mixed_site()=> __rt::batch(#keys, #shape, |_, #ident| #entry))
        }
        None => {
            let function = key::function(&cached.identity, &cached.function.sig.ident);
            let policy = policy::policy(&cached.policy, false);
            let own = entry(cached);
            let patterns = cached.borrowed_patterns.iter().map(|(pattern, value)| {
                quote_spanned!(Span::mixed_site()=> #[allow(unused_variables)] let #pattern = #value;)
            });
            quote_spanned!(Span::mixed_site()=>
                #function
                #(#patterns)*
                let __policy = #policy;
                __rt::batch(#keys, #shape, |__shape, #ident| { #own })
            )
        }
    };
    let of = each.of.as_ref();
    let lives = [
        ("ttl", of.and_then(|of| of.ttl.as_ref())),
        ("stale", of.and_then(|of| of.stale.as_ref())),
    ];
    for (name, life) in lives {
        if let Some(life) = life {
            let (name, life) = (Ident::new(name, Span::mixed_site()), policy::duration(life));
            batch.extend(quote_spanned!(Span::mixed_site()=> .#name(#life)));
        }
    }
    if let Some(most) = each.max_batch {
        let most = proc_macro2::Literal::u32_unsuffixed(most);
        batch.extend(quote_spanned!(Span::mixed_site()=> .max_batch(#most)));
    }
    if let Some(bypass) = &cached.policy.bypass {
        batch.extend(quote_spanned!(names::ends(bypass).0=> .bypass(#bypass)));
    }
    batch
}

/// The entry of one id.
fn entry(cached: &Cached) -> TokenStream {
    let is_local = cached.policy.local.is_some();
    let key = key::key(cached, &cached.function.sig.ident.unraw(), is_local);
    let tagged = tag::of_arguments(&cached.tags);
    let (cache, outcome) = (choice(cached.cache.as_ref()), outcome::outcome(cached));
    if !is_local {
        return quote_spanned!(Span::mixed_site()=>
            #key
            let __call = __rt::call(&__F, __key.finish(), __policy, #cache) #tagged;
            #outcome
            __call.entry(__outcome)
        );
    }
    // A value of which there can be no copies is reported at the return type.
    let (start, end) = names::ends(&cached.returns);
    let entry = quote_spanned!(start=> __rt::copied_entry);
    let arguments = quote_spanned!(start=> __call, &__key, __outcome);
    let arguments = names::parenthesized(arguments, end);
    quote_spanned!(Span::mixed_site()=>
        #key
        let __call = __rt::call(&__F, __rt::LocalKey::entry(&__key), __policy, #cache) #tagged;
        #outcome
        #entry #arguments
    )
}

/// A helper of the function whose entries these are, with the arguments of one of them.
fn entry_of(of: &Of, each: &Each, suffix: &str) -> TokenStream {
    let span = match &of.callee {
        Callee::Path(path) => names::ends(path).1,
        Callee::Method(call) => call.method.span(),
    };
    let argument = |ident: &Ident| {
        let reference = if *ident == each.ident { quote!(#ident) } else { quote!(&#ident) };
        quote_spanned!(names::at(span)=> __rt::argument(#reference))
    };
    let arguments: Vec<TokenStream> = of.arguments.iter().map(argument).collect();
    target::helper(&of.callee, suffix, &arguments, span)
}

/// A body that is awaited. It may run more than once, each time with clones of what it consumes.
fn run(cached: &Cached, each: &Each, body: &Body) -> TokenStream {
    let cloned = cloned(each);
    let block = block(&returns(cached), body, &within_body(cached, each), true);
    quote_spanned!(Span::mixed_site()=> .run(move |__ids| { #cloned #block }))
}

/// A body that may run after the call has returned: what was borrowed is cloned once, and only by a load.
fn run_in_background(
    cached: &Cached,
    each: &Each,
    background: &Background,
    body: &Body,
) -> TokenStream {
    let mut body = body.clone();
    let (mut keep, mut again, mut lend) = (TokenStream::new(), cloned(each), TokenStream::new());
    let mut own = |owned: &Ident, ident: &Ident| {
        keep.extend(owning(owned, ident));
        again.extend(quote_spanned!(Span::mixed_site()=> let #owned = __rt::own_argument(&#owned.borrowed());));
    };
    for OwnedParameter { ident, mutability } in &background.owned {
        let owned = names::local(&format!("__owned_{}", ident.unraw()), ident.span());
        own(&owned, ident);
        let allow = names::allow_shadow();
        lend.extend(quote_spanned!(Span::mixed_site()=>
            #allow let #mutability #ident = #owned.borrowed();
        ));
    }
    if let Some(receiver) = &background.owned_self {
        let owned = names::local("__owned_self", receiver.span());
        own(&owned, receiver);
        let lent = Ident::new("__lent_self", receiver.span());
        lend.extend(quote_spanned!(Span::mixed_site()=> let #lent = #owned.borrowed();));
        body.tokens = receiver::replace(body.tokens, &lent);
    }
    let within = within_body(cached, each);
    let block = block(&returns(cached), &body, &quote!(#lend #within), true);
    let span = names::at(background.span);
    quote_spanned!(span=>
        .run_detachable(move || { #keep move |__ids| { #again __rt::boxed(#block) } })
    )
}

fn returns(cached: &Cached) -> TokenStream {
    let returns = &cached.returns;
    quote!(#returns)
}

/// At the place of the parameter, so that what cannot be cloned is reported there.
fn cloned(each: &Each) -> TokenStream {
    let clone = |OwnedParameter { ident, .. }: &OwnedParameter| {
        let allow = names::allow_shadow();
        quote_spanned!(names::at(ident.span())=> #allow let #ident = __rt::again(&#ident);)
    };
    each.cloned.iter().map(clone).collect()
}

/// What the body begins with: the ids that it gets, `mut` where it was written, and the patterns of parameters.
fn within_body(cached: &Cached, each: &Each) -> TokenStream {
    let allow = names::allow_shadow();
    let (ident, mutability) = (&each.ident, &each.mutability);
    let ids = match &each.ids {
        Ids::Reference(ty) => quote_spanned!(Span::mixed_site()=>
            let __ids = __rt::owned_keys::<#ty>(__ids);
            #allow let #mutability #ident: &#ty = ::core::borrow::Borrow::borrow(&__ids);
        ),
        Ids::Value(ty) => quote_spanned!(Span::mixed_site()=>
            #allow let #mutability #ident = __rt::owned_keys::<#ty>(__ids);
        ),
        Ids::Iterator => {
            quote_spanned!(Span::mixed_site()=> #allow let #mutability #ident = __ids;)
        }
    };
    let mutable = each.cloned.iter().filter_map(|OwnedParameter { ident, mutability }| {
        let mutability = mutability.as_ref()?;
        Some(quote_spanned!(Span::mixed_site()=> #allow let #mutability #ident = #ident;))
    });
    let patterns = cached
        .patterns
        .iter()
        .map(|(pattern, ident)| quote_spanned!(Span::mixed_site()=> #allow let #pattern = #ident;));
    quote!(#ids #(#mutable)* #(#patterns)*)
}

/// `f_invalidate`: removes the entries of all these ids.
fn invalidate(cached: &Cached, each: &Each) -> TokenStream {
    let function = &cached.function.sig.ident;
    let facade = &cached.facade;
    let own = names::sibling(function, "_invalidate");
    let (runtime, ids, keys, ident) = (runtime(cached), collect(each), keys(each), &each.ident);
    let (statics, one) = match &each.of {
        Some(of) => (TokenStream::new(), entry_of(of, each, "_invalidate")),
        None => {
            let patterns = cached.borrowed_patterns.iter().map(
                |(pattern, value)| quote_spanned!(Span::mixed_site()=> let #pattern = #value;),
            );
            let statics = key::function(&cached.identity, function);
            let (key, cache) = (key::key(cached, &own, false), choice(cached.cache.as_ref()));
            let one = quote_spanned!(Span::mixed_site()=>
                { #key __rt::Invalidate::new(&__F, __key.finish(), #cache) }
            );
            (quote!(#statics #(#patterns)*), one)
        }
    };
    Helper {
        cached,
        doc: format!("Removes what `{}` keeps for these ids.", function.unraw()),
        ident: own,
        generics: &cached.helpers.generics,
        inputs: &cached.helpers.inputs,
        output: quote_spanned!(Span::mixed_site()=> #facade::Invalidate),
        body: quote_spanned!(Span::mixed_site()=>
            #runtime
            #ids
            #statics
            __rt::Invalidate::each(#keys.iter().map(|#ident| #one))
        ),
    }
    .expand()
}
