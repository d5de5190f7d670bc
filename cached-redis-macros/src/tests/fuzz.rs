//! The attributes on what nobody would write: uses that are right, changed at random. A failing seed is
//! printed; `CACHED_REDIS_SEED=n` replays it and says what it is, `CACHED_REDIS_CASES=n` runs more.
//!
//! What is checked of each expansion:
//! - There is one, and always the same: nothing panics, nor overflows the stack that the compiler has.
//! - It is Rust if the item was, whatever the options were. With an error, the item is still there as
//!   it was; without one, so are its helpers, and every word that was written.
//! - What is right is accepted, also where a `macro_rules!` has put parts of it into groups.
//! - An option that there is not is named.

mod check;
mod corpus;
mod mutate;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use cached_redis_test_support::hunt::{is_replay, seeds};
use fastrand::Rng;
use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

use check::Case;
use corpus::{Attribute, USES, tokens};
use mutate::{flat, visible};

/// What the compiler gives the thread that expands macros.
const STACK: usize = 8 << 20;

fn uses() -> impl Iterator<Item = Case> {
    USES.iter().map(|&(attribute, options, item)| Case {
        attribute,
        options: tokens(options),
        item: tokens(item),
    })
}

fn case(rng: &mut Rng) -> Case {
    let (attribute, options, mut item) = USES[rng.usize(..USES.len())];
    if rng.u8(..4) == 0 {
        item = USES[rng.usize(..USES.len())].2;
    }
    let (mut options, mut item) = (tokens(options), tokens(item));
    if !options.is_empty() && rng.u8(..4) != 0 {
        options = mutate::mutate(options, rng);
    } else {
        item = mutate::mutate(item, rng);
    }
    Case { attribute, options, item }
}

/// Whether it was accepted, or how to replay it.
fn run(seed: u64, is_replay: bool) -> Result<bool, String> {
    let name = format!("CACHED_REDIS_SEED={seed}");
    let work = move || {
        let case = case(&mut Rng::with_seed(seed));
        if is_replay {
            eprintln!(
                "{:?}({}) on {}",
                case.attribute,
                visible(case.options.clone()),
                visible(case.item.clone())
            );
        }
        let outcome = case.check();
        if is_replay {
            eprintln!("{}\n{:#?}", outcome.tokens, outcome.messages);
        }
        outcome.messages.is_empty()
    };
    in_thread(name, STACK, work)
}

/// The name is what is printed of a stack that overflows, which ends the process.
fn in_thread<T: Send + 'static>(
    name: String,
    stack: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let thread = thread::Builder::new().name(name.clone()).stack_size(stack).spawn(work);
    thread.expect("a thread").join().map_err(|_| name)
}

#[test]
fn no_tokens_are_beyond_an_answer() {
    let seeds = seeds("CACHED_REDIS_CASES", 3_000);
    let is_replay = is_replay(&seeds);
    let (next, accepted) = (AtomicU64::new(seeds.start), AtomicU64::new(0));
    let work = || -> Vec<String> {
        let mut failed = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || failed.len() > 100 {
                return failed;
            }
            match run(seed, is_replay) {
                Ok(is_accepted) => drop(accepted.fetch_add(is_accepted.into(), Ordering::Relaxed)),
                Err(name) => failed.push(name),
            }
        }
    };
    let failed = thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|t| t.join().expect("no panic")).collect::<Vec<_>>()
    });
    assert!(failed.is_empty(), "replay with {failed:?}");
    let (accepted, tried) = (accepted.into_inner(), seeds.end - seeds.start);
    eprintln!("{accepted} of {tried} accepted");
    assert!(is_replay || accepted > tried / 10, "nearly nothing of it is right");
}

#[test]
fn what_is_right_is_accepted() {
    for case in uses() {
        let outcome = case.check();
        let (attribute, options, item) = (case.attribute, case.options, case.item);
        assert!(
            outcome.messages.is_empty(),
            "{attribute:?}({options}) on {item}: {:?}",
            outcome.messages
        );
        assert!(syn::parse2::<syn::File>(item.clone()).is_ok(), "{item}");
    }
}

