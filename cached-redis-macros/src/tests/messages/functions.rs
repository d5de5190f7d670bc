//! Which functions can be cached.

use super::check;

#[test]
fn items() {
    check(&[
        (
            "#[redis_cached(ttl = 600)] «struct» Product;",
            &["expected an `async fn` or an `impl` block"],
        ),
        (
            "#[redis_cached(ttl = 600, skip(self))] async fn «find»(&self, id: u64) -> u64;",
            &["a declaration has no body to cache: put `#[redis_cached]` on the `impl` blocks of \
                the trait, and `#[redis_cached(ttl = …)]` on their methods"],
        ),
        (
            r#"#[redis_cached(ttl = 600)]
            /// Between them.
            #[«redis_cached»(ttl = 60, prefix = "products")]
            async fn get(id: u64) -> u64 { id }"#,
            &["this function has a `#[redis_cached]` already: keep one, with the options of both"],
        ),
        (
            "#[redis_cached]
            impl Repo {
                #[redis_cached(ttl = 600, skip(self))]
                #[«redis_cached»(ttl = 60, skip(self))]
                async fn list(&self) -> u64 { 7 }
            }",
            &["this function has a `#[redis_cached]` already: keep one, with the options of both"],
        ),
    ]);
}

#[test]
fn signatures() {
    check(&[
        (
            "#[redis_cached(ttl = 600)] «fn» get(id: u64) -> u64 { id }",
            &["`#[redis_cached]` needs an `async fn`: write `async fn get`"],
        ),
        (
            "#[redis_cached(ttl = 600)]
            «fn» get(id: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> { Box::pin(load(id)) }",
            &["`#[redis_cached]` needs an `async fn`; where `#[async_trait]` has rewritten it, \
                put `#[redis_cached]` on the `impl` block, above `#[async_trait]`"],
        ),
        (
            "#[redis_cached(ttl = 600)] async «unsafe» fn get(id: u64) -> u64 { id }",
            &["an `unsafe fn` cannot be cached, because its helpers would be unsafe to call too: \
                cache a safe function that calls it"],
        ),
        (
            r#"#[redis_cached(ttl = 600)] async «extern» "C" fn get(id: u64) -> u64 { id }"#,
            &["an `extern` function cannot be cached: remove `extern`"],
        ),
        (
            "#[redis_cached(ttl = 60)]
            async fn get(«#»[cfg(unix)] tenant: u64, id: u64) -> u64 { id }",
            &["a parameter of a cached function is there or not: write two functions with \
                `#[cfg(…)]` on each"],
        ),
    ]);
}

#[test]
fn return_types() {
    check(&[
        (
            "#[redis_cached(ttl = 600)] async fn «get»(id: u64) { drop(id); }",
            &["`get` returns nothing to cache: give it a return type"],
        ),
        (
            "#[redis_cached(ttl = 600)] async fn get(id: u64) -> «()» { drop(id); }",
            &["`get` returns nothing to cache: give it a return type"],
        ),
        (
            "#[redis_cached(ttl = 600)]
            async fn get(id: u64) -> «impl» std::fmt::Display { id }",
            &["what is cached is stored and rebuilt, so its type needs a name: return it instead \
                of `impl Trait`"],
        ),
        (
            "#[redis_cached(ttl = 600)] async fn get(name: &str) -> «&»str { name }",
            &["a cached function returns owned values, because a hit has nothing to borrow from: \
                return `String` instead of `&str`, `Vec<T>` instead of `&[T]`, `T` instead of \
                `&T`"],
        ),
        (
            "#[redis_cached(ttl = 600)]
            async fn get<'a>(names: &'a [String]) -> Result<&«'a» String, ()> { names.first().ok_or(()) }",
            &["a cached function returns owned values, because a hit has nothing to borrow from: \
                return `String` instead of `&str`, `Vec<T>` instead of `&[T]`, `T` instead of \
                `&T`"],
        ),
        (
            r#"#[redis_cached(ttl = 600)] async fn get(id: u64) -> «&»'static str { "a" }"#,
            &["a cached function returns owned values, because a hit has nothing to borrow from: \
                return `String` instead of `&str`, `Vec<T>` instead of `&[T]`, `T` instead of \
                `&T`"],
        ),
        (
            "#[redis_cached(ttl = 600)]
            async fn get(id: u64) -> Result<Option<«&»'static str>, String> { Ok(None) }",
            &["a cached function returns owned values, because a hit has nothing to borrow from: \
                return `String` instead of `&str`, `Vec<T>` instead of `&[T]`, `T` instead of \
                `&T`"],
        ),
        (
            "#[redis_cached(ttl = 600)]
            async fn get(name: &str) -> std::borrow::Cow<«'_», str> { name.into() }",
            &["a cached function returns owned values, because a hit has nothing to borrow from: \
                return `String` instead of `&str`, `Vec<T>` instead of `&[T]`, `T` instead of \
                `&T`"],
        ),
        (
            "#[redis_cached(ttl = 60)]
            async fn get<'a>(name: &'a str) -> Result<String, Failure<«'a»>> { Err(Failure(name)) }",
            &["the error of a cached function is owned, because its helpers name the return type \
                without having the arguments: give its fields owned types, as `String` instead of \
                `&str`"],
        ),
    ]);
}

