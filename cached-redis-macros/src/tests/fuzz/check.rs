//! What holds of every expansion, whatever went in.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};

use super::corpus::Attribute;
use super::mutate::{flat, values};
use crate::attributes;
use crate::parse::options::Options as _;
use crate::parse::redis_cached::Options;

/// An attribute on an item.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) attribute: Attribute,
    pub(super) options: TokenStream,
    pub(super) item: TokenStream,
}

/// What became of it.
pub(super) struct Outcome {
    pub(super) tokens: TokenStream,
    /// Of the compile errors.
    pub(super) messages: Vec<String>,
}

/// Words of the attributes' own beside the options of `#[redis_cached]`. None of them need stand in an expansion.
const OWN: [&str; 8] = ["tag", "guard", "always", "strict", "true", "false", "for", "in"];

impl Case {
    pub(super) fn expand(&self) -> Outcome {
        let (options, item) = (self.options.clone(), self.item.clone());
        let tokens = match self.attribute {
            Attribute::RedisCached => attributes::redis_cached(options, item),
            Attribute::Invalidates => attributes::invalidates(options, item),
            Attribute::Updates => attributes::updates(options, item),
        };
        let mut messages = Vec::new();
        find_messages(tokens.clone(), &mut messages);
        Outcome { tokens, messages }
    }

    /// Panics if the expansion is not as it should be.
    pub(super) fn check(&self) -> Outcome {
        let outcome = self.expand();
        let again = self.expand();
        assert_eq!(outcome.tokens.to_string(), again.tokens.to_string(), "expands to two things");
        for message in &outcome.messages {
            assert!(message.trim().len() > 3, "an error says nothing: {message:?}");
        }
        // What is not Rust comes from other macros only, and is for the compiler to report.
        let Ok(before) = syn::parse2::<syn::File>(self.item.clone()) else { return outcome };
        let after = syn::parse2::<syn::File>(outcome.tokens.clone())
            .unwrap_or_else(|error| panic!("not Rust: {error}: {}", outcome.tokens));
        let (before, after) = (Functions::of(&before), (Functions::of(&after), after));
        let is_rejected = !outcome.messages.is_empty();
        for function in &before.0 {
            let is_there = |there: &Seen| {
                let is_whole = there.signature == function.signature && there.body == function.body;
                there.name == function.name && (is_whole || !is_rejected || function.is_in_block)
            };
            assert!(
                after.0.0.iter().any(is_there),
                "`{}` is gone: {}",
                function.name,
                outcome.tokens
            );
            if function.is_cached || self.attribute == Attribute::RedisCached && !before.has_block()
            {
                let has = |suffix: &str| {
                    let helper = format!("{}{suffix}", function.name.trim_start_matches("r#"));
                    after.0.0.iter().any(|there| there.name == helper)
                };
                let helpers = ["_invalidate", "_invalidate_all", "_entry"].map(has);
                // A batch has no entry, and of another function's entries that one removes all.
                let is_batch = crate::used_names::all(&self.options).contains("each");
                let are_there = helpers == [true; 3] || is_batch && helpers[0];
                assert!(is_rejected || function.is_nested || are_there, "no helpers");
            }
        }
        if !is_rejected {
            self.check_nothing_is_lost(&outcome);
            self.check_expressions_are_whole(&outcome, &after.1);
        }
        outcome
    }

    /// `a + b` is not torn apart by what is put around it.
    fn check_expressions_are_whole(&self, outcome: &Outcome, after: &syn::File) {
        struct Texts(BTreeSet<String>);
        impl Visit<'_> for Texts {
            fn visit_expr(&mut self, expr: &syn::Expr) {
                self.0.insert(flat(expr.to_token_stream()).to_string());
                visit::visit_expr(self, expr);
            }
        }
        let mut there = Texts(BTreeSet::new());
        there.visit_file(after);
        let check = |tokens: &[TokenTree]| {
            for (range, expr) in values(tokens) {
                let is_target =
                    matches!(tokens.get(range.end), Some(token) if token.to_string() == "=");
                let text = flat(expr.to_token_stream()).to_string();
                // It goes by another name where the body has taken it.
                let is_renamed = text.contains("self");
                // Types have commas of their own.
                let is_of_type = text.contains(['<', '>']);
                if is_loose(&expr) && !is_target && !is_renamed && !is_of_type {
                    assert!(there.0.contains(&text), "`{text}` is torn: {}", outcome.tokens);
                }
            }
        };
        let options: Vec<TokenTree> = self.options.clone().into_iter().collect();
        check(&options);
        // Arguments; not patterns, blocks, nor what is in macros.
        for pair in options.windows(2) {
            if let [TokenTree::Ident(name), TokenTree::Group(group)] = pair
                && group.delimiter() == Delimiter::Parenthesis
                && name != "for"
            {
                check(&group.stream().into_iter().collect::<Vec<_>>());
            }
        }
    }

    /// What was written and accepted has a meaning, and so stands in the expansion.
    fn check_nothing_is_lost(&self, outcome: &Outcome) {
        let mut there = BTreeSet::new();
        words(outcome.tokens.clone(), &mut there);
        let mut written = BTreeSet::new();
        words(self.options.clone(), &mut written);
        for word in written.difference(&there) {
            let is_option = Options::names().any(|name| name == word);
            let is_own = is_option || OWN.contains(&word.as_str());
            // `get(id)` is a call of `get_invalidate` or, in `#[updates]`, of `get_entry`.
            let helpers = ["_invalidate", "_invalidate_all", "_entry"];
            let is_part = helpers.map(|helper| format!("{word}{helper}"));
            let is_there = is_part.iter().any(|part| there.contains(part));
            assert!(is_own || is_there, "`{word}` is lost: {}", outcome.tokens);
        }
    }
}

