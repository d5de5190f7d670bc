//! Every shape of function that can be cached, run: a second call with the same arguments does not
//! run the body, other arguments, functions, instances and types do.

#![warn(missing_docs, unreachable_pub, clippy::pedantic)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unused_async)]
// Odd shapes on purpose.
#![allow(
    clippy::elidable_lifetime_names,
    clippy::needless_lifetimes,
    clippy::new_ret_no_self,
    clippy::too_many_arguments
)]

mod support {
    //! Counting loads under a cache of the test's own.

    use std::cell::Cell;
    use std::future::Future;

    thread_local! {
        // Of the test, whose runtime has no other thread: also of loads in the background.
        static LOADS: Cell<usize> = const { Cell::new(0) };
    }

    /// Runs a test under a cache of its own.
    pub(crate) fn run<F: Future>(test: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(cached(test))
    }

    async fn cached<F: Future>(test: F) -> F::Output {
        cached_redis::Cache::memory().scope(test).await
    }

    /// What a body says when it runs.
    pub(crate) fn loaded() {
        LOADS.with(|loads| loads.set(loads.get() + 1));
    }

    /// How often a body ran since the last question.
    pub(crate) fn loads() -> usize {
        LOADS.with(Cell::take)
    }

    /// What a call returned, and whether its body ran.
    pub(crate) async fn ask<F: Future>(call: F) -> (F::Output, bool) {
        let before = loads();
        assert_eq!(before, 0, "loads that nobody asked about");
        let returned = call.await;
        (returned, loads() != 0)
    }

    /// Asserts that the first of two equal calls runs the body and the second does not.
    #[macro_export]
    macro_rules! assert_cached {
        ($call:expr, $returned:expr) => {{
            let (first, ran) = $crate::support::ask($call).await;
            assert_eq!(first, $returned);
            assert!(ran, "the first call did not run the body: {}", stringify!($call));
            let (second, ran) = $crate::support::ask($call).await;
            assert_eq!(second, $returned);
            assert!(!ran, "the second call ran the body: {}", stringify!($call));
        }};
    }

    /// Compiles only for futures that can be spawned.
    pub(crate) fn is_send<F: Future + Send>(future: F) -> F {
        future
    }
}

#[path = "shapes/arguments.rs"]
mod arguments;
#[path = "shapes/background.rs"]
mod background;
#[path = "shapes/batches.rs"]
mod batches;
#[path = "shapes/blocks.rs"]
mod blocks;
#[path = "shapes/faithful.rs"]
mod faithful;
#[path = "shapes/generics.rs"]
mod generics;
#[path = "shapes/invalidating.rs"]
mod invalidating;
#[path = "shapes/keys.rs"]
mod keys;
#[path = "shapes/limits.rs"]
mod limits;
#[path = "shapes/local.rs"]
mod local;
#[path = "shapes/methods.rs"]
mod methods;
#[path = "shapes/names.rs"]
mod names;
#[path = "shapes/odd.rs"]
mod odd;
#[path = "shapes/options.rs"]
mod options;
#[path = "shapes/returns.rs"]
mod returns;
#[path = "shapes/scopes.rs"]
mod scopes;
#[path = "shapes/signatures.rs"]
mod signatures;
#[path = "shapes/sizes.rs"]
mod sizes;
#[path = "shapes/tags.rs"]
mod tags;
#[path = "shapes/targets.rs"]
mod targets;
#[path = "shapes/transactions.rs"]
mod transactions;
#[path = "shapes/typed_tags.rs"]
mod typed_tags;
#[path = "shapes/updating.rs"]
mod updating;
