//! Options and signature to a model. Each check has a name and gathers its errors.

mod background;
pub(crate) mod block;
mod control_flow;
mod durations;
mod each;
mod freshness;
mod function;
mod helpers;
pub(crate) mod invalidates;
mod key;
mod limits;
mod outcome;
mod payload;
mod tags;
mod transaction;
pub(crate) mod updates;
mod write;

use std::time::Duration;

use helpers::Evaluations;
use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::{Attribute, GenericParam, Generics, Path, Visibility, parse_quote_spanned};

use crate::diagnostics::Errors;
use crate::model::{Cached, Identity, Lease, Policy, Scope, TraitImpl};
use crate::names;
use crate::parse::block::Defaults;
use crate::parse::duration::DurationExpr;
use crate::parse::redis_cached::Options;
use crate::parse::values::Lock;
use crate::signature::{Function, Parameter};

/// Where a function stands.
#[derive(Default)]
pub(crate) struct Context {
    /// In an `impl` block that has the attribute itself: where the facade is from there.
    pub(crate) in_block: bool,
    pub(crate) facade: Option<Path>,
    /// What holds for the methods of that block.
    pub(crate) defaults: Option<Defaults>,
    /// In a trait's `impl`.
    pub(crate) trait_impl: Option<TraitImpl>,
}

/// What the checks look at.
struct Subject<'a> {
    options: &'a Options,
    function: &'a Function,
    parameters: Vec<Parameter>,
    /// `#[cache(skip)]` or `skip(..)`, one a parameter.
    skipped: Vec<bool>,
    skips_self: Option<Span>,
}

/// The model of a function, or all that is wrong with it.
pub(crate) fn validate(
    mut options: Options,
    mut function: Function,
    skips: Vec<Option<Span>>,
    context: &Context,
    mut errors: Errors,
) -> syn::Result<Cached> {
    function::check(&function, &mut errors);
    if !context.in_block {
        function::check_block_form(&function, &mut errors);
    }
    let mut named = function.clone();
    let parameters = named.name_parameters();
    let mut skips = skips.into_iter();
    let skips_self = function.receiver().and_then(|_| skips.next().flatten());
    let mut subject = Subject {
        options: &options,
        function: &function,
        skipped: skips.map(|skip| skip.is_some()).collect(),
        parameters,
        skips_self,
    };
    limits::check(&options, &mut errors);
    durations::check(&options, &mut errors);
    control_flow::check(&options, &mut errors);
    freshness::check(&subject, &mut errors);
    payload::check(&options, &mut errors);
    key::check_skip(&mut subject, &mut errors);
    key::check_key(&subject, &mut errors);
    key::check_order(&subject, &mut errors);
    key::check_self_choice(&subject, &mut errors);
    tags::check(&subject, &mut errors);
    each::check(&subject, &mut errors);
    let handles = transaction::check(&subject, &mut errors);
    let outcome = outcome::outcome(&subject, &mut errors);
    let mut background = background::background(&subject, &mut errors);
    let each = each::each(&subject, background.as_mut(), &mut errors);
    let tags = tags::tags(&subject);
    let key = key::key(&subject);
    let key_shape = key::shape(&subject);
    let each = each.map(|each| each::finish(each, &subject));
    let parameters = subject.parameters;
    errors.finish()?;

    function.sig = named.sig;
    if let Some(background) = &background {
        background::take_mut(&mut function.sig, &background.owned);
    }
    if let Some(each) = &each {
        each::take_mut(&mut function.sig, each);
    }
    let evaluated = Evaluations::of(&options, &key);
    let helpers = helpers::helpers(&function, &parameters, &evaluated, &outcome, context);
    let borrowed_patterns = helpers::borrowed_patterns(&parameters, &evaluated, &tags);
    let payload = payload::payload(&mut options);
    let ttl = match (options.ttl, &each) {
        (Some(ttl), _) => ttl.value,
        // That of the function whose entries these are.
        (None, Some(each)) if each.of.is_some() => {
            DurationExpr::Known(Duration::ZERO, Span::mixed_site())
        }
        (None, _) => return Err(durations::no_ttl()),
    };

    let name =
        options.name.map_or_else(|| function.sig.ident.unraw().to_string(), |n| n.value.value());
    let returns = function.returns();
    let policy = Policy {
        ttl,
        negative_ttl: options.negative_ttl.map(|given| given.value),
        jitter: options.jitter.map(|given| limits::float(given.value)),
        lease: options.lock.and_then(|given| match given.value {
            Lock::Default => None,
            Lock::Off => Some(Lease::Off),
            Lock::For(life) => Some(Lease::For(life)),
        }),
        load_timeout: options.load_timeout.map(|given| given.value),
        stale: options.stale.map(|given| given.value),
        stale_if_error: options.stale_if_error.map(|given| given.value),
        early: options.early.map(|given| freshness::beta(given.value)),
        soft_timeout: options.soft_timeout.map(|given| given.value),
        sliding: options.sliding.is_some(),
        local: options.local.map(|given| given.value),
        version: options.version.map(|given| given.value),
        bypass: transaction::bypass(&handles, options.bypass.map(|given| given.value)),
        payload,
    };
    Ok(Cached {
        identity: Identity {
            prefix: options.prefix.map_or_else(names::package, |given| given.value.value()),
            name,
            key_shape,
            scope: if context.in_block || function.receiver().is_some() {
                Scope::SelfType
            } else {
                Scope::Marker
            },
            types: idents(&helpers.generics, |param| matches!(param, GenericParam::Type(_))),
            consts: idents(&helpers.generics, |param| matches!(param, GenericParam::Const(_))),
        },
        facade: options
            .krate
            .map(|given| given.value)
            .or_else(|| context.facade.clone())
            .unwrap_or_else(names::facade),
        borrowed_patterns,
        patterns: parameters
            .into_iter()
            .filter_map(|parameter| Some((parameter.pattern?, parameter.ident)))
            .collect(),
        function,
        returns,
        key,
        policy,
        outcome,
        tags,
        background,
        each,
        cache: options.cache.map(|given| given.value),
        helpers,
    })
}

fn idents(generics: &Generics, wanted: impl Fn(&GenericParam) -> bool) -> Vec<proc_macro2::Ident> {
    generics
        .params
        .iter()
        .filter(|param| wanted(param))
        .filter_map(|param| match param {
            GenericParam::Type(param) => Some(param.ident.clone()),
            GenericParam::Const(param) => Some(param.ident.clone()),
            GenericParam::Lifetime(_) => None,
        })
        .collect()
}

/// Whether an attribute of the function holds for its helpers too.
pub(crate) fn is_for_helpers(attr: &Attribute) -> bool {
    ["cfg", "allow", "deprecated"].iter().any(|name| attr.path().is_ident(name))
}

/// The visibility of helpers: the function's, or that of a trait, which has none of its own.
pub(crate) fn visibility(cached: &Cached) -> Visibility {
    if cached.helpers.trait_impl.is_some() {
        parse_quote_spanned!(Span::mixed_site()=> pub)
    } else {
        cached.function.vis.clone()
    }
}
