//! The attribute on whole `impl` blocks.

use std::sync::Arc;

use cached_redis::{invalidates, redis_cached};
use serde::Serialize;

use crate::assert_cached;
use crate::support::{ask, is_send, loaded, run};

#[derive(Debug, PartialEq)]
struct Failure;

struct Products {
    tenant: String,
}

#[redis_cached]
impl Products {
    const TTL: u64 = 600;

    #[redis_cached(ttl = Self::TTL, key(self.tenant, id))]
    async fn get(&self, id: u64) -> Result<Option<String>, Failure> {
        loaded();
        Ok(Some(id.to_string()))
    }

    /// Without a receiver.
    #[cached_redis::redis_cached(ttl = 600)]
    async fn count(of: &str) -> usize {
        loaded();
        of.len()
    }

    fn plain(&self) -> &str {
        &self.tenant
    }

    #[invalidates(self.get(id), Self::count(&of))]
    async fn put(&mut self, id: u64, of: String) -> Result<(), Failure> {
        drop(of);
        let _ = id;
        Ok(())
    }
}

trait Find {
    type Id;
    type Found;
    const LIFE: u64;

    async fn find(&self, id: Self::Id) -> Result<Option<Self::Found>, Failure>;
    async fn all() -> Vec<u8>;
}

#[redis_cached]
impl Find for Products {
    type Id = u64;
    type Found = String;
    const LIFE: u64 = 60;

    #[redis_cached(ttl = Self::LIFE, key(self.plain(), id))]
    async fn find(&self, id: Self::Id) -> Result<Option<Self::Found>, Failure> {
        loaded();
        Ok(Some(id.to_string()))
    }

    #[redis_cached(ttl = 60)]
    async fn all() -> Vec<u8> {
        loaded();
        vec![1]
    }
}

struct Other;

#[redis_cached]
impl Find for Other {
    type Id = u64;
    type Found = String;
    const LIFE: u64 = 60;

    #[redis_cached(ttl = 60, skip(self))]
    async fn find(&self, id: u64) -> Result<Option<String>, Failure> {
        loaded();
        Ok(Some(format!("other {id}")))
    }

    #[redis_cached(ttl = 60)]
    async fn all() -> Vec<u8> {
        loaded();
        vec![2]
    }
}

#[async_trait::async_trait]
trait Store: Send + Sync {
    async fn load(&self, id: &str) -> Result<Option<String>, Failure>;
    async fn shared(self: Arc<Self>, id: u64) -> u64;
    async fn save(&self, id: u64) -> Result<u64, Failure>;
}

struct Files;

#[redis_cached(crate = cached_redis)]
#[async_trait::async_trait]
impl Store for Files {
    /// Documented.
    #[redis_cached(ttl = 600, skip(self))]
    async fn load(&self, id: &str) -> Result<Option<String>, Failure> {
        loaded();
        let text: Option<String> = Some(id.to_owned());
        Ok(text)
    }

    #[redis_cached(ttl = 600, skip(self))]
    async fn shared(self: Arc<Self>, id: u64) -> u64 {
        loaded();
        id
    }

    #[invalidates(self.load(&id.to_string()))]
    async fn save(&self, id: u64) -> Result<u64, Failure> {
        Ok(id)
    }
}

/// With parameters that the type does not have.
trait Convert<K, V> {
    async fn convert(&self, key: K) -> Option<V>;
}

struct Table<T>(T);

#[redis_cached]
impl<T, K, V> Convert<K, V> for Table<T>
where
    T: Serialize + Clone + Into<V>,
    K: Serialize,
    V: Serialize + serde::de::DeserializeOwned,
{
    #[redis_cached(ttl = 600, key(self.0, key))]
    async fn convert(&self, key: K) -> Option<V> {
        loaded();
        drop(key);
        Some(self.0.clone().into())
    }
}

struct Borrowed<'a>(&'a str);

#[redis_cached]
impl Find for Borrowed<'_> {
    type Id = u64;
    type Found = u64;
    const LIFE: u64 = 60;

    #[redis_cached(ttl = 60, key(self.0, id))]
    async fn find(&self, id: u64) -> Result<Option<u64>, Failure> {
        loaded();
        Ok(Some(id))
    }

    async fn all() -> Vec<u8> {
        vec![]
    }
}

fn products(tenant: &str) -> Products {
    Products { tenant: tenant.to_owned() }
}

#[test]
fn inherent_blocks() {
    run(async {
        let (mut a, b) = (products("a"), products("b"));
        assert_cached!(a.get(7), Ok(Some("7".to_owned())));
        assert_cached!(b.get(7), Ok(Some("7".to_owned())));
        assert_cached!(Products::count("abc"), 3);
        a.put(7, "abc".to_owned()).await.unwrap();
        assert!(!ask(b.get(7)).await.1);
        assert_cached!(a.get(7), Ok(Some("7".to_owned())));
        assert_cached!(Products::count("abc"), 3);
        Products::count_invalidate("abc").await.unwrap();
        Products::count_invalidate_all().await.unwrap();
        drop(is_send(a.get(7)));
    });
}

