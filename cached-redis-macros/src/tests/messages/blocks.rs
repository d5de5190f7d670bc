//! `#[redis_cached]` on an `impl` block.

use super::check;

#[test]
fn options_of_blocks() {
    check(&[
        (
            "#[redis_cached(ttl = 600, skip(self, db), crate = cached_redis)]
            impl Repo {
                #[redis_cached]
                async fn find(&self, db: &Db, id: u64) -> u64 { id }
                #[redis_cached(key(self.tenant, id), ttl = 5)]
                async fn of_tenant(&self, db: &Db, id: u64) -> u64 { id }
                #[redis_cached(skip(db))]
                async fn count(db: &Db) -> u64 { 1 }
            }",
            &[],
        ),
        (
            "#[redis_cached(ttl = 600, «key»(self.id), «name» = \"find\")]
            impl Repo {
                #[redis_cached]
                async fn find(&self, id: u64) -> u64 { id }
            }",
            &[
                "`key` is about one function: write it at a method (what all methods of a block may share \
                 are options such as `ttl`, `skip` and `cache`)",
                "`name` is about one function: write it at a method (what all methods of a block may share \
                 are options such as `ttl`, `skip` and `cache`)",
            ],
        ),
        (
            "#[redis_cached(ttl = «0», skip(self, «dbb»), «tll» = 5)]
            impl Repo {
                #[redis_cached]
                async fn find(&self, db: &Db) -> u64 { 1 }
                #[redis_cached]
                async fn other(&self, db: &Db) -> u64 { 1 }
            }",
            &[
                "with a `ttl` of zero nothing would be kept: write how long a value lives, as in \
                 `ttl = 600` (seconds) or `ttl = \"10m\"`",
                "no cached method of this block has a parameter `dbb`",
                "unknown option `tll`: did you mean `ttl`? The options are {OPTIONS}",
            ],
        ),
        (
            "#[redis_cached(ttl = 600)]
            impl Repo {
                #[redis_cached]
                async fn find(&«self», id: u64) -> u64 { id }
            }",
            &[
                "is `self` part of the key? Write `skip(self)` if all instances share their entries, or \
                name what tells them apart, as in `key(self.tenant, id)`",
            ],
        ),
    ]);
}

#[test]
fn types_with_cached_methods() {
    check(&[
        (
            "#[redis_cached]
            impl<T> Find for «T» {
                #[redis_cached(ttl = 600, skip(self))]
                async fn find(&self, id: u64) -> u64 { id }
            }",
            &["the helpers of cached methods need an `impl` of their own beside this one, which \
                all types together cannot have: implement the trait for a type of yours that \
                wraps the generic one"],
        ),
        (
            "#[redis_cached]
            impl Find for «&»Repo {
                #[redis_cached(ttl = 600, skip(self))]
                async fn find(&self, id: u64) -> u64 { id }
            }",
            &["the helpers of cached methods need an `impl` of their own beside this one, which \
                only a named type can have: implement the trait for a type of yours that wraps \
                this one"],
        ),
    ]);
}

#[test]
fn methods() {
    check(&[
        (
            "«#[redis_cached]»
            impl Find for Repo {
                async fn find(&self, id: u64) -> u64 { id }
            }",
            &["no method of this block is cached: write `#[redis_cached(ttl = 600, skip(self))]` \
                on those that are to be"],
        ),
        (
            "#[redis_cached]
            impl Repo {
                #[redis_cached(ttl = 600, skip(self))]
                «fn» other(&self, id: u64) -> u64 { id }
            }",
            &["`#[redis_cached]` needs an `async fn`: write `async fn other`"],
        ),
        (
            "#[redis_cached]
            impl Repo {
                «#»[redis_cached = 600]
                async fn find(&self) -> u64 { 1 }
            }",
            &["options go into parentheses: write `#[redis_cached(ttl = 600)]`"],
        ),
        (
            "#[redis_cached]
            impl Repo {
                #[redis_cached(ttl = 600, skip(self), «tll» = 5)]
                async fn find(&self, id: u64) -> u64 { id }
                async fn uses(&self) -> u64 { self.find(7).await }
            }",
            &["unknown option `tll`: did you mean `ttl`? The options are {OPTIONS}"],
        ),
    ]);
}

#[test]
fn methods_that_another_macro_has_rewritten() {
    check(&[
        (
            "#[redis_cached(ttl = 600, skip(self))]
            «fn» find<'life0, 'async_trait>(
                &'life0 self,
                id: u64,
            ) -> Pin<Box<dyn Future<Output = u64> + Send + 'async_trait>> { Box::pin(self.load(id)) }",
            &["`#[redis_cached]` needs an `async fn`; where `#[async_trait]` has rewritten it, \
                put `#[redis_cached]` on the `impl` block, above `#[async_trait]`"],
        ),
        (
            "#[invalidates(get(id))]
            «fn» save<'life0, 'async_trait>(
                &'life0 self,
                id: u64,
            ) -> Pin<Box<dyn Future<Output = u64> + Send + 'async_trait>> { Box::pin(self.load(id)) }",
            &["`#[invalidates]` needs an `async fn`; where `#[async_trait]` has rewritten it, \
                put `#[redis_cached]` on the `impl` block, above `#[async_trait]`"],
        ),
    ]);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    check(&[(
        "#[redis_cached]
        impl Repo {
            #[redis_cached(ttl = «0», skip(self))]
            async fn one(&self, id: u64) -> u64 { id }
            #[redis_cached(ttl = 600)]
            async fn two(&«self», id: u64) -> u64 { id }
            #[redis_cached(ttl = 600, skip(self, «idd»))]
            async fn three(&self, id: u64) -> u64 { id }
        }",
        &[
            "with a `ttl` of zero nothing would be kept: write how long a value lives, as in \
             `ttl = 600` (seconds) or `ttl = \"10m\"`",
            "is `self` part of the key? Write `skip(self)` if all instances share their \
             entries, or name what tells them apart, as in `key(self.tenant, id)`",
            "`three` has no parameter `idd`: did you mean `id`? Its parameters are `self` and \
             `id`",
        ],
    )]);
}