/// A `macro_rules!` hands its fragments on in invisible groups.
#[test]
fn groups_around_values_change_nothing() {
    let plain = |outcome: &check::Outcome| {
        // A group counts as a pair of parentheses, which `&(a)` has and `&a` has not.
        flat(outcome.tokens.clone()).to_string().replace(['(', ')', ' '], "")
    };
    for case in uses() {
        let before = plain(&case.check());
        let options = mutate::with_a_value_grouped(&case.options);
        let options = options.into_iter().map(|options| Case { options, ..case.clone() });
        let items = mutate::with_a_type_grouped(&case.item);
        let items = items.into_iter().map(|item| Case { item, ..case.clone() });
        for grouped in options.chain(items) {
            let outcome = grouped.check();
            let (attribute, options, item) =
                (case.attribute, visible(grouped.options), visible(grouped.item));
            assert!(
                outcome.messages.is_empty(),
                "{attribute:?}({options}) on {item}: {:?}",
                outcome.messages
            );
            assert_eq!(plain(&outcome), before, "{attribute:?}({options}) on {item}");
        }
    }
}

#[test]
fn what_is_unknown_is_named() {
    for case in uses() {
        for word in ["foo", "ttll", "größe", "r#type", "_", "fn"] {
            let (word_tokens, options) = (tokens(word), case.options.clone());
            let comma = (!options.is_empty() && !ends_in_comma(&options)).then(|| quote!(,));
            let options = quote!(#options #comma #word_tokens = 1);
            let outcome = Case { options, ..case.clone() }.check();
            let is_named = |message: &String| message.contains(&format!("`{word}`"));
            assert!(outcome.messages.iter().any(is_named), "{word}: {:?}", outcome.messages);
        }
    }
}

/// However deep it is, also where the compiler has used half of its stack already: spans that know
/// where they are (`span-locations`) take more of it than those of the compiler.
#[test]
fn depth_ends_before_the_stack_does() {
    let shapes = [
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("f(", ")"),
        ("m!(", ")"),
        ("S { a: ", "}"),
        ("!", ""),
        ("|x| ", ""),
        ("return ", ""),
        ("a + ", ""),
        ("a = ", ""),
        ("a.b().", ""),
        ("if a { b } else ", "{ c }"),
        ("match a { _ => ", "}"),
        ("x as ", ""),
        ("x as &", ""),
        ("x as A<", ">"),
        ("<", " as A>::B"),
    ];
    let attributes = [
        (Attribute::RedisCached, "ttl = ", ""),
        (Attribute::RedisCached, "bypass = ", ""),
        (Attribute::Invalidates, "f(", ")"),
        (Attribute::Invalidates, "f(x) for x in ", ""),
        (Attribute::Updates, "f() = ", ""),
    ];
    for (attribute, head, tail) in attributes {
        for (open, close) in shapes {
            for depth in [10, 20, 40, 60, 80, 100, 120, 140, 160, 180, 197, 10_000] {
                let text = [head, &open.repeat(depth), "x", &close.repeat(depth), tail].concat();
                let work = move || {
                    let options = text.parse().expect("tokens");
                    let item = tokens("async fn f() -> u8 { 1 }");
                    let outcome = Case { attribute, options, item }.expand();
                    assert!(depth < 200 || outcome.messages[0].contains("too much"), "{open}");
                };
                let name = format!("{attribute:?}({head}{open}…), {depth} deep");
                in_thread(name, STACK / 4 * 3, work).unwrap_or_else(|name| panic!("{name}"));
            }
        }
    }
}

fn ends_in_comma(tokens: &TokenStream) -> bool {
    let last = tokens.clone().into_iter().last();
    matches!(last, Some(TokenTree::Punct(punct)) if punct.as_char() == ',')
}