#[test]
fn trait_blocks() {
    run(async {
        let a = products("a");
        assert_cached!(a.find(7), Ok(Some("7".to_owned())));
        assert_cached!(Other.find(7), Ok(Some("other 7".to_owned())));
        a.find_invalidate(7).await.unwrap();
        assert!(!ask(Other.find(7)).await.1);
        assert_cached!(a.find(7), Ok(Some("7".to_owned())));
        assert_cached!(<Products as Find>::all(), [1]);
        assert_cached!(<Other as Find>::all(), [2]);
        Products::all_entry().invalidate().await.unwrap();
        assert_cached!(<Products as Find>::all(), [1]);
        assert_cached!(Borrowed("a").find(7), Ok(Some(7)));
        assert_cached!(Borrowed("b").find(7), Ok(Some(7)));
        Borrowed("b").find_invalidate(7).await.unwrap();
    });
}

#[test]
fn above_async_trait() {
    run(async {
        let store: &dyn Store = &Files;
        assert_cached!(store.load("7"), Ok(Some("7".to_owned())));
        Files.save(7).await.unwrap();
        assert_cached!(store.load("7"), Ok(Some("7".to_owned())));
        Files.load_invalidate("7").await.unwrap();
        assert_cached!(store.load("7"), Ok(Some("7".to_owned())));
        assert_cached!(Arc::new(Files).shared(7), 7);
        Files.shared_invalidate(7).await.unwrap();
        assert_cached!(Arc::new(Files).shared(7), 7);
        drop(is_send(store.load("7")));
    });
}

#[test]
fn parameters_of_the_block_that_the_type_does_not_have() {
    run(async {
        let table = Table(7_u8);
        assert_cached!(Convert::<u8, u16>::convert(&table, 1), Some(7));
        assert_cached!(Convert::<u8, u32>::convert(&table, 1), Some(7));
        assert_cached!(Convert::<u16, u32>::convert(&table, 1), Some(7));
        table.convert_invalidate::<u8, u16>(1).await.unwrap();
        assert!(!ask(Convert::<u8, u32>::convert(&table, 1)).await.1);
        assert_cached!(Convert::<u8, u16>::convert(&table, 1), Some(7));
    });
}

/// The block says what its methods share, and a method what is different for it.
struct Shared {
    cache: cached_redis::Cache,
    tenant: u64,
}

#[redis_cached(ttl = 600, skip(self), cache = self.cache, tags = ["all"])]
impl Shared {
    #[redis_cached]
    async fn plain(&self, id: u64) -> u64 {
        loaded();
        id
    }

    #[redis_cached(skip(db), tags = ["page:{page}"], ttl = "1m")]
    async fn page(&self, db: &str, page: u64) -> usize {
        loaded();
        db.len() + usize::try_from(page).unwrap()
    }

    /// What makes its key says more than what makes that of others.
    #[redis_cached(key(self.tenant, id))]
    async fn of_tenant(&self, id: u64) -> u64 {
        loaded();
        self.tenant + id
    }

    #[invalidates(self.plain(id))]
    async fn put(&self, id: u64) {}
}

#[redis_cached(ttl = 60, skip(self, db))]
#[async_trait::async_trait]
impl Names for Shared {
    #[redis_cached]
    async fn name(&self, id: u64) -> String {
        loaded();
        id.to_string()
    }

    #[redis_cached]
    async fn named(&self, db: &str, id: u64) -> String {
        loaded();
        format!("{db}{id}")
    }
}

#[async_trait::async_trait]
trait Names {
    async fn name(&self, id: u64) -> String;
    async fn named(&self, db: &str, id: u64) -> String;
}

#[test]
fn a_block_says_what_its_methods_share() {
    run(async {
        let cache = cached_redis::Cache::memory();
        let shared = |tenant| Shared { cache: cache.clone(), tenant };
        assert_cached!(shared(1).plain(7), 7);
        assert!(!ask(shared(2).plain(7)).await.1);
        assert_cached!(shared(1).page("a", 1), 2);
        assert!(!ask(shared(1).page("abc", 1)).await.1, "`skip` of the method");
        assert_cached!(shared(1).of_tenant(7), 8);
        assert_cached!(shared(2).of_tenant(7), 9);
        shared(3).put(7).await;
        assert!(ask(shared(1).plain(7)).await.1);
        // In the cache that the block names, with its tags unless there are others.
        cached_redis::Cache::current().invalidate_tag("all").await.unwrap();
        assert!(!ask(shared(1).plain(7)).await.1);
        cache.invalidate_tag("all").await.unwrap();
        assert!(ask(shared(1).plain(7)).await.1);
        assert!(ask(shared(1).of_tenant(7)).await.1);
        assert!(!ask(shared(1).page("a", 1)).await.1);
        cache.invalidate_tag("page:1").await.unwrap();
        assert!(ask(shared(1).page("a", 1)).await.1);
        assert_cached!(shared(1).name(7), "7");
        assert_cached!(shared(1).named("a", 7), "a7");
        assert_eq!(ask(shared(1).named("b", 7)).await, ("a7".to_owned(), false));
        let _ = (shared(1).plain_entry(7), shared(1).name_invalidate(7));
    });
}
