//! Functions of many ids: what they take, what they return, and whose entries these are.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use cached_redis::{Cache, invalidates, redis_cached};
use serde::{Deserialize, Serialize};

use crate::support::{ask, is_send, loaded, loads, run};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Product {
    id: u64,
    brand: String,
}

fn product_of(id: u64) -> Product {
    Product { id, brand: format!("b{}", id % 2) }
}

fn products_of(ids: &[u64]) -> HashMap<u64, Product> {
    ids.iter().filter(|id| **id < 100).map(|id| (*id, product_of(*id))).collect()
}

#[derive(Clone)]
struct Pool;

/// The second call is answered from the cache; one with an id more loads only that.
macro_rules! assert_batch {
    ($function:ident($($argument:expr),*), $returned:expr) => {{
        let (first, ran) = ask(is_send($function($($argument),*))).await;
        assert_eq!(first, $returned);
        assert!(ran);
        let (second, ran) = ask($function($($argument),*)).await;
        assert_eq!(second, $returned);
        assert!(!ran, "the second call ran the body");
    }};
}

#[redis_cached(ttl = 600, each(ids), skip(_db))]
async fn by_slice(_db: &Pool, ids: &[u64]) -> Result<HashMap<u64, Product>, &'static str> {
    loaded();
    Ok(products_of(ids))
}

#[redis_cached(ttl = 600, each(ids))]
async fn by_vec(mut ids: Vec<u64>) -> BTreeMap<u64, Product> {
    loaded();
    ids.sort_unstable();
    products_of(&ids).into_iter().collect()
}

#[redis_cached(ttl = 600, each(ids))]
async fn by_set(ids: HashSet<u64>) -> HashMap<u64, Product> {
    loaded();
    products_of(&ids.into_iter().collect::<Vec<_>>())
}

#[redis_cached(ttl = 600, each(ids))]
async fn by_set_reference(ids: &BTreeSet<u64>) -> HashMap<u64, Product> {
    loaded();
    products_of(&ids.iter().copied().collect::<Vec<_>>())
}

#[redis_cached(ttl = 600, each(ids))]
async fn by_iterator(ids: impl IntoIterator<Item = u64> + Send) -> HashMap<u64, Product> {
    loaded();
    products_of(&ids.into_iter().collect::<Vec<_>>())
}

#[redis_cached(ttl = 600, each(ids))]
async fn by_generic_iterator<I>(ids: I) -> HashMap<u64, Product>
where
    I: IntoIterator<Item = u64> + Send,
{
    loaded();
    products_of(&ids.into_iter().collect::<Vec<_>>())
}

#[redis_cached(ttl = 600, each(names))]
async fn by_text(names: &[&str]) -> HashMap<String, usize> {
    loaded();
    names.iter().map(|name| ((*name).to_owned(), name.len())).collect()
}

#[test]
fn ids_are_taken_as_they_come() {
    run(async {
        let all = products_of(&[1, 2]);
        assert_batch!(by_slice(&Pool, &[1, 2, 200]), Ok(all.clone()));
        assert_batch!(by_vec(vec![2, 1, 2]), all.clone().into_iter().collect::<BTreeMap<_, _>>());
        assert_batch!(by_set([1, 2].into()), all.clone());
        assert_batch!(by_set_reference(&[1, 2].into()), all.clone());
        assert_batch!(by_iterator([1, 2].into_iter()), all.clone());
        assert_batch!(by_generic_iterator(vec![1, 2]), all.clone());
        let texts = HashMap::from([("a".to_owned(), 1), ("bc".to_owned(), 2)]);
        assert_batch!(by_text(&["a", "bc"]), texts);
    });
}

#[redis_cached(ttl = 600, each(ids))]
async fn by_position(ids: &[u64]) -> Result<Vec<Option<Product>>, &'static str> {
    loaded();
    let mut all = products_of(ids);
    Ok(ids.iter().map(|id| all.remove(id)).collect())
}

#[redis_cached(ttl = 600, each(ids), key_of = |product| product.id)]
async fn as_list(ids: &[u64]) -> Result<Vec<Product>, &'static str> {
    loaded();
    Ok(products_of(ids).into_values().collect())
}

type Answer<T> = Result<HashMap<u64, T>, String>;

#[redis_cached(ttl = 600, each(ids))]
async fn by_alias(ids: &[u64]) -> Answer<Product> {
    loaded();
    Ok(products_of(ids))
}

#[test]
fn values_come_back_as_the_function_returns_them() {
    run(async {
        let one = || Some(product_of(1));
        assert_batch!(by_position(&[1, 200, 1]), Ok(vec![one(), None, one()]));
        assert_batch!(as_list(&[2, 200, 1]), Ok(vec![product_of(2), product_of(1)]));
        assert_batch!(by_alias(&[1]), Ok(products_of(&[1])));
    });
}

