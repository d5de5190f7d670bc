//! What is done to tokens that were right.

use std::ops::Range;

use fastrand::Rng;
use proc_macro2::{Delimiter, Group, Literal, Spacing, Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::visit_mut::{self, VisitMut};

use super::corpus::{USES, tokens};

/// What nobody expects where it is put.
const ODD: &[&str] = &[
    "340282366920938463463374607431768211456",
    "0xffff_ffff_ffff_ffff_ffff",
    "18446744073709551615",
    "2592001",
    "0",
    "1e400",
    "0.0",
    "10min",
    "600u8",
    "1_0f32",
    "0b1s",
    "b\"x\"",
    "b'x'",
    "c\"x\"",
    "'x'",
    "r#\"raw {id}\"#",
    "\"x\"y",
    "\"\"",
    "\"{\"",
    "\"{id\"",
    "\"{{}}\"",
    "\"\\u{0}\"",
    "\"ä{ü}:{r#type}\"",
    "\"{id.99999999999999999999}\"",
    "\"{id.0.1.00}\"",
    "\"{self}:{ret}:{ret.0}\"",
    "\"99999999999999999999d\"",
    "\"1h1h\"",
    "\"ü\"",
    "-1",
    "- - 1",
    "r#type",
    "größe",
    "_",
    "__rt",
    "'a",
    "..",
    "..=",
    "...",
    "=>",
    "->",
    "::",
    "==",
    "=",
    ",",
    ", ,",
    ";",
    "#",
    "$",
    "?",
    "!",
    "|",
    "||",
    "<",
    ">",
    "()",
    "[]",
    "{}",
    "group!()",
    "group!(,)",
    "group!(a + b)",
    "|x| x",
    "move |(a, b): (u8, u8)| -> u8 { a }",
    "for<'a> |x: &'a u8| x",
    "async move { x.await }",
    "return",
    "return x",
    "x.await",
    "x?",
    "break 'a x",
    "let x = 1",
    "if x { 1 } else { 2 }",
    "match x { _ => 1 }",
    "loop {}",
    "S { a: 1 }",
    "S {}",
    "f::<T>(x)",
    "<T as U>::V",
    "unsafe { x }",
    "const { 1 }",
    "yield x",
    "&raw const x",
    "#[a] x",
    "#![a]",
    "m!{}",
    "m!(self)",
    "a = b",
    "a += b",
    "a == b",
    "x as u8",
    "x as u8 < y",
    "1..2",
    "dyn A + B",
    "impl A",
    "impl",
    "trait",
    "fn",
    "async",
    "unsafe",
    "const",
    "extern \"C\"",
    "default",
    "pub",
    "mut",
    "ref",
    "where",
    "for x in y",
    "self",
    "Self",
    "super",
    "crate",
    "ret",
    "true",
    "#[cache(skip)]",
    "#[cache]",
    "#[cfg(a)]",
    "#[redis_cached(ttl = 1)]",
    "#[invalidates]",
    "#[updates = 1]",
    "skip(self)",
    "key(a)",
    "key = \"a:{id\"",
    "tags = [\"a:{id\", \"{\", \"}\"]",
    "tags = []",
    "tags = [1, \"a\", \"a\"]",
    "sliding",
    "tag = \"a\"",
    "strict",
    "crate = Self::a",
    "crate = a::<B>",
];

/// Tokens that were right, with up to three changes.
pub(super) fn mutate(stream: TokenStream, rng: &mut Rng) -> TokenStream {
    (0..rng.usize(1..=3)).fold(stream, |stream, _| change(stream, rng))
}

/// One change, at any depth.
fn change(stream: TokenStream, rng: &mut Rng) -> TokenStream {
    let mut tokens: Vec<TokenTree> = stream.into_iter().collect();
    let groups: Vec<usize> =
        (0..tokens.len()).filter(|&index| matches!(tokens[index], TokenTree::Group(_))).collect();
    if let Some(&index) = rng.choice(&groups)
        && rng.u8(..3) != 0
        && let TokenTree::Group(group) = &tokens[index]
    {
        tokens[index] = Group::new(group.delimiter(), change(group.stream(), rng)).into();
        return tokens.into_iter().collect();
    }
    let values = if rng.bool() { values(&tokens) } else { Vec::new() };
    let range = match rng.choice(values) {
        Some((range, _)) => range,
        None => range(tokens.len(), rng),
    };
    let part: Vec<TokenTree> = tokens[range.clone()].to_vec();
    let new: Vec<TokenTree> = match rng.u8(..11) {
        0 => Vec::new(),
        1 => [part.clone(), part].concat(),
        2 => part.into_iter().rev().collect(),
        3 => odd(rng),
        4 => [odd(rng), part].concat(),
        5 => [part, odd(rng)].concat(),
        6 => nest(part, rng.usize(1..4), rng),
        7 => part
            .into_iter()
            .flat_map(|token| match token {
                TokenTree::Group(group) => group.stream().into_iter().collect(),
                other => vec![other],
            })
            .collect(),
        8 => [part, foreign(rng)].concat(),
        9 => foreign(rng),
        _ => part.into_iter().map(|token| misspelt(token, rng)).collect(),
    };
    tokens.splice(range, new);
    tokens.into_iter().collect()
}

/// Mostly one token.
fn range(length: usize, rng: &mut Rng) -> Range<usize> {
    if length == 0 {
        return 0..0;
    }
    let start = rng.usize(..length);
    let most = if rng.u8(..4) == 0 { length - start } else { 1 };
    start..start + rng.usize(1..=most)
}

fn odd(rng: &mut Rng) -> Vec<TokenTree> {
    match rng.usize(..ODD.len() + 2) {
        // Other macros can write these as one token.
        0 => vec![Literal::i32_unsuffixed(-1).into()],
        1 => vec![Literal::f64_suffixed(-0.5).into()],
        index => tokens(ODD[index - 2]).into_iter().collect(),
    }
}

/// A piece of another use.
fn foreign(rng: &mut Rng) -> Vec<TokenTree> {
    let (_, options, item) = USES[rng.usize(..USES.len())];
    let mut all: Vec<TokenTree> =
        tokens(if rng.bool() { options } else { item }).into_iter().collect();
    while let Some(TokenTree::Group(group)) = rng.choice(&all)
        && rng.bool()
    {
        all = group.stream().into_iter().collect();
    }
    let range = range(all.len(), rng);
    all[range].to_vec()
}

fn nest(mut part: Vec<TokenTree>, depth: usize, rng: &mut Rng) -> Vec<TokenTree> {
    let all = [Delimiter::Parenthesis, Delimiter::Brace, Delimiter::Bracket, Delimiter::None];
    for _ in 0..depth {
        let delimiter = all[rng.usize(..all.len())];
        part = vec![Group::new(delimiter, part.into_iter().collect()).into()];
    }
    part
}

/// A name or a text with a letter too many or too few, or a literal of a type that there is not.
fn misspelt(token: TokenTree, rng: &mut Rng) -> TokenTree {
    let text = token.to_string();
    let new = match &token {
        TokenTree::Ident(_) if rng.bool() => format!("{text}x"),
        TokenTree::Ident(_) => text.chars().skip(1).collect(),
        TokenTree::Literal(_) if text.ends_with('"') && rng.u8(..4) != 0 => {
            let mut letters: Vec<char> = text.chars().collect();
            let at = rng.usize(1..letters.len());
            let new = rng
                .choice(['{', '}', '.', ':', '-', 'ü', ' ', '\u{7}', '0', 's'])
                .filter(|_| rng.bool());
            letters.splice(at..(at + rng.usize(..2)).min(letters.len() - 1).max(at), new);
            letters.into_iter().collect()
        }
        TokenTree::Literal(_) => format!("{text}weeks"),
        TokenTree::Group(_) | TokenTree::Punct(_) => text,
    };
    match &token {
        TokenTree::Ident(_) => syn::parse_str::<proc_macro2::Ident>(&new).map_or(token, Into::into),
        TokenTree::Literal(_) => new.parse::<Literal>().map_or(token, |mut literal| {
            literal.set_span(Span::call_site());
            literal.into()
        }),
        TokenTree::Group(_) | TokenTree::Punct(_) => token,
    }
}

/// As often as there are expressions between commas: the tokens with one of them in an invisible group.
pub(super) fn with_a_value_grouped(stream: &TokenStream) -> Vec<TokenStream> {
    let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
    let mut all = Vec::new();
    for (range, _) in values(&tokens) {
        let (head, tail) = (&tokens[..range.start], &tokens[range.end..]);
        let part = tokens[range].iter().cloned().collect();
        let group = TokenTree::from(Group::new(Delimiter::None, part));
        all.push(head.iter().chain([&group]).chain(tail).cloned().collect());
    }
    for (index, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        for inner in with_a_value_grouped(&group.stream()) {
            let mut new = tokens.clone();
            new[index] = Group::new(group.delimiter(), inner).into();
            all.push(new.into_iter().collect());
        }
    }
    all
}

/// The expressions that stand between `,`, `=` and the ends.
pub(super) fn values(tokens: &[TokenTree]) -> Vec<(Range<usize>, syn::Expr)> {
    let is_comma =
        |index: usize| matches!(&tokens[index], TokenTree::Punct(p) if p.as_char() == ',');
    let is_assign = |index: usize| {
        let is_punct = |token: &TokenTree| matches!(token, TokenTree::Punct(_));
        matches!(&tokens[index], TokenTree::Punct(p) if p.as_char() == '=' && p.spacing() == Spacing::Alone)
            && !index.checked_sub(1).is_some_and(|before| is_punct(&tokens[before]))
    };
    let is_end = |index: usize| is_comma(index) || is_assign(index);
    let starts = (0..tokens.len()).filter(|&start| start.checked_sub(1).is_none_or(is_end));
    starts
        .filter_map(|start| {
            let end = (start..tokens.len()).find(|&end| is_end(end)).unwrap_or(tokens.len());
            let part: TokenStream = tokens[start..end].iter().cloned().collect();
            // A name before `=` may be that of an option.
            let is_name = end - start == 1 && end < tokens.len() && is_assign(end);
            let expr = syn::parse2(part).ok().filter(|_| !is_name)?;
            Some((start..end, expr))
        })
        .collect()
}

/// As often as there are types: the item with one of them in an invisible group.
pub(super) fn with_a_type_grouped(item: &TokenStream) -> Vec<TokenStream> {
    /// Counts down to the type that is to be grouped.
    struct Types(usize);

    impl VisitMut for Types {
        fn visit_type_mut(&mut self, ty: &mut syn::Type) {
            visit_mut::visit_type_mut(self, ty);
            if self.0 == 0 {
                let elem = Box::new(ty.clone());
                let group_token = syn::token::Group::default();
                *ty = syn::Type::Group(syn::TypeGroup { attrs: Vec::new(), group_token, elem });
            }
            self.0 = self.0.wrapping_sub(1);
        }

        fn visit_block_mut(&mut self, _: &mut syn::Block) {}
        fn visit_attribute_mut(&mut self, _: &mut syn::Attribute) {}
    }

    let file: syn::File = syn::parse2(item.clone()).expect("an item");
    let grouped = |index| {
        let mut file = file.clone();
        let mut types = Types(index);
        types.visit_file_mut(&mut file);
        (types.0 > index).then(|| file.into_token_stream())
    };
    (0..).map_while(grouped).collect()
}

/// Without invisible groups.
pub(super) fn flat(stream: TokenStream) -> TokenStream {
    visit(stream, &|group| match group.delimiter() {
        Delimiter::None => group.stream(),
        _ => TokenTree::from(group).into(),
    })
}

/// With `group!(…)` in place of invisible groups.
pub(super) fn visible(stream: TokenStream) -> TokenStream {
    visit(stream, &|group| match group.delimiter() {
        Delimiter::None => {
            let content = group.stream();
            quote::quote!(group!(#content))
        }
        _ => TokenTree::from(group).into(),
    })
}

fn visit(stream: TokenStream, of: &dyn Fn(Group) -> TokenStream) -> TokenStream {
    stream
        .into_iter()
        .map(|token| match token {
            TokenTree::Group(group) => of(Group::new(group.delimiter(), visit(group.stream(), of))),
            other => other.into(),
        })
        .collect()
}