#[test]
fn bodies_that_run_in_the_background() {
    check(&[
        (
            r#"#[redis_cached(ttl = 600, stale_if_error = "1h", soft_timeout = "1s")]
            async fn get(name: «Cow<'_, str>») -> usize { name.len() }"#,
            &["with `soft_timeout` the body may run in the background after the call has \
               returned, when what this borrows from is gone: take an owned type \
               (`Option<String>` instead of `Option<&str>`) or an `Arc`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, stale = "5m", skip(count))]
            async fn get(count: «&mut u64», id: u64) -> u64 { *count += 1; id }"#,
            &["with `stale` the body may run in the background after the call has returned, when \
               the caller uses this again: take it by value, or as an `Arc` of something with a \
               lock"],
        ),
        (
            r#"#[redis_cached(ttl = 600, stale = "5m", skip(self))]
            async fn get(«&mut self», id: u64) -> u64 { self.loads += 1; id }"#,
            &["with `stale` the body may run in the background after the call has returned, when \
               the caller uses `self` again: take `&self` (and `Self: Clone`) or \
               `self: Arc<Self>`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, stale = "5m", skip(self))]
            async fn pinned(«self: std::pin::Pin<&mut Self>», id: u64) -> u64 { self.loads + id }"#,
            &["with `stale` the body may run in the background after the call has returned, when \
               the caller uses `self` again: take `&self` (and `Self: Clone`) or \
               `self: Arc<Self>`"],
        ),
        (
            "#[redis_cached(ttl = 600, early = 1.0)]
            async fn get(names: «&[&str]») -> usize { names.len() }",
            &["with `early` the body may run in the background after the call has returned, when \
               what this borrows from is gone: take an owned type (`Option<String>` instead of \
               `Option<&str>`) or an `Arc`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, stale = "5m")]
            async fn get(name: «Option<&str>») -> usize { name.map_or(0, str::len) }"#,
            &["with `stale` the body may run in the background after the call has returned, when \
               what this borrows from is gone: take an owned type (`Option<String>` instead of \
               `Option<&str>`) or an `Arc`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, stale = "5m", skip(count))]
            async fn get(count: «&mut u64», name: «Option<&str>», id: u64) -> u64 {
                *count += 1; id + name.map_or(0, str::len) as u64 }"#,
            &[
                "with `stale` the body may run in the background after the call has returned, \
                 when the caller uses this again: take it by value, or as an `Arc` of something \
                 with a lock",
                "with `stale` the body may run in the background after the call has returned, \
                 when what this borrows from is gone: take an owned type (`Option<String>` \
                 instead of `Option<&str>`) or an `Arc`",
            ],
        ),
    ]);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    check(&[
        (
            "#[redis_cached(«tll» = 600, skip(«db»))] «unsafe» «fn» get(id: u64) {}",
            &[
                "unknown option `tll`: did you mean `ttl`? The options are {OPTIONS}",
                "`get` has no parameter `db`; its parameter is `id`",
                "an `unsafe fn` cannot be cached, because its helpers would be unsafe to call \
                 too: cache a safe function that calls it",
                "`#[redis_cached]` needs an `async fn`: write `async fn get`",
            ],
        ),
        (
            "#[redis_cached(ttl = «0»)] async fn get(id: u64) -> u64 { id }",
            &["with a `ttl` of zero nothing would be kept: write how long a value lives, as in \
                `ttl = 600` (seconds) or `ttl = \"10m\"`"],
        ),
    ]);
}

/// One mistake, one error.
#[test]
fn functions_that_return_a_future() {
    check(&[
        (
            "#[redis_cached(ttl = 600)] «fn» get(id: u64) -> impl Future<Output = u64> { ready(id) }",
            &[
                "`#[redis_cached]` needs an `async fn`: write `async fn get(…) -> T` instead of `-> impl Future<Output = T>`",
            ],
        ),
        (
            "#[redis_cached(ttl = 600)] «fn» get(id: u64) { }",
            &["`#[redis_cached]` needs an `async fn`: write `async fn get`"],
        ),
        (
            "#[invalidates(get(id))] «fn» put(id: u64) -> impl Future<Output = u64> + Send { ready(id) }",
            &[
                "`#[invalidates]` needs an `async fn`: write `async fn put(…) -> T` instead of `-> impl Future<Output = T>`",
            ],
        ),
        (
            "#[redis_cached(ttl = 600)] «trait» Get { async fn get(id: u64) -> u64; }",
            &["expected an `async fn` or an `impl` block"],
        ),
    ]);
}
