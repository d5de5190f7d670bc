//! A hash set is only refused as a part of the key.

use std::collections::HashSet;

use cached_redis::redis_cached;
use serde::Serialize;

#[redis_cached(ttl = 600, key(ids.len()))]
async fn by_an_expression(ids: &HashSet<u64>) -> usize {
    ids.len()
}

#[redis_cached(ttl = 600, skip(ids))]
async fn skipped(ids: HashSet<u64>, page: u64) -> u64 {
    page + ids.len() as u64
}

#[redis_cached(ttl = 600)]
async fn skipped_by_attribute(#[cache(skip)] ids: Option<HashSet<u64>>, page: u64) -> u64 {
    page + ids.map_or(0, |ids| ids.len() as u64)
}

#[redis_cached(ttl = 600, key = "page:{page}")]
async fn not_in_the_template(ids: HashSet<u64>, page: u64) -> u64 {
    page + ids.len() as u64
}

#[redis_cached(ttl = 600, bypass = known.is_empty(), key(page))]
async fn only_for_bypass(known: HashSet<u64>, page: u64) -> u64 {
    page + known.len() as u64
}

struct Sorted<T>(T);

impl Serialize for Sorted<HashSet<u64>> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sorted: std::collections::BTreeSet<_> = self.0.iter().collect();
        sorted.serialize(serializer)
    }
}

#[redis_cached(ttl = 600)]
async fn of_a_type_that_sorts(ids: Sorted<HashSet<u64>>) -> usize {
    ids.0.len()
}

fn main() {
    let sorted = Sorted(HashSet::new());
    let _ =
        (by_an_expression_entry(&HashSet::new()), skipped_entry(1), skipped_by_attribute_entry(1));
    let _ = (
        not_in_the_template_entry(1),
        only_for_bypass_entry(1),
        of_a_type_that_sorts_entry(sorted),
    );
}