/// Its other arguments are part of the keys.
#[redis_cached(ttl = 600, each(ids), skip(db))]
async fn priced(db: &Pool, currency: String, ids: &[u64]) -> HashMap<u64, String> {
    loaded();
    let Pool = db;
    drop(currency.clone());
    ids.iter().map(|id| (*id, format!("{id} {currency}"))).collect()
}

#[redis_cached(ttl = 600, each(ids), key(ids % 10))]
async fn by_digit(ids: &[u64]) -> HashMap<u64, u64> {
    loaded();
    ids.iter().map(|id| (*id, id % 10)).collect()
}

#[redis_cached(ttl = 600, each(ids), key = "digit:{ids}")]
async fn readable(ids: &[u64]) -> HashMap<u64, u64> {
    loaded();
    ids.iter().map(|id| (*id, id % 10)).collect()
}

#[redis_cached(ttl = 600, each(ids), bypass = fresh)]
async fn with_bypass(ids: &[u64], fresh: bool) -> HashMap<u64, u64> {
    loaded();
    ids.iter().map(|id| (*id, u64::from(fresh))).collect()
}

#[test]
fn other_arguments_are_part_of_the_keys() {
    run(async {
        let euros = || "EUR".to_owned();
        assert_batch!(priced(&Pool, euros(), &[1]), HashMap::from([(1, "1 EUR".to_owned())]));
        assert!(ask(priced(&Pool, "CHF".to_owned(), &[1])).await.1);
        priced_invalidate("CHF".to_owned(), &[1]).await.unwrap();
        assert!(!ask(priced(&Pool, euros(), &[1])).await.1);
        priced_invalidate(euros(), &[1]).await.unwrap();
        assert!(ask(priced(&Pool, euros(), &[1])).await.1);
        assert_batch!(by_digit(&[17]), HashMap::from([(17, 7)]));
        assert_batch!(readable(&[17]), HashMap::from([(17, 7)]));
        assert!(ask(with_bypass(&[1], true)).await.1);
        assert_eq!(with_bypass(&[1], false).await[&1], 0);
        loads();
    });
}

#[test]
fn ids_are_invalidated_together_or_all() {
    run(async {
        let ids = [1, 2, 3];
        ask(by_slice(&Pool, &ids)).await.0.unwrap();
        by_slice_invalidate(&ids[..2]).await.unwrap();
        by_slice_invalidate(&[]).await.unwrap();
        let entries = Cache::current().memory_store().unwrap().len();
        assert_eq!(entries, 1);
        ask(by_slice(&Pool, &ids)).await.0.unwrap();
        by_slice_invalidate_all().await.unwrap();
        assert!(ask(by_slice(&Pool, &ids)).await.1);
        sold(&ids).await.unwrap();
        assert!(ask(by_slice(&Pool, &ids)).await.1);
    });
}

#[invalidates(by_slice(ids))]
async fn sold(ids: &[u64]) -> Result<(), String> {
    let _ = ids;
    Ok(())
}

#[redis_cached(ttl = 600, each(ids), tags = ["product:{ids}", "brand:{ret.brand}"])]
async fn tagged(ids: &[u64]) -> HashMap<u64, Product> {
    loaded();
    products_of(ids)
}

#[test]
fn each_entry_has_tags_of_its_own() {
    run(async {
        let ids = [1, 2, 3];
        ask(tagged(&ids)).await;
        let cache = Cache::current();
        for (tag, is_outdated) in [("product:2", true), ("product:7", false), ("brand:b1", true)] {
            cache.invalidate_tag(tag).await.unwrap();
            assert_eq!(ask(tagged(&ids)).await.1, is_outdated, "{tag}");
        }
    });
}

#[redis_cached(ttl = 600, each(ids), cache_if = |product| product.id != 1, negative_ttl = 0)]
async fn wanted(ids: &[u64]) -> HashMap<u64, Product> {
    loaded();
    products_of(ids)
}

#[test]
fn options_hold_for_each_entry() {
    run(async {
        ask(wanted(&[1, 2, 200])).await;
        assert!(!ask(wanted(&[2])).await.1);
        assert!(ask(wanted(&[1, 2])).await.1);
        assert!(ask(wanted(&[200])).await.1);
    });
}

#[redis_cached(ttl = 600, skip(_db), tags = ["brand:{ret.brand}"])]
async fn product(_db: &Pool, id: u64) -> Result<Option<Product>, &'static str> {
    loaded();
    Ok(products_of(&[id]).remove(&id))
}

#[redis_cached(each(ids), of = product, skip(db))]
async fn products(db: &Pool, ids: &[u64]) -> Result<HashMap<u64, Product>, String> {
    loaded();
    let Pool = db;
    Ok(products_of(ids))
}

#[redis_cached(ttl = "10m", stale = "1m", each(ids), of = self::product, max_batch = 2, skip(db))]
async fn products_in_the_background(db: &Pool, ids: &[u64]) -> HashMap<u64, Product> {
    loaded();
    let Pool = db;
    assert!(ids.len() <= 2);
    products_of(ids)
}

#[redis_cached(ttl = 600)]
async fn length(name: &str, times: u64) -> usize {
    loaded();
    name.len() * usize::try_from(times).unwrap()
}

