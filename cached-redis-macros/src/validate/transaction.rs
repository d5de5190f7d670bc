//! `in_transaction`: what is read or written in a transaction may be rolled back.

use proc_macro2::Span;
use syn::{Expr, parse_quote_spanned};

use super::{Subject, write};
use crate::diagnostics::Errors;
use crate::parse::transaction::{Read, Write};
use crate::parse::{invalidates, options::Given, updates};
use crate::signature::Function;
use crate::transaction::{self, Handle, Kind};
use crate::used_names;

const OPT_IN: &str = "`in_transaction = \"cache_uncommitted\"`";

/// Which handles `in_transaction = "bypass"` is about.
pub(super) fn check(subject: &Subject<'_>, errors: &mut Errors) -> Vec<Handle> {
    let generics = &subject.function.sig.generics;
    let handles =
        transaction::find(generics, &subject.parameters, |position| is_left_out(subject, position));
    let Some(given) = &subject.options.in_transaction else {
        // What the option says cannot be known where it was written wrongly.
        if !subject.options.is_invalid("in_transaction") {
            check_handles(subject, &handles, errors);
        }
        return Vec::new();
    };
    if handles.is_empty() {
        errors.at(given.keyword.span(), NO_HANDLE);
    }
    match given.value {
        Read::CacheUncommitted => Vec::new(),
        Read::Bypass => {
            for handle in &handles {
                check_bypass(subject, given, handle, errors);
            }
            handles
        }
    }
}

const NO_HANDLE: &str = "no parameter here is spelled as a transaction or a connection, which is what \
                         `in_transaction` is about: remove it, or write the type itself instead of an alias";

fn check_handles(subject: &Subject<'_>, handles: &[Handle], errors: &mut Errors) {
    for handle in handles.iter().filter(|handle| !is_told(subject, handle)) {
        let name = &handle.ident;
        let position = subject.position(&name.to_string()).unwrap_or_default();
        let add = match is_left_out(subject, position) {
            true => "add",
            false => &format!("write `skip({name})` with"),
        };
        let why = "may be rolled back while the cache keeps it for everyone";
        let message = match (handle.is_optional, handle.kind) {
            (true, _) => format!(
                "what is read in a transaction {why}: {add} `in_transaction = \"bypass\"` to cache only \
                 calls with `None` here, or {OPT_IN} to accept that"
            ),
            (_, Kind::Generic) => format!(
                "this may be a transaction, and what is read in one {why}: {add} `in_transaction = \
                 \"bypass\"` to cache only calls with a pool, or {OPT_IN} to accept that"
            ),
            (_, Kind::Connection) => format!(
                "this may be in a transaction, and what is read in one {why}: take the pool instead, or \
                 {add} `bypass = {name}.is_in_transaction()`, or {OPT_IN} to accept that"
            ),
            (_, Kind::Transaction) => format!(
                "what is read in a transaction {why}: cache a function that takes the pool, and call \
                 another one in transactions; or {add} {OPT_IN} to accept that"
            ),
        };
        errors.at(handle.span, message);
    }
}

fn is_left_out(subject: &Subject<'_>, position: usize) -> bool {
    let is_skipped = subject.skipped.get(position).copied().unwrap_or_default();
    is_skipped || subject.options.key.is_some()
}

/// `bypass` says when it is a transaction.
fn is_told(subject: &Subject<'_>, handle: &Handle) -> bool {
    let bypass = subject.options.bypass.as_ref();
    subject.options.is_invalid("bypass")
        || bypass.is_some_and(|given| {
            used_names::first(&given.value, &handle.ident.to_string()).is_some()
        })
}

