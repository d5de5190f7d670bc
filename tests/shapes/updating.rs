//! `#[updates(..)]`.

use std::sync::Arc;

use cached_redis::{invalidates, redis_cached, updates};
use serde::{Deserialize, Serialize};

use crate::support::{ask, is_send, loaded, run};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Product {
    id: u64,
    name: String,
}

fn product(id: u64, name: &str) -> Product {
    Product { id, name: name.to_owned() }
}

mod queries {
    use super::{Product, loaded, product, redis_cached};

    #[redis_cached(ttl = 600)]
    pub(super) async fn by_id(id: u64) -> Result<Option<Product>, String> {
        loaded();
        Ok(Some(product(id, "loaded")))
    }

    #[redis_cached(ttl = 600)]
    pub(super) async fn name_of(id: u64) -> String {
        loaded();
        id.to_string()
    }

    #[redis_cached(ttl = 600)]
    pub(super) async fn id_of(name: &str) -> Option<u64> {
        loaded();
        Some(name.len() as u64)
    }
}
use queries::{by_id, by_id_entry};

/// Neither `Clone` nor anything else.
struct Pool;

#[updates(by_id(product.id) = product)]
async fn consumes(_db: &Pool, product: Product) -> Result<(), String> {
    if product.name.is_empty() {
        return Err("no name".to_owned());
    }
    drop(product);
    Ok(())
}

#[updates(by_id(product.id) = product.clone())]
async fn borrows(product: &Product) -> Result<(), String> {
    let _ = product;
    Ok(())
}

#[updates(by_id(id) = ret, queries::name_of(id) = ret.name.clone(), queries::id_of(&name) = id)]
async fn by_result(id: u64, name: String) -> Result<Product, String> {
    Ok(Product { id, name })
}

#[updates(queries::name_of(id) = format!("{name}{}", ret))]
async fn computed(id: u64, name: String) -> usize {
    let _ = id;
    name.len()
}

#[updates(by_id(product.id) = product)]
#[invalidates(queries::name_of(product.id), queries::id_of(&product.name))]
async fn both(product: Product) -> Result<(), String> {
    drop(product);
    Ok(())
}

#[invalidates(queries::name_of(id), guard = "10s")]
#[updates(by_id(id) = product(id, &name))]
async fn both_the_other_way(id: u64, name: String) -> Result<(), String> {
    let _ = (id, name);
    Ok(())
}

#[updates(by_id(a) = product(b, "pattern"))]
async fn patterns((a, b): (u64, u64)) {}

#[derive(Clone)]
struct Repo {
    writes: u64,
}

impl Repo {
    #[redis_cached(ttl = 600, skip(self))]
    async fn get(&self, id: u64) -> u64 {
        loaded();
        id
    }

    #[redis_cached(ttl = 600)]
    async fn shared(id: u64) -> u64 {
        loaded();
        id
    }

    #[updates(self.get(id) = self.writes, Self::shared(id) = *ret)]
    async fn by_mutable_reference(&mut self, id: u64) -> Result<u64, String> {
        self.writes += 1;
        Ok(id + self.writes)
    }

    #[updates(self.get(id) = self.writes)]
    async fn counted(self: Arc<Self>, id: u64) -> Result<u64, String> {
        Ok(id)
    }

    #[updates(self.get(id) = self.writes)]
    async fn by_value(self, id: u64) -> u64 {
        let _ = id;
        self.writes
    }
}

#[async_trait::async_trait]
trait Save {
    async fn save(&self, product: Product) -> Result<(), String>;
}

#[redis_cached]
#[async_trait::async_trait]
impl Save for Repo {
    #[updates(by_id(product.id) = product)]
    #[invalidates(self.get(product.id))]
    async fn save(&self, product: Product) -> Result<(), String> {
        drop(product);
        Ok(())
    }
}

/// What a call returns without running its body.
macro_rules! stored {
    ($call:expr) => {{
        let (returned, ran) = ask($call).await;
        assert!(!ran, "not stored: {}", stringify!($call));
        returned
    }};
}

#[test]
fn the_new_value_is_there() {
    run(async {
        consumes(&Pool, product(7, "a")).await.unwrap();
        assert_eq!(stored!(by_id(7)), Ok(Some(product(7, "a"))));
        borrows(&product(7, "b")).await.unwrap();
        assert_eq!(stored!(by_id(7)), Ok(Some(product(7, "b"))));
        by_result(7, "abc".to_owned()).await.unwrap();
        assert_eq!(stored!(by_id(7)), Ok(Some(product(7, "abc"))));
        assert_eq!(stored!(queries::name_of(7)), "abc");
        assert_eq!(stored!(queries::id_of("abc")), Some(7));
        computed(7, "ab".to_owned()).await;
        assert_eq!(stored!(queries::name_of(7)), "ab2");
        patterns((8, 9)).await;
        assert_eq!(stored!(by_id(8)), Ok(Some(product(9, "pattern"))));
        drop(is_send(consumes(&Pool, product(7, "a"))));
        drop(is_send(by_result(7, String::new())));
    });
}

#[test]
fn a_failed_write_changes_nothing() {
    run(async {
        ask(by_id(7)).await.0.unwrap();
        consumes(&Pool, product(7, "")).await.unwrap_err();
        assert_eq!(stored!(by_id(7)), Ok(Some(product(7, "loaded"))));
    });
}

#[test]
fn beside_invalidates() {
    run(async {
        ask(queries::name_of(7)).await;
        both(product(7, "a")).await.unwrap();
        assert_eq!(stored!(by_id(7)), Ok(Some(product(7, "a"))));
        assert!(ask(queries::name_of(7)).await.1);
        both_the_other_way(7, "b".to_owned()).await.unwrap();
        assert_eq!(stored!(by_id(7)), Ok(Some(product(7, "b"))));
        assert!(ask(queries::name_of(7)).await.1);
        drop(is_send(both(product(7, "a"))));
    });
}

#[test]
fn methods() {
    run(async {
        let mut repo = Repo { writes: 0 };
        repo.by_mutable_reference(7).await.unwrap();
        assert_eq!(stored!(repo.get(7)), 1);
        assert_eq!(stored!(Repo::shared(7)), 8);
        Arc::new(repo.clone()).counted(8).await.unwrap();
        assert_eq!(stored!(repo.get(8)), 1);
        repo.clone().by_value(9).await;
        assert_eq!(stored!(repo.get(9)), 1);
        repo.save(product(7, "saved")).await.unwrap();
        assert_eq!(stored!(by_id(7)), Ok(Some(product(7, "saved"))));
        assert!(ask(repo.get(7)).await.1);
        drop(is_send(repo.by_mutable_reference(7)));
        drop(is_send(repo.save(product(7, "a"))));
    });
}
