//! The tables of options hold what they promise.

use proc_macro2::TokenStream;

use crate::diagnostics::Errors;
use crate::parse::options::Options as _;
use crate::parse::spec::Evaluated;
use crate::parse::{invalidates, redis_cached, updates};

fn tokens(text: &str) -> TokenStream {
    text.parse().expect("tokens")
}

/// What errors say to write. Some offer two ways.
fn examples(example: &str) -> impl Iterator<Item = TokenStream> {
    example.split("` or `").map(tokens)
}

#[test]
fn examples_can_be_written() {
    for spec in redis_cached::Options::SPECS {
        for example in examples(spec.example) {
            let mut errors = Errors::new();
            let options = redis_cached::parse(example, &mut errors);
            assert!(errors.finish().is_ok(), "{}", spec.example);
            let given: Vec<_> = options.given().into_iter().map(|(spec, _)| spec.name).collect();
            assert_eq!(given, [spec.name], "{}", spec.example);
        }
    }
    for spec in invalidates::Options::SPECS {
        let mut errors = Errors::new();
        let options = invalidates::parse(tokens(spec.example), &mut errors);
        assert!(errors.finish().is_ok(), "{}", spec.example);
        assert_eq!(options.given().len(), 1, "{}", spec.example);
    }
    for spec in updates::Options::SPECS {
        let mut errors = Errors::new();
        let options = updates::parse(tokens(spec.example), &mut errors);
        assert!(errors.finish().is_ok(), "{}", spec.example);
        assert_eq!(options.given().len(), 1, "{}", spec.example);
    }
}

#[test]
fn names_of_other_crates_lead_to_the_option() {
    for spec in redis_cached::Options::SPECS {
        for alias in spec.aliases {
            let mut errors = Errors::new();
            redis_cached::parse(tokens(&format!("{alias} = 1")), &mut errors);
            let error = errors.finish().expect_err(alias).to_string();
            let hint = format!("unknown option `{alias}`: did you mean `{}`?", spec.name);
            assert!(error.starts_with(&hint), "{error}");
        }
    }
}

/// A helper has the parameters that an option needs if helpers evaluate it, and only then.
#[test]
fn helpers_have_the_parameters_that_they_evaluate() {
    for spec in redis_cached::Options::SPECS {
        let is_expression = ![
            "prefix",
            "name",
            "skip",
            "key",
            "version",
            "sliding",
            "tags",
            "crate",
            "codec",
            "compress",
            "encrypt",
            "each",
            "of",
            "max_batch",
            "in_transaction",
        ]
        .contains(&spec.name);
        let is_of_value = ["ttl_with", "cache_if", "absent", "key_of"].contains(&spec.name);
        if !is_expression || is_of_value {
            continue;
        }
        let others = match spec.name {
            "ttl" => "",
            "soft_timeout" => "ttl = 600, stale_if_error = 60,",
            _ => "ttl = 600,",
        };
        let options = tokens(&format!("{others} key(id), {} = used", spec.name));
        let function = tokens("async fn get(id: u64, used: Used) -> Result<u64, Error> { Ok(id) }");
        let expansion = crate::attributes::redis_cached(options, function);
        let file: syn::File = syn::parse2(expansion).expect("Rust");
        let entry = file.items.iter().find_map(|item| match item {
            syn::Item::Fn(helper) if helper.sig.ident == "get_entry" => Some(helper),
            _ => None,
        });
        let parameters = entry.expect("a helper").sig.inputs.len();
        let is_needed = spec.evaluated == Evaluated::ByHelpersToo;
        assert_eq!(parameters, 1 + usize::from(is_needed), "{}", spec.name);
    }
}
