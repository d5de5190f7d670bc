//! Methods and associated functions.

use std::sync::Arc;

use cached_redis::redis_cached;

use crate::assert_cached;
use crate::support::{ask, is_send, loaded, run};

struct Repo {
    tenant: String,
    calls: u32,
}

fn repo(tenant: &str) -> Repo {
    Repo { tenant: tenant.to_owned(), calls: 0 }
}

impl Repo {
    #[redis_cached(ttl = 600, key(self.tenant, id))]
    async fn by_tenant(&self, id: u64) -> String {
        loaded();
        format!("{}{id}", self.tenant)
    }

    #[redis_cached(ttl = 600, skip(self))]
    async fn shared(&self, id: u64) -> u64 {
        loaded();
        id
    }

    #[redis_cached(ttl = 600)]
    async fn skipped_in_place(#[cache(skip)] &self, id: u64) -> u64 {
        loaded();
        id
    }

    #[redis_cached(ttl = 600, skip(self))]
    async fn mutable(&mut self, id: u64) -> u64 {
        loaded();
        self.calls += 1;
        id + u64::from(self.calls)
    }

    #[redis_cached(ttl = 600, key = "repo:{self.tenant}:{id}")]
    async fn counted(self: Arc<Self>, id: u64) -> u64 {
        loaded();
        id
    }

    #[redis_cached(ttl = 600, skip(self))]
    async fn by_value(self, id: u64) -> String {
        loaded();
        self.tenant + &id.to_string()
    }

    #[redis_cached(ttl = 600, skip(self))]
    async fn by_mutable_value(mut self, id: u64) -> String {
        loaded();
        self.tenant.push('!');
        self.tenant + &id.to_string()
    }

    #[redis_cached(ttl = 600)]
    async fn associated(id: u64) -> u64 {
        loaded();
        id
    }

    #[redis_cached(ttl = 600)]
    async fn new(id: u64) -> Option<String> {
        loaded();
        (id > 0).then(|| Self::name(id))
    }

    fn name(id: u64) -> String {
        id.to_string()
    }
}

struct Other;

impl Other {
    #[redis_cached(ttl = 600, skip(self))]
    async fn shared(&self, id: u64) -> u64 {
        loaded();
        id + 1
    }

    #[redis_cached(ttl = 600)]
    async fn associated(id: u64) -> u64 {
        loaded();
        id + 1
    }
}

#[test]
fn instances_share_entries_or_do_not_as_chosen() {
    run(async {
        let (a, b) = (repo("a"), repo("b"));
        assert_cached!(a.by_tenant(7), "a7");
        assert_cached!(b.by_tenant(7), "b7");
        assert_cached!(a.shared(7), 7);
        assert!(!ask(b.shared(7)).await.1);
        a.by_tenant_invalidate(7).await.unwrap();
        assert!(!ask(b.by_tenant(7)).await.1);
        assert_cached!(a.by_tenant(7), "a7");
        a.by_tenant_invalidate_all().await.unwrap();
        assert_cached!(b.by_tenant(7), "b7");
    });
}

#[test]
fn every_receiver() {
    run(async {
        let mut a = repo("a");
        assert_cached!(a.mutable(7), 8);
        a.mutable_invalidate(7).await.unwrap();
        assert_cached!(a.skipped_in_place(7), 7);
        a.skipped_in_place_invalidate(7).await.unwrap();
        assert_cached!(a.mutable(7), 9);
        let counted = Arc::new(a);
        assert_cached!(Arc::clone(&counted).counted(7), 7);
        counted.counted_invalidate(7).await.unwrap();
        assert_cached!(Arc::clone(&counted).counted(7), 7);
        assert_cached!(repo("a").by_value(7), "a7");
        repo("a").by_value_entry(7).invalidate().await.unwrap();
        assert_cached!(repo("a").by_value(7), "a7");
        assert_cached!(repo("a").by_mutable_value(7), "a!7");
        drop(is_send(counted.counted(7)));
    });
}

#[test]
fn types_with_methods_of_one_name_do_not_share() {
    run(async {
        assert_cached!(repo("a").shared(7), 7);
        assert_cached!(Other.shared(7), 8);
        assert_cached!(Repo::associated(7), 7);
        assert_cached!(Other::associated(7), 8);
        Other::associated_invalidate(7).await.unwrap();
        assert!(!ask(Repo::associated(7)).await.1);
        assert_cached!(Other::associated(7), 8);
        assert_cached!(Repo::new(7), Some("7".to_owned()));
        Repo::new_invalidate_all().await.unwrap();
        assert_cached!(Repo::new(7), Some("7".to_owned()));
    });
}
