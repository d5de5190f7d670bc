//! Names that could get in the way.

#![allow(dead_code)]

use cached_redis::redis_cached;

use crate::assert_cached;
use crate::support::{ask, loaded, run};

#[redis_cached(ttl = 600)]
async fn arguments(
    key: u64,
    cache: &str,
    result: u8,
    function: u8,
    policy: u8,
    r#type: u8,
    call: u8,
    scope: u8,
) -> String {
    loaded();
    format!("{key}{cache}{result}{function}{policy}{}{call}{scope}", r#type)
}

#[redis_cached(ttl = 600, key(r#type.len(), r#loop))]
async fn r#async(r#type: &str, r#loop: u8) -> usize {
    loaded();
    r#type.len() + usize::from(r#loop)
}

#[redis_cached(ttl = 600, key = "raw:{r#type}")]
async fn r#await(r#type: u64) -> u64 {
    loaded();
    r#type
}

mod one {
    use super::loaded;

    #[cached_redis::redis_cached(ttl = 600)]
    pub(super) async fn twin(id: u64) -> u64 {
        loaded();
        id
    }
}

mod two {
    use super::loaded;

    #[cached_redis::redis_cached(ttl = 600)]
    pub(super) async fn twin(id: u64) -> u64 {
        loaded();
        id + 1
    }
}

async fn nested(id: u64) -> u64 {
    #[redis_cached(ttl = 600)]
    async fn twin(id: u64) -> u64 {
        loaded();
        id + 2
    }
    twin(id).await
}

#[redis_cached(ttl = 600)]
async fn outer(id: u64) -> u64 {
    #[redis_cached(ttl = 600)]
    async fn twin(id: u64) -> u64 {
        loaded();
        id + 3
    }
    twin(id).await
}

/// Everything that generated code could trip over is shadowed.
mod shadowed {
    #![allow(unused_macros, unused_imports, non_camel_case_types, clippy::upper_case_acronyms)]

    use super::loaded;

    pub(super) type Result<T> = ::core::result::Result<T, super::Failure>;

    pub(super) enum Option {
        Some,
        None,
    }

    pub(super) enum Other {
        Ok,
        Err,
    }
    pub(super) use Option::*;
    pub(super) use Other::*;

    mod std {}
    mod core {}
    mod cached_redis {}
    mod alloc {}
    trait Clone {}
    trait From {}
    struct Duration;
    struct Policy;
    struct ReturnType;
    struct Call;
    struct u64;
    struct str;
    struct bool;

    macro_rules! matches {
        () => {};
    }
    macro_rules! env {
        () => {};
    }

    #[::cached_redis::redis_cached(ttl = "10m", negative_ttl = 5, jitter = 0, lock = false, absent = super::Failure)]
    pub(super) async fn get(id: ::core::primitive::u64) -> Result<::std::string::String> {
        loaded();
        ::core::result::Result::Ok(::std::string::ToString::to_string(&id))
    }

    #[::cached_redis::invalidates(get(id), get(ret), strict)]
    pub(super) async fn put(
        id: ::core::primitive::u64,
    ) -> ::core::result::Result<::core::primitive::u64, ::cached_redis::Error> {
        ::core::result::Result::Ok(id)
    }
}

#[derive(Debug, PartialEq)]
struct Failure;

/// Written by another macro.
macro_rules! generated {
    ($name:ident, $argument:ident, $ttl:literal, $returned:ty) => {
        #[redis_cached(ttl = $ttl, key($argument))]
        async fn $name($argument: u64, other: u64) -> $returned {
            loaded();
            let id = other;
            let _ = id;
            $argument
        }
    };
}

generated!(by_macro, id, 600, u64);
generated!(by_macro_too, other_id, "10m", u64);

mod facade {
    pub(super) use cached_redis as elsewhere;
}

#[redis_cached(ttl = 600, crate = facade::elsewhere)]
async fn other_facade(id: u64) -> u64 {
    loaded();
    id
}

#[test]
fn arguments_may_be_called_anything() {
    run(async {
        assert_cached!(arguments(1, "2", 3, 4, 5, 6, 7, 8), "12345678");
        arguments_invalidate(1, "2", 3, 4, 5, 6, 7, 8).await.unwrap();
        assert_cached!(arguments(1, "2", 3, 4, 5, 6, 7, 8), "12345678");
        assert_cached!(r#async("ab", 1), 3);
        assert!(!ask(r#async("cd", 1)).await.1);
        async_invalidate("ef", 1).await.unwrap();
        assert_cached!(r#async("ab", 1), 3);
        assert_cached!(r#await(7), 7);
        assert!(await_entry(7).key().unwrap().contains("raw:7"));
        await_invalidate(7).await.unwrap();
        assert_cached!(r#await(7), 7);
    });
}

#[test]
fn functions_of_one_name_do_not_share() {
    run(async {
        assert_cached!(one::twin(7), 7);
        assert_cached!(two::twin(7), 8);
        assert_cached!(nested(7), 9);
        assert_cached!(outer(7), 10);
        one::twin_invalidate(7).await.unwrap();
        assert!(!ask(two::twin(7)).await.1);
        assert_cached!(one::twin(7), 7);
    });
}

#[test]
fn shadowed_names_are_not_in_the_way() {
    run(async {
        assert_cached!(shadowed::get(7), Ok("7".to_owned()));
        shadowed::put(7).await.unwrap();
        assert_cached!(shadowed::get(7), Ok("7".to_owned()));
    });
}

#[test]
fn macros_can_write_cached_functions() {
    run(async {
        assert_cached!(by_macro(7, 1), 7);
        assert!(!ask(by_macro(7, 2)).await.1);
        by_macro_invalidate(7).await.unwrap();
        assert_cached!(by_macro(7, 1), 7);
        assert_cached!(by_macro_too(7, 1), 7);
        assert_cached!(other_facade(7), 7);
        other_facade_invalidate(7).await.unwrap();
    });
}