/// Those that hold together by precedence alone.
fn is_loose(expr: &syn::Expr) -> bool {
    use syn::Expr::{Binary, Cast, Closure, If, Match, Range, Struct};
    match expr {
        Range(range) => range.start.is_some() && range.end.is_some(),
        _ => matches!(expr, Binary(_) | Cast(_) | Closure(_) | If(_) | Match(_) | Struct(_)),
    }
}

/// The messages of all `compile_error!`s.
fn find_messages(tokens: TokenStream, messages: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let is_error = index >= 2
            && matches!(&tokens[index - 2], TokenTree::Ident(name) if name == "compile_error");
        if is_error {
            let message = syn::parse2::<syn::LitStr>(group.stream());
            messages.push(message.expect("an error has a message").value());
        } else {
            find_messages(group.stream(), messages);
        }
    }
}

/// Names, and suffixes that the language does not have; not what is in attributes of expressions, which mean
/// nothing here.
fn words(tokens: TokenStream, found: &mut BTreeSet<String>) {
    let mut is_attribute = false;
    for token in tokens {
        let before = is_attribute;
        is_attribute = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
        match token {
            TokenTree::Group(_) if before => {}
            TokenTree::Group(group) => words(group.stream(), found),
            TokenTree::Ident(ident) => drop(found.insert(ident.unraw().to_string())),
            TokenTree::Literal(literal) => {
                let suffix = match syn::Lit::new(literal) {
                    syn::Lit::Int(int) => int.suffix().to_owned(),
                    syn::Lit::Float(float) => float.suffix().to_owned(),
                    syn::Lit::Str(text) => text.suffix().to_owned(),
                    _ => String::new(),
                };
                let is_type = ["", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32"]
                    .contains(&suffix.as_str());
                if !is_type {
                    found.insert(suffix);
                }
            }
            TokenTree::Punct(_) => {}
        }
    }
}

struct Seen {
    name: String,
    signature: String,
    body: String,
    is_in_block: bool,
    /// In the body of another one.
    is_nested: bool,
    /// By an attribute of its own, in a block.
    is_cached: bool,
}

/// All functions of a file.
#[derive(Default)]
struct Functions(Vec<Seen>, usize);

impl Functions {
    fn of(file: &syn::File) -> Self {
        let mut found = Self::default();
        found.visit_file(file);
        found
    }

    fn has_block(&self) -> bool {
        self.0.iter().any(|function| function.is_in_block && !function.is_nested)
    }

    fn add(
        &mut self,
        attrs: &[syn::Attribute],
        signature: &syn::Signature,
        body: &impl quote::ToTokens,
        is_in_block: bool,
    ) {
        let mut signature = signature.clone();
        for input in &mut signature.inputs {
            match input {
                syn::FnArg::Receiver(receiver) => &mut receiver.attrs,
                syn::FnArg::Typed(typed) => &mut typed.attrs,
            }
            .retain(|attr| !attr.path().is_ident("cache"));
        }
        let is_cached = |attr: &syn::Attribute| {
            attr.path().segments.last().is_some_and(|last| last.ident == "redis_cached")
        };
        self.0.push(Seen {
            name: signature.ident.to_string(),
            signature: signature.to_token_stream().to_string(),
            body: body.to_token_stream().to_string(),
            is_in_block,
            is_nested: self.1 > 0,
            is_cached: is_in_block && self.1 == 0 && attrs.iter().any(is_cached),
        });
    }
}

impl Visit<'_> for Functions {
    fn visit_item_fn(&mut self, item: &syn::ItemFn) {
        self.add(&item.attrs, &item.sig, &item.block, false);
        self.1 += 1;
        visit::visit_item_fn(self, item);
        self.1 -= 1;
    }

    fn visit_impl_item_fn(&mut self, item: &syn::ImplItemFn) {
        self.add(&item.attrs, &item.sig, &item.block, true);
        self.1 += 1;
        visit::visit_impl_item_fn(self, item);
        self.1 -= 1;
    }
}