/// A bypass of all calls is none.
fn check_bypass(subject: &Subject<'_>, given: &Given<Read>, handle: &Handle, errors: &mut Errors) {
    if handle.is_optional || handle.kind == Kind::Generic || is_told(subject, handle) {
        return;
    }
    let name = &handle.ident;
    let message = match handle.kind {
        Kind::Transaction => format!(
            "`{name}` is always a transaction, so no call would be cached: remove `#[redis_cached]`, or \
             write {OPT_IN}"
        ),
        _ => format!(
            "nothing tells whether `{name}` is in a transaction, so no call would be cached: take the \
             pool, or write `bypass = {name}.is_in_transaction()` instead"
        ),
    };
    errors.at(given.keyword.span(), message);
}

/// The condition of `bypass`, with those of the handles.
pub(super) fn bypass(handles: &[Handle], given: Option<Expr>) -> Option<Expr> {
    let conditions = handles.iter().map(|handle| -> Expr {
        let (name, span) = (&handle.ident, Span::mixed_site());
        if handle.is_optional {
            parse_quote_spanned!(span=> __rt::is_given_transaction(&#name))
        } else {
            parse_quote_spanned!(span=> __rt::may_be_transaction(&#name))
        }
    });
    conditions.chain(given).reduce(|one, other| {
        Expr::Binary(syn::ExprBinary {
            attrs: Vec::new(),
            left: Box::new(one),
            op: syn::BinOp::Or(syn::Token![||](Span::mixed_site())),
            right: Box::new(other),
        })
    })
}

/// Without `in_transaction`, `#[invalidates]` acts before the commit.
pub(super) fn check_invalidates(
    options: &invalidates::Options,
    function: &Function,
    errors: &mut Errors,
) {
    let handles = handles_of_write(function);
    let Some(given) = &options.in_transaction else {
        // It may be what was written wrongly.
        for handle in handles.iter().filter(|_| !options.is_invalid) {
            errors.at(
                handle.span,
                format!(
                    "{}, so its entries would be removed before the commit, and the next load could put \
                     the old rows back: put `#[invalidates]` on the function that commits; or add \
                     `in_transaction = \"after_commit\"`, and run everything up to the commit in \
                     `cached_redis::transaction(…)`; or write an outbox in this transaction; or accept \
                     old rows with `in_transaction = \"before_commit\"`",
                    of_write(handle)
                ),
            );
        }
        return;
    };
    match given.value {
        Write::BeforeCommit if handles.is_empty() => errors.at(given.keyword.span(), NO_HANDLE),
        Write::AfterCommit => check_strict(options, errors),
        Write::BeforeCommit => {}
    }
}

/// The removal is not this function's any more.
fn check_strict(options: &invalidates::Options, errors: &mut Errors) {
    if let Some(strict) = options.strict.as_ref().filter(|_| options.guard.is_none()) {
        errors.at(
            strict.keyword.span(),
            "the entries are removed after this function has returned, so there is nothing that `strict` \
             could return: remove it, or add `guard = \"10s\"`, which is planted before the body",
        );
    }
}

/// `#[updates]` stores what is not committed.
pub(super) fn check_updates(options: &updates::Options, function: &Function, errors: &mut Errors) {
    let handles = handles_of_write(function);
    if let Some(given) = &options.in_transaction {
        if handles.is_empty() {
            errors.at(given.keyword.span(), NO_HANDLE);
        }
        return;
    }
    for handle in handles.into_iter().filter(|_| !options.is_invalid) {
        errors.at(
            handle.span,
            format!(
                "{}, so the new value would be stored before the commit, also if that never comes: put \
                 `#[updates]` on the function that commits, or write `#[invalidates(…, in_transaction = \
                 \"after_commit\")]`, or accept that with `in_transaction = \"store_uncommitted\"`",
                of_write(&handle)
            ),
        );
    }
}

fn of_write(handle: &Handle) -> &'static str {
    match handle.kind {
        Kind::Transaction if !handle.is_optional => "this write is part of a transaction",
        _ => "this write may be part of a transaction",
    }
}

fn handles_of_write(function: &Function) -> Vec<Handle> {
    transaction::find(&function.sig.generics, &write::parameters(function), |_| false)
}
