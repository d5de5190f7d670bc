//! `#[invalidates(..)]` with targets for each member of what was returned, and with conditions.

use cached_redis::{invalidates, redis_cached};

use crate::support::{ask, loaded, run};

#[derive(Debug)]
struct Failure;

#[redis_cached(ttl = 600)]
async fn by_id(id: u64) -> u64 {
    loaded();
    id
}

#[redis_cached(ttl = 600)]
async fn by_name(name: &str) -> usize {
    loaded();
    name.len()
}

/// Cannot be cloned.
struct Row {
    id: u64,
    changed: bool,
}

#[invalidates(by_id(row.id) for row in ret)]
async fn optional_row(id: u64) -> Result<Option<Row>, Failure> {
    Ok((id > 1).then_some(Row { id, changed: true }))
}

#[invalidates(by_id(row.id) for row in ret if row.changed)]
async fn rows(of: u64) -> Vec<Row> {
    (1..3).map(|id| Row { id, changed: id == of }).collect()
}

#[invalidates(by_id(id) for id in ret)]
async fn ids() -> Result<Vec<u64>, Failure> {
    Ok(vec![1, 2])
}

#[invalidates(by_id(id) if *ret, by_id(..) if id > 7, by_name(&name) if all || *ret)]
async fn conditional(id: u64, name: String, all: bool) -> Result<bool, Failure> {
    drop(name);
    Ok(id == 1)
}

#[test]
fn members_need_not_be_clone() {
    run(async {
        ask(by_id(1)).await;
        ask(by_id(2)).await;
        optional_row(1).await.unwrap();
        assert!(!ask(by_id(1)).await.1);
        optional_row(2).await.unwrap();
        assert!(ask(by_id(2)).await.1);
        rows(1).await;
        assert!(ask(by_id(1)).await.1 && !ask(by_id(2)).await.1);
        ids().await.unwrap();
        assert!(ask(by_id(1)).await.1 && ask(by_id(2)).await.1);
    });
}

#[test]
fn targets_with_conditions() {
    run(async {
        let name = || "name".to_owned();
        let fill = async || {
            ask(by_id(1)).await;
            ask(by_id(2)).await;
            ask(by_name("name")).await;
        };
        for (id, all, expected) in [
            (1, false, [true, false, true]),
            (2, false, [false, false, false]),
            (2, true, [false, false, true]),
            (8, false, [true, true, false]),
        ] {
            fill().await;
            conditional(id, name(), all).await.unwrap();
            let ran = [ask(by_id(1)).await.1, ask(by_id(2)).await.1, ask(by_name("name")).await.1];
            assert_eq!(ran, expected, "{id} {all}");
        }
    });
}
