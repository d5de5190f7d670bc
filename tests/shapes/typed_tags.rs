//! Tags that are declared: reads and writes share a type.

use cached_redis::{Cache, Invalidations, invalidates, redis_cached};
use serde::{Deserialize, Serialize};

use crate::support::{ask, is_send, loaded, run};

/// A name that can only be written in one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Normalized(String);

impl Normalized {
    fn new(name: &str) -> Self {
        Self(name.to_lowercase())
    }
}

mod tags {
    use super::Normalized;

    cached_redis::tag! {
        /// Everything that shows a crate.
        pub(crate) Crate(name: &Normalized);
        pub(crate) Version(name: &str, number: &str);
        pub(crate) Viewer(id: Option<u64>);
        pub(crate) All();
    }

    pub(crate) mod others {
        cached_redis::tag!(pub(crate) Crate(name: &super::Normalized));
    }
}

use tags::{All, Crate, Version, Viewer};

#[derive(Clone, Serialize, Deserialize)]
struct Meta {
    name: Normalized,
    authors: Vec<u64>,
}

fn meta(name: &str) -> Meta {
    Meta { name: Normalized::new(name), authors: vec![1, 2] }
}

#[redis_cached(ttl = 600, tags = [Crate(name), "page:{page}", All()])]
async fn page_of(name: &Normalized, page: u64) -> u64 {
    loaded();
    page + u64::from(name.0.is_empty())
}

/// An expression of what the key is made of.
#[redis_cached(ttl = 600, tags = [Crate(&Normalized::new(&name)), Version(&name, "1")])]
async fn consumed(name: String) -> usize {
    loaded();
    name.into_bytes().len()
}

#[redis_cached(ttl = 600, tags = [tags::Crate(&ret.name), Viewer(Some(*author)) for author in &ret.authors, "metas"])]
async fn found(id: u64) -> Result<Option<Meta>, String> {
    loaded();
    Ok((id > 0).then(|| meta("Serde")))
}

#[redis_cached(ttl = 600, tags = [Crate(&m.name) for m in ret, "author:{a}" for a in ret.iter().flat_map(|m| &m.authors)])]
async fn list(first: u64) -> Vec<Meta> {
    loaded();
    (first > 0).then(|| meta("Serde")).into_iter().chain([meta("tokio")]).collect()
}

#[redis_cached(ttl = 600, each(ids), tags = [Viewer(Some(*ids))])]
async fn batch(ids: &[u64]) -> std::collections::HashMap<u64, u64> {
    loaded();
    ids.iter().map(|id| (*id, *id)).collect()
}

struct Repo {
    viewer: Option<u64>,
}

impl Repo {
    #[redis_cached(ttl = 600, key(self.viewer, id), tags = [Viewer(self.viewer)])]
    async fn seen(&self, id: u64) -> u64 {
        loaded();
        id
    }

    #[invalidates(tag = Viewer(self.viewer))]
    async fn forget(&mut self) -> Result<(), String> {
        self.viewer = None;
        Ok(())
    }
}

/// The body consumes what the tags are made of.
#[invalidates(tag = Crate(&meta.name), tag = Version(&meta.name.0, "1"))]
async fn publish(meta: Meta) -> Result<(), String> {
    drop(meta);
    Ok(())
}

#[invalidates(tag = tags::Crate(&Normalized::new(name)))]
async fn rename(name: &str) {
    let _ = name;
}

#[invalidates(tag = tags::others::Crate(&Normalized::new(name)), tag = "serde")]
async fn something_else(name: &str) {
    let _ = name;
}

#[invalidates(tag = Crate(&meta.name) for meta in ret, tag = Version(&version, &ret.len().to_string()))]
async fn import(version: String) -> Result<Vec<Meta>, String> {
    drop(version);
    Ok(vec![meta("SERDE")])
}

#[invalidates(tag = Viewer(Some(id)) for id in ids if id > 1, tag = All() if *ret)]
async fn touch(ids: Vec<u64>, all: bool) -> bool {
    drop(ids);
    all
}

#[invalidates(tag = Crate(&Normalized::new(name)), guard = "10s", strict, cache = cache)]
async fn guarded(cache: &Cache, name: &str) -> Result<(), cached_redis::Error> {
    let _ = (cache, name);
    Ok(())
}

/// Asserts that a write makes a call load again.
macro_rules! assert_invalidates {
    ($write:expr, $call:expr) => {{
        let _ = ask($call).await;
        assert!(!ask($call).await.1, "not cached: {}", stringify!($call));
        let _ = $write.await;
        assert!(ask($call).await.1, "not invalidated: {}", stringify!($call));
    }};
}

