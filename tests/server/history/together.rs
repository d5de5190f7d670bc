//! Readers that read many entries at once: those of the functions of one key, by batches.

use std::collections::HashMap;
use std::time::Duration;

use cached_redis::redis_cached;
use cached_redis_test_support::history::Loaded;
use tokio::task::JoinSet;

use super::{
    ACCOUNT_TTL, ACCOUNTS, FEED_GRACE, FEED_TTL, FEEDS, Failure, ITEM_TTL, ITEMS, Node, PAGE_STALE,
    PAGE_TTL, PAGES, UNSEEN, Value, shelf,
};

type Values = HashMap<usize, Value>;

/// So many accounts are read at once.
const ACCOUNTS_AT_ONCE: usize = 4;

impl Node {
    #[redis_cached(each(keys), of = self.item, skip(self))]
    async fn items(&self, shelf: usize, keys: &[usize]) -> Values {
        self.load_all(keys).await
    }

    #[redis_cached(each(keys), of = self.page, stale = self.page_stale, skip(self))]
    async fn pages(&self, keys: &[usize]) -> Values {
        self.load_all(keys).await
    }

    #[redis_cached(each(keys), of = self.feed, skip(self))]
    async fn feeds(&self, keys: &[usize]) -> Result<Values, Failure> {
        let values = self.load_all(keys).await;
        if fastrand::u32(..3) == 0 { Err(Failure) } else { Ok(values) }
    }

    #[redis_cached(each(keys), of = self.account, max_batch = 3, skip(self))]
    async fn accounts(&self, keys: &[usize]) -> Values {
        self.load_all(keys).await
    }

    /// All of them at the same time, as one query does.
    async fn load_all(&self, keys: &[usize]) -> Values {
        let mut loads = JoinSet::new();
        for key in keys.iter().copied() {
            let node = self.clone();
            loads.spawn(async move { (key, node.load(key).await) });
        }
        loads.join_all().await.into_iter().collect()
    }

    /// Reads this key and some of its neighbours.
    pub(super) async fn read_together(&self, key: usize) {
        let keys: Vec<usize> = if ITEMS.contains(&key) {
            ITEMS.filter(|other| shelf(*other) == shelf(key)).collect()
        } else if PAGES.contains(&key) {
            PAGES.collect()
        } else if FEEDS.contains(&key) {
            FEEDS.collect()
        } else {
            let count = ACCOUNTS.len();
            (0..ACCOUNTS_AT_ONCE).map(|next| ACCOUNTS.start + (key + next) % count).collect()
        };
        let mut began = Vec::new();
        for key in &keys {
            began.push(self.world.begin_within(*key, self.bound).await);
        }
        let (values, bound) = self.values(&keys).await;
        for (key, began) in keys.into_iter().zip(began) {
            let Some(Value { version, at, .. }) = values.get(&key) else { continue };
            let loaded = Loaded { version: *version, at: *at };
            self.world.end(key, began, loaded, bound + UNSEEN).await;
        }
    }

    /// What the function of these keys has for them, and how old that may be.
    async fn values(&self, keys: &[usize]) -> (Values, Duration) {
        let first = keys[0];
        if ITEMS.contains(&first) {
            (self.items(shelf(first), keys).await, ITEM_TTL)
        } else if PAGES.contains(&first) {
            (self.pages(keys).await, PAGE_TTL + PAGE_STALE)
        } else if FEEDS.contains(&first) {
            (self.feeds(keys).await.unwrap_or_default(), FEED_TTL + FEED_GRACE)
        } else {
            (self.accounts(keys).await, ACCOUNT_TTL)
        }
    }
}
