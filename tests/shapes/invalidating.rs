//! `#[invalidates(..)]`.

use std::sync::Arc;

use cached_redis::{Error, invalidates, redis_cached};
use serde::{Deserialize, Serialize};

use crate::support::{ask, is_send, loaded, run};

#[derive(Debug)]
enum Failure {
    Own,
    Cache(#[allow(dead_code)] Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Cache(error)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Product {
    id: u64,
    name: String,
}

/// Neither `Clone` nor anything else.
struct Pool;

fn product(id: u64) -> Product {
    Product { id, name: format!("product {id}") }
}

mod queries {
    use super::{loaded, redis_cached};

    #[redis_cached(ttl = 600)]
    pub(super) async fn by_id(id: u64) -> u64 {
        loaded();
        id
    }

    #[redis_cached(ttl = 600)]
    pub(super) async fn by_name(name: &str) -> usize {
        loaded();
        name.len()
    }
}
use queries::{by_id, by_id_invalidate, by_id_invalidate_all};

#[invalidates(by_id(product.id), queries::by_name(&product.name))]
async fn consumes(_pool: &Pool, product: Product) -> Result<String, Failure> {
    let Product { name, .. } = product;
    Ok(name)
}

#[invalidates(by_id(id))]
async fn fails(id: u64, how: bool) -> Result<(), Failure> {
    let _ = id;
    if how {
        return Err(Failure::Own);
    }
    Err(Failure::Own)?;
    Ok(())
}

#[invalidates(by_id(id), always)]
async fn always(id: u64) -> Result<(), Failure> {
    let _ = id;
    Err(Failure::Own)
}

#[invalidates(by_id(id), by_id(ret.id + 1), strict)]
async fn strict(id: u64) -> Result<Product, Failure> {
    Ok(product(id))
}

#[invalidates(by_id(ret.id), queries::by_name(&ret.name))]
async fn by_result(_pool: &Pool, id: u64) -> Result<Product, Failure> {
    Ok(product(id))
}

#[invalidates(by_id(ret))]
async fn by_plain_result(id: u64) -> u64 {
    id
}

#[invalidates(queries::by_name(&format!("{name}{}", ret.id)), by_id(product.id) )]
async fn both(name: String, product: Product) -> Result<Product, Failure> {
    drop(name);
    Ok(product)
}

#[invalidates(by_id(id) for id in ids, queries::by_name(&p.name) for p in &products)]
async fn many(ids: Vec<u64>, products: Vec<Product>) -> Result<(), Failure> {
    drop(ids);
    drop(products);
    Ok(())
}

#[invalidates(by_id(id + offset) for id in ret.iter().copied())]
async fn many_results(offset: u64, ids: Vec<u64>) -> Result<Vec<u64>, Failure> {
    Ok(ids)
}

#[invalidates(by_id(..), queries::by_name(..))]
async fn all() {}

#[invalidates(by_id(a), by_id(b))]
#[allow(clippy::unused_async)]
async fn patterns((a, b): (u64, u64), mut c: u64) -> u64 {
    c += a + b;
    c
}

#[redis_cached(ttl = 600)]
#[invalidates(by_id(id))]
async fn cached_too(id: u64) -> Result<u64, Failure> {
    loaded();
    Ok(id)
}

#[invalidates(by_id(id))]
#[redis_cached(ttl = 600)]
async fn invalidating_too(id: u64) -> Result<u64, Failure> {
    loaded();
    Ok(id)
}

struct Repo {
    writes: u64,
    tenant: Product,
}

impl Repo {
    #[redis_cached(ttl = 600, key(self.tenant.id, id))]
    async fn get(&self, id: u64) -> u64 {
        loaded();
        id
    }

    #[redis_cached(ttl = 600)]
    async fn shared(id: u64) -> u64 {
        loaded();
        id
    }

    #[invalidates(self.get(id), Self::shared(id))]
    async fn by_reference(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(self.get(id), Repo::shared(..), self.get(*ret), self.get(ret + self.writes - 1))]
    async fn by_mutable_reference(&mut self, id: u64) -> Result<u64, Failure> {
        self.writes += 1;
        Ok(id)
    }

    #[invalidates(self.get(ret))]
    async fn counted(self: Arc<Self>, id: u64) -> Result<u64, Failure> {
        Ok(id)
    }

    #[invalidates(self.get(id))]
    async fn by_value(self, id: u64) -> Product {
        let _ = id;
        self.tenant
    }
}

trait Save {
    async fn save(&mut self, id: u64) -> Result<(), Failure>;
}

impl Save for Repo {
    #[invalidates(self.get(id))]
    async fn save(&mut self, id: u64) -> Result<(), Failure> {
        self.writes += id;
        Ok(())
    }
}

struct Both {
    first: u64,
    second: u64,
}

#[invalidates(by_id(id) for id in [Both { first: id, second: 2 }].map(|both| both.first + both.second), by_id(*id) for id in &Both { first: id, second: 4 })]
async fn named(id: u64) {
    let _ = id;
}

impl<'a> IntoIterator for &'a Both {
    type Item = &'a u64;
    type IntoIter = std::array::IntoIter<&'a u64, 2>;

