//! Every message of the attributes, and which tokens it underlines. Errors that only the compiler
//! can find are in the facade's `tests/ui`, with a few of these, to see that it shows them there.
//!
//! A row is an attribute on an item, and the messages about it. In its text, `«` and `»` enclose
//! what is underlined; the messages come in the order of their `«`.

mod batches;
mod blocks;
mod durations;
mod freshness;
mod functions;
mod invalidates;
mod keys;
mod limits;
mod options;
mod payloads;
mod tags;
mod transactions;
mod updates;
mod values;

use std::cmp::Reverse;
use std::ops::Range;

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};

use crate::attributes;

type Row = (&'static str, &'static [&'static str]);

/// Long parts that many messages share: rows write the word in braces instead.
const COMMON: [(&str, &str); 2] = [
    (
        "{OPTIONS}",
        "`ttl`, `prefix`, `name`, `skip`, `key`, `version`, `negative_ttl`, `jitter`, `ttl_with`, `stale`, \
         `stale_if_error`, `early`, `soft_timeout`, `sliding`, `local`, `tags`, `cache_if`, `absent`, `lock`, \
         `load_timeout`, `codec`, `compress`, `encrypt`, `max_value`, `bypass`, `in_transaction`, `each`, \
         `of`, `key_of`, `max_batch`, `cache` and `crate`",
    ),
    (
        "{LENGTH}",
        "write whole seconds (`600`), a text (`\"500ms\"`, `\"10m\"`, `\"1h30m\"`) or an expression of \
         type `Duration`",
    ),
];

/// Compares all rows, and prints what those that differ would have to be.
fn check(rows: &[Row]) {
    let mut differing = Vec::new();
    for (marked, messages) in rows {
        let text = marked.replace(['«', '»'], "");
        let errors = errors(&text);
        let (found, messages_found) = (mark(&text, &errors), errors.into_iter().map(shorten));
        let messages_found: Vec<String> = messages_found.collect();
        if found != *marked || messages_found != *messages {
            differing.push(format!("{found}\n{messages_found:#?}"));
        }
    }
    assert!(differing.is_empty(), "these rows would have to be:\n{}", differing.join("\n"));
}

fn shorten(error: Error) -> String {
    COMMON.iter().fold(error.message, |message, (word, text)| message.replace(text, word))
}

struct Error {
    /// In the text of the row.
    underlined: Range<usize>,
    message: String,
}

/// Expands the first of our attributes in `text`.
fn errors(text: &str) -> Vec<Error> {
    let tokens: TokenStream = text.parse().expect("tokens");
    let mut item: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let (position, expand, options) = item
        .iter()
        .enumerate()
        .find_map(|(position, token)| attribute(token).map(|(e, options)| (position, e, options)))
        .expect("an attribute of ours");
    let start = item[position - 1].span().byte_range().start;
    let attribute = start..item[position].span().byte_range().end;
    item.drain(position - 1..=position);
    let mut errors = Vec::new();
    find_errors(expand(options, item.into_iter().collect()), &mut errors);
    // An error without a token is shown at the whole attribute.
    let underlined = |start: Span, end: Span| match end.byte_range().end {
        0 => attribute.clone(),
        _ => underlined(start, end, tokens.clone()),
    };
    let mut errors: Vec<Error> = errors
        .into_iter()
        .map(|(start, end, message)| Error { underlined: underlined(start, end), message })
        .collect();
    errors.sort_by_key(|error| (error.underlined.start, Reverse(error.underlined.end)));
    errors
}

type Expand = fn(TokenStream, TokenStream) -> TokenStream;

/// `[redis_cached(options)]`, of which the `#` is the token before.
fn attribute(token: &TokenTree) -> Option<(Expand, TokenStream)> {
    let TokenTree::Group(group) = token else { return None };
    let mut tokens = group.stream().into_iter();
    let expand: Expand = match tokens.next()?.to_string().as_str() {
        "redis_cached" => attributes::redis_cached,
        "invalidates" => attributes::invalidates,
        "updates" => attributes::updates,
        _ => return None,
    };
    let options = match tokens.next() {
        Some(TokenTree::Group(options)) => options.stream(),
        _ => TokenStream::new(),
    };
    (group.delimiter() == Delimiter::Bracket).then_some((expand, options))
}

/// The first and the last span of each `::core::compile_error! { "message" }`, and the message.
fn find_errors(tokens: TokenStream, found: &mut Vec<(Span, Span, String)>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        match index.checked_sub(2).map(|index| &tokens[index]) {
            Some(TokenTree::Ident(name)) if name == "compile_error" => {
                let message = syn::parse2::<syn::LitStr>(group.stream()).expect("a message");
                found.push((name.span(), group.span(), message.value()));
            }
            _ => find_errors(group.stream(), found),
        }
    }
}

/// What the compiler underlines. `Span::join` is not stable, so there a span that should cover
/// several tokens covers only the first of them.
fn underlined(start: Span, end: Span, tokens: TokenStream) -> Range<usize> {
    let (start, end) = (start.byte_range(), end.byte_range());
    if start != end {
        return start.start..end.end;
    }
    let end =
        places(tokens).into_iter().find(|place| place.start == start.start).map(|place| place.end);
    start.start..end.unwrap_or(start.end).min(start.end)
}

/// Where all tokens are, groups before what is in them.
fn places(tokens: TokenStream) -> Vec<Range<usize>> {
    let mut places: Vec<Range<usize>> = Vec::new();
    let mut is_lifetime = false;
    for token in tokens {
        let place = token.span().byte_range();
        match places.last_mut() {
            // The compiler has one span for both tokens of a lifetime.
            Some(apostrophe) if is_lifetime => apostrophe.end = place.end,
            _ => places.push(place),
        }
        is_lifetime = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\'');
        if let TokenTree::Group(group) = token {
            places.extend(self::places(group.stream()));
        }
    }
    places
}

/// The text with `«` and `»` around what is underlined.
fn mark(text: &str, errors: &[Error]) -> String {
    let mut marks: Vec<(usize, char)> = Vec::new();
    for Error { underlined, .. } in errors {
        marks.push((underlined.start, '«'));
        marks.push((underlined.end, '»'));
    }
    // From the end, so that places stay what they are; of those at one place, `»` comes first.
    marks.sort_by_key(|(place, mark)| (*place, *mark == '«'));
    let mut marked = text.to_owned();
    for (place, mark) in marks.into_iter().rev() {
        marked.insert(place, mark);
    }
    marked
}
