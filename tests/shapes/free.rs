use cached_redis::{invalidates, redis_cached};

use crate::support::{is_send, loaded, loads, run};

#[derive(Clone)]
pub(crate) struct Pool;

#[derive(Debug)]
pub(crate) struct Failure;

#[redis_cached(ttl = 600, prefix = "products", skip(_db))]
async fn get_product(_db: &Pool, id: u64) -> Result<Option<String>, Failure> {
    loaded();
    if id == 0 {
        return Ok(None);
    }
    Ok(Some(id.to_string()))
}

#[invalidates(get_product(id))]
async fn update(id: u64) -> Result<(), Failure> {
    Ok(())
}

#[invalidates(get_product(ret.len() as u64), get_product(..), get_product(x) for x in ret)]
async fn update_all(ids: Vec<u64>) -> Result<Vec<u64>, Failure> {
    Ok(ids)
}

struct Repo;

impl Repo {
    #[redis_cached(ttl = 600, skip(self))]
    async fn get(&self, id: u64) -> Result<Option<String>, Failure> {
        Ok(Some(id.to_string()))
    }

    #[invalidates(self.get(id), self.get(..))]
    async fn put(&mut self, id: u64) -> Result<(), Failure> {
        Ok(())
    }
}

#[test]
fn a_free_function() {
    run(async {
        let pool = Pool;
        assert_eq!(is_send(get_product(&pool, 7)).await.unwrap().as_deref(), Some("7"));
        assert_eq!(loads(), 1);
        assert_eq!(is_send(get_product(&pool, 7)).await.unwrap().as_deref(), Some("7"));
        assert_eq!(loads(), 0);
        get_product_invalidate(7).await.unwrap();
        get_product_invalidate_all().await.unwrap();
        get_product_entry(7).invalidate().await.unwrap();
        is_send(update(7)).await.unwrap();
        is_send(update_all(vec![])).await.unwrap();
        is_send(Repo.get(7)).await.unwrap();
        is_send(Repo.put(7)).await.unwrap();
    });
}