    fn into_iter(self) -> Self::IntoIter {
        [&self.first, &self.second].into_iter()
    }
}

/// Asserts that a write makes a call load again.
macro_rules! assert_invalidates {
    ($write:expr, $call:expr) => {{
        ask($call).await;
        assert!(!ask($call).await.1, "not cached: {}", stringify!($call));
        let _ = $write.await;
        assert!(ask($call).await.1, "not invalidated: {}", stringify!($call));
    }};
}

#[test]
fn arguments_that_the_body_consumes() {
    run(async {
        assert_invalidates!(consumes(&Pool, product(7)), by_id(7));
        assert_invalidates!(consumes(&Pool, product(7)), queries::by_name("product 7"));
        assert_invalidates!(patterns((7, 8), 9), by_id(8));
        drop(is_send(consumes(&Pool, product(7))));
    });
}

#[test]
fn after_success_only_by_default() {
    run(async {
        ask(by_id(7)).await;
        fails(7, true).await.unwrap_err();
        fails(7, false).await.unwrap_err();
        assert!(!ask(by_id(7)).await.1);
        assert_invalidates!(always(7), by_id(7));
    });
}

#[test]
fn targets_that_use_the_result() {
    run(async {
        assert_invalidates!(by_result(&Pool, 7), by_id(7));
        assert_invalidates!(by_result(&Pool, 7), queries::by_name("product 7"));
        assert_invalidates!(by_plain_result(7), by_id(7));
        assert_invalidates!(strict(7), by_id(8));
        assert_invalidates!(both("a".to_owned(), product(7)), queries::by_name("a7"));
        assert_invalidates!(both("a".to_owned(), product(7)), by_id(7));
        drop(is_send(by_result(&Pool, 7)));
        drop(is_send(both("a".to_owned(), product(7))));
    });
}

#[test]
fn many_and_all() {
    run(async {
        assert_invalidates!(many(vec![1, 2], vec![product(3)]), by_id(2));
        assert_invalidates!(many(vec![], vec![product(3)]), queries::by_name("product 3"));
        assert_invalidates!(many_results(5, vec![1, 2]), by_id(7));
        for id in [3, 1, 4] {
            assert_invalidates!(named(1), by_id(id));
        }
        assert_invalidates!(all(), by_id(7));
        assert_invalidates!(all(), queries::by_name("a"));
    });
}

/// Of two attributes the lower one is expanded last, around the other.
#[test]
fn functions_that_are_cached_too() {
    run(async {
        for is_hit in [false, true] {
            ask(by_id(8)).await;
            assert_eq!(ask(cached_too(8)).await.1, !is_hit);
            assert!(ask(by_id(8)).await.1, "by each call");
            assert_eq!(ask(invalidating_too(8)).await.1, !is_hit);
            assert_eq!(ask(by_id(8)).await.1, !is_hit, "by each load");
        }
    });
}

#[test]
fn methods() {
    run(async {
        let repo = || Repo { writes: 0, tenant: product(1) };
        let shared = Arc::new(repo());
        assert_invalidates!(repo().by_reference(7), repo().get(7));
        assert_invalidates!(repo().by_reference(7), Repo::shared(7));
        assert_invalidates!(repo().by_mutable_reference(7), repo().get(7));
        assert_invalidates!(repo().by_mutable_reference(7), Repo::shared(9));
        assert_invalidates!(Arc::clone(&shared).counted(7), shared.get(7));
        assert_invalidates!(repo().by_value(7), repo().get(7));
        assert_invalidates!(repo().save(7), repo().get(7));
        drop(is_send(repo().save(7)));
        drop(is_send(shared.counted(7)));
    });
}

mod generic {
    //! A writer that is generic need not be `'static` for its targets.

    use cached_redis::{invalidates, redis_cached};
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use crate::support::{ask, loaded, run};

    #[redis_cached(ttl = 600)]
    async fn parsed<T: Serialize + DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
        loaded();
        serde_json::from_str(text)
    }

    #[invalidates(parsed::<T>(text))]
    async fn write<T: Serialize + DeserializeOwned>(text: &str, of: T) -> Result<T, Vec<T>> {
        let _ = text;
        Ok(of)
    }

    #[test]
    fn a_generic_write_names_its_types() {
        run(async {
            for _ in 0..2 {
                assert_eq!(ask(parsed::<u8>("7")).await.0.unwrap(), 7);
                assert_eq!(ask(parsed::<u16>("7")).await.0.unwrap(), 7);
            }
            write("7", 8_u8).await.unwrap();
            assert!(ask(parsed::<u8>("7")).await.1);
            assert!(!ask(parsed::<u16>("7")).await.1);
        });
    }
}

mod stacked {
    //! Several attributes on one function.

    use cached_redis::{invalidates, redis_cached, updates};

    use super::{Failure, by_id, by_id_invalidate};
    use crate::support::{ask, run};

    #[invalidates(by_id(id))]
    #[invalidates(super::queries::by_name(&name), always)]
    async fn twice(id: u64, name: String) -> Result<(), Failure> {
        drop(name);
        if id == 0 { Err(Failure::Own) } else { Ok(()) }
    }

    struct Repo;

    #[redis_cached]
    impl Repo {
        #[invalidates(by_id(id))]
        #[invalidates(super::queries::by_name(&name))]
        #[updates(super::queries::by_name("kept") = 3)]
        async fn thrice(&self, id: u64, name: String) -> Result<(), Failure> {
            drop(name);
            Ok(())
        }
    }

    #[test]
    fn a_write_has_as_many_attributes_as_you_like() {
        run(async {
            let by_name = super::queries::by_name;
            for (id, name) in [(1, "a"), (0, "a")] {
                ask(async { (by_id(id).await, by_name(name).await) }).await;
                let _ = twice(id, name.to_owned()).await;
                assert_eq!(ask(by_id(id)).await.1, id != 0);
                assert!(ask(by_name(name)).await.1);
            }
            Repo.thrice(1, "a".to_owned()).await.unwrap();
            assert!(ask(by_id(1)).await.1);
            assert!(ask(by_name("a")).await.1);
            assert_eq!(ask(by_name("kept")).await, (3, false));
        });
    }
}