#[redis_cached(each(names), of = length)]
async fn lengths(names: Vec<String>, times: u64) -> HashMap<String, usize> {
    loaded();
    let times = usize::try_from(times).unwrap();
    names.into_iter().map(|name| (name.clone(), name.len() * times)).collect()
}

#[test]
fn entries_are_those_of_the_single_function() {
    run(async {
        assert_eq!(ask(products(&Pool, &[1, 2, 200])).await, (Ok(products_of(&[1, 2])), true));
        assert_eq!(ask(product(&Pool, 1)).await, (Ok(Some(product_of(1))), false));
        assert_eq!(ask(product(&Pool, 200)).await, (Ok(None), false));
        assert!(ask(product(&Pool, 3)).await.1);
        assert_eq!(ask(products(&Pool, &[1, 3])).await, (Ok(products_of(&[1, 3])), false));
        product_invalidate(1).await.unwrap();
        assert!(ask(products(&Pool, &[1])).await.1);
        products_invalidate(&[1, 2]).await.unwrap();
        assert!(ask(product(&Pool, 1)).await.1);
        Cache::current().invalidate_tag("brand:b1").await.unwrap();
        assert!(ask(products(&Pool, &[1, 3])).await.1);
        assert!(ask(products_in_the_background(&Pool, &[5, 6, 7, 8, 9])).await.1);
        assert!(!ask(product(&Pool, 9)).await.1);
        ask(lengths(vec!["ab".to_owned()], 3)).await;
        assert_eq!(ask(length("ab", 3)).await, (6, false));
        assert!(ask(length("ab", 4)).await.1);
    });
}

struct Shop {
    tenant: u64,
    pool: Pool,
}

impl Shop {
    #[redis_cached(ttl = 600, key(self.tenant, id))]
    async fn item(&self, id: u64) -> Option<u64> {
        loaded();
        Some(id + self.tenant)
    }

    #[redis_cached(each(ids), of = self.item, skip(self))]
    async fn items(&self, ids: &[u64]) -> HashMap<u64, u64> {
        loaded();
        let Pool = &self.pool;
        ids.iter().map(|id| (*id, id + self.tenant)).collect()
    }

    #[redis_cached(ttl = 600, each(ids), key(self.tenant, ids))]
    async fn stock(&self, ids: &[u64]) -> HashMap<u64, u64> {
        loaded();
        ids.iter().map(|id| (*id, id * self.tenant)).collect()
    }
}

#[test]
fn methods_have_batches_too() {
    run(async {
        let [one, two] = [1, 2].map(|tenant| Shop { tenant, pool: Pool });
        assert_eq!(ask(one.items(&[7])).await, (HashMap::from([(7, 8)]), true));
        assert_eq!(ask(one.item(7)).await, (Some(8), false));
        assert_eq!(ask(two.items(&[7])).await, (HashMap::from([(7, 9)]), true));
        ask(one.stock(&[7])).await;
        assert!(ask(two.stock(&[7])).await.1);
        two.stock_invalidate(&[7]).await.unwrap();
        assert!(!ask(one.stock(&[7])).await.1);
    });
}

mod with_copies {
    use super::{HashMap, ask, loaded, run};
    use cached_redis::redis_cached;

    #[redis_cached(ttl = 600, local = "1s", each(names))]
    async fn lengths(names: &[&str]) -> HashMap<String, usize> {
        loaded();
        names.iter().map(|name| ((*name).to_owned(), name.len())).collect()
    }

    #[redis_cached(ttl = 600, local = "1s", key = "id-{id}", cache_if = |value| *value > 0)]
    async fn double(id: u64) -> Result<u64, String> {
        loaded();
        Ok(2 * id)
    }

    #[redis_cached(each(ids), of = double)]
    async fn doubles(ids: impl IntoIterator<Item = u64> + Send) -> Vec<Option<u64>> {
        loaded();
        ids.into_iter().map(|id| Some(2 * id)).collect()
    }

    #[redis_cached(ttl = 600, local(bound = "1s", max_bytes = "1M"), stale = 60, each(ids), tags = ["all", "of:{ret}"])]
    async fn triples<const N: usize>(ids: Vec<u64>) -> Result<HashMap<u64, u64>, String> {
        loaded();
        Ok(ids.into_iter().map(|id| (id, 3 * id)).collect())
    }

    #[test]
    fn batches_have_copies_in_all_shapes() {
        run(async {
            ask(lengths(&["a", "bc"])).await;
            assert!(!ask(lengths(&["bc", "a"])).await.1);
            assert_eq!(ask(double(7)).await, (Ok(14), true));
            assert_eq!(ask(doubles([7])).await, (vec![Some(14)], false));
            assert_eq!(double_entry(7).get().await.unwrap(), Some(Ok(14)));
            ask(triples::<1>(vec![1])).await.0.unwrap();
            assert!(!ask(triples::<1>(vec![1])).await.1 && ask(triples::<2>(vec![1])).await.1);
        });
    }
}