/// Asserts that it does not.
macro_rules! assert_leaves {
    ($write:expr, $call:expr) => {{
        let _ = ask($call).await;
        let _ = $write.await;
        assert!(!ask($call).await.1, "invalidated: {}", stringify!($call));
    }};
}

#[test]
fn of_the_arguments() {
    run(async {
        let serde = Normalized::new("serde");
        assert_invalidates!(publish(meta("Serde")), page_of(&serde, 1));
        assert_invalidates!(rename("SERDE"), page_of(&serde, 1));
        assert_invalidates!(rename("SERDE"), consumed("Serde".to_owned()));
        assert_invalidates!(import("1".to_owned()), page_of(&serde, 1));
        assert_invalidates!(touch(vec![], true), page_of(&serde, 1));
        assert_invalidates!(guarded(&Cache::current(), "Serde"), page_of(&serde, 1));
        assert_leaves!(rename("tokio"), page_of(&serde, 1));
        assert_leaves!(something_else("serde"), page_of(&serde, 1));
        assert_leaves!(touch(vec![], false), page_of(&serde, 1));
        drop((
            is_send(page_of(&serde, 1)),
            is_send(publish(meta("a"))),
            is_send(import(String::new())),
        ));
    });
}

#[test]
fn of_the_value() {
    run(async {
        assert_invalidates!(publish(meta("Serde")), found(7));
        assert_invalidates!(touch(vec![2], false), found(7));
        assert_invalidates!(rename("tokio"), list(0));
        assert_invalidates!(rename("Serde"), list(1));
        assert_invalidates!(Cache::current().invalidate_tag("author:2"), list(1));
        assert_leaves!(rename("Serde"), list(0));
        assert_leaves!(touch(vec![1], false), found(7));
        assert_leaves!(something_else("serde"), found(7));
    });
}

#[test]
fn methods_and_batches() {
    run(async {
        let repo = |viewer| Repo { viewer };
        assert_invalidates!(repo(Some(7)).forget(), repo(Some(7)).seen(1));
        assert_invalidates!(repo(None).forget(), repo(None).seen(1));
        assert_leaves!(repo(None).forget(), repo(Some(7)).seen(1));
        assert_invalidates!(touch(vec![7], false), batch(&[7, 8]));
        assert_leaves!(touch(vec![9], false), batch(&[7, 8]));
    });
}

#[test]
fn by_hand() {
    run(async {
        let cache = Cache::current();
        let serde = Normalized::new("serde");
        assert_invalidates!(cache.invalidate_tag(Crate(&serde)), page_of(&serde, 1));
        assert_invalidates!(cache.invalidate_tag(String::from("page:1")), page_of(&serde, 1));
        assert_leaves!(cache.invalidate_tag(tags::others::Crate(&serde)), page_of(&serde, 1));
        let mut outdated = Invalidations::new();
        outdated.typed_tag(&cache, Crate(&serde)).unwrap();
        assert_invalidates!(cache.replay(&outdated), found(7));
    });
}

/// A load that began before its tag was invalidated leaves nothing behind, although what tag its value has was not
/// known then.
#[test]
fn a_tag_of_the_value_is_fenced_by_its_type() {
    #[redis_cached(ttl = 600, tags = [Crate(&ret.name)])]
    async fn slow(id: u64) -> Meta {
        loaded();
        let loaded = meta("serde");
        if id == 7 {
            rename("Serde").await;
        } else {
            something_else("Serde").await;
        }
        loaded
    }
    run(async {
        ask(slow(7)).await;
        assert!(ask(slow(7)).await.1, "a value from before the write was stored");
        ask(slow(8)).await;
        assert!(!ask(slow(8)).await.1, "a tag of another type got in the way");
    });
}

/// An entry without its tag would outlive an invalidation.
#[test]
fn an_argument_that_cannot_be_written_keeps_the_value_out_of_the_cache() {
    #[derive(Clone, Copy)]
    struct Refuses;
    impl Serialize for Refuses {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }
    cached_redis::tag!(Broken(what: Refuses));

    #[redis_cached(ttl = 600, tags = [Broken(Refuses)])]
    async fn reads(id: u64) -> u64 {
        loaded();
        id
    }
    #[invalidates(tag = Broken(Refuses), strict)]
    async fn writes() -> Result<(), cached_redis::Error> {
        Ok(())
    }
    run(async {
        assert!(ask(reads(7)).await.1);
        assert!(ask(reads(7)).await.1);
        assert_eq!(writes().await.unwrap_err().kind(), cached_redis::ErrorKind::Key);
        let by_hand = Cache::current().invalidate_tag(Broken(Refuses)).await;
        assert_eq!(by_hand.unwrap_err().kind(), cached_redis::ErrorKind::Key);
    });
}
