//! What is awaited inside a scope acts on the cache of that scope, wherever it was made.

use std::cell::Cell;

use cached_redis::{Cache, Invalidations, invalidates, redis_cached, updates};

use crate::support::{is_send, loaded, loads, run};

thread_local! {
    static SOURCE: Cell<u64> = const { Cell::new(0) };
}

#[redis_cached(ttl = 600)]
async fn value(id: u64) -> u64 {
    loaded();
    SOURCE.get() + id
}

#[redis_cached(ttl = 600, skip(cache), cache = cache)]
async fn of_its_own(cache: &Cache, id: u64) -> u64 {
    loaded();
    SOURCE.get() + id
}

#[invalidates(value(id))]
async fn write(id: u64) -> Result<(), std::io::Error> {
    let _ = id;
    Ok(())
}

#[invalidates(value(id), guard = "10s")]
async fn guarded_write(id: u64) -> Result<(), std::io::Error> {
    let _ = id;
    Ok(())
}

#[invalidates(value(..))]
async fn write_all() -> Result<(), std::io::Error> {
    Ok(())
}

#[updates(value(id) = SOURCE.get() + id)]
async fn update(id: u64) -> Result<(), std::io::Error> {
    let _ = id;
    Ok(())
}

/// A cache beside that of the test.
fn other() -> Cache {
    Cache::builder().memory().namespace("other").build().unwrap()
}

/// Fills both caches, runs `removal` in the scope of the other one, and asserts that it has acted on
/// that one alone.
async fn acts_on_the_scope<F: Future>(removal: impl FnOnce() -> F) -> F::Output {
    let other = other();
    SOURCE.set(1);
    assert_eq!((value(7).await, other.scope(value(7)).await), (8, 8));
    SOURCE.set(2);
    // Made here.
    let removal = removal();
    let returned = other.scope(removal).await;
    assert_eq!(other.scope(value(7)).await, 9, "the scope's cache still has the old value");
    assert_eq!(value(7).await, 8, "another cache was acted on");
    value_invalidate(7).await.unwrap();
    returned
}

#[test]
fn removals_act_on_the_scope_in_which_they_are_awaited() {
    run(async {
        acts_on_the_scope(|| value_invalidate(7)).await.unwrap();
        acts_on_the_scope(value_invalidate_all).await.unwrap();
        acts_on_the_scope(|| async { value_entry(7).invalidate().await }).await.unwrap();
        let entry = value_entry(7);
        acts_on_the_scope(|| entry.invalidate()).await.unwrap();
        assert!(acts_on_the_scope(|| entry.expire()).await.unwrap());
        acts_on_the_scope(|| entry.put(9)).await.unwrap();
        drop(is_send(entry.put(9)));
    });
}

#[test]
fn writes_act_on_the_scope_in_which_they_are_awaited() {
    run(async {
        acts_on_the_scope(|| write(7)).await.unwrap();
        acts_on_the_scope(|| guarded_write(7)).await.unwrap();
        acts_on_the_scope(write_all).await.unwrap();
        acts_on_the_scope(|| update(7)).await.unwrap();
    });
}

/// Dropped half way, outside of its scope, it invalidates where it began.
#[test]
fn an_update_stays_with_the_cache_in_which_it_began() {
    #[updates(value(id) = id)]
    async fn endless(id: u64) -> Result<(), std::io::Error> {
        let _ = id;
        loaded();
        std::future::pending().await
    }

    run(async {
        let other = other();
        SOURCE.set(1);
        assert_eq!((value(7).await, other.scope(value(7)).await), (8, 8));
        let mut updating = Box::pin(endless(7));
        loads();
        let has_begun = async {
            while loads() == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = other.scope(&mut updating) => {}
            () = has_begun => {}
        }
        drop(updating);
        let is_gone = async {
            while other.scope(value_entry(7).get()).await.unwrap().is_some() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), is_gone).await.unwrap();
        assert_eq!(value_entry(7).get().await.unwrap(), Some(8));
    });
}

#[test]
fn an_entry_is_looked_at_where_it_is_asked() {
    run(async {
        let other = other();
        SOURCE.set(1);
        let entry = value_entry(7);
        assert_eq!(value(7).await, 8);
        assert_eq!(other.scope(entry.get()).await.unwrap(), None);
        assert_eq!(other.scope(entry.ttl()).await.unwrap(), None);
        other.scope(entry.put(9)).await.unwrap();
        assert_eq!(other.scope(entry.get()).await.unwrap(), Some(9));
        assert_eq!(entry.get().await.unwrap(), Some(8));
        let (here, there) =
            (entry.key().unwrap(), other.scope(async { entry.key() }).await.unwrap());
        assert!(here.starts_with("memory:") && there.starts_with("other:"), "{here} {there}");
    });
}

#[test]
fn an_outbox_is_written_for_the_cache_that_is_in_use() {
    run(async {
        let other = other();
        let (entry, all) = (value_entry(7), value_invalidate_all());
        let outdated = other.scope(async {
            let mut outdated = Invalidations::new();
            outdated.entry(&entry).unwrap();
            outdated.all(all);
            outdated
        });
        let outdated = outdated.await;
        other.replay(&outdated).await.unwrap();
        Cache::current().replay(&outdated).await.unwrap_err();
    });
}

#[test]
fn a_cache_that_was_chosen_stays() {
    run(async {
        let (own, other) = (Cache::memory(), other());
        SOURCE.set(1);
        assert_eq!(of_its_own(&own, 7).await, 8);
        let entry = of_its_own_entry(&own, 7);
        assert_eq!(other.scope(entry.get()).await.unwrap(), Some(8));
        other.scope(of_its_own_invalidate_all(&own)).await.unwrap();
        assert_eq!(entry.get().await.unwrap(), None);
        other.scope(entry.put(9)).await.unwrap();
        other.scope(of_its_own_invalidate(&own, 7)).await.unwrap();
        assert_eq!(entry.get().await.unwrap(), None);
    });
}
