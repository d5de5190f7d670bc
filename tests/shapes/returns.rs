//! Return types by what they mean, not by how they are spelled.

use std::fmt;
use std::rc::Rc;

use cached_redis::redis_cached;
use serde::{Deserialize, Serialize};

use crate::assert_cached;
use crate::support::{ask, is_send, loaded, loads, run};

/// Neither `Clone` nor serializable.
#[derive(Debug, PartialEq)]
struct Failure;

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("failed")
    }
}

impl std::error::Error for Failure {}

type Fallible<T> = Result<T, Failure>;
type Maybe = Option<Row>;
type Lookup = Fallible<Maybe>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    id: u64,
}

#[redis_cached(ttl = 600)]
async fn plain(id: u64) -> Row {
    loaded();
    Row { id }
}

#[redis_cached(ttl = 600)]
async fn optional(id: u64) -> Option<Row> {
    loaded();
    (id > 0).then_some(Row { id })
}

#[redis_cached(ttl = 600)]
async fn result(id: u64) -> Result<Row, Failure> {
    loaded();
    if id == 0 {
        return Err(Failure);
    }
    Ok(Row { id })
}

#[redis_cached(ttl = 600)]
async fn result_of_option(id: u64) -> Result<Option<Row>, Failure> {
    loaded();
    match id {
        0 => Err(Failure),
        1 => Ok(None),
        id => Ok(Some(Row { id })),
    }
}

#[redis_cached(ttl = 600)]
async fn aliased(id: u64) -> Lookup {
    loaded();
    check(id)?;
    Ok((id > 1).then_some(Row { id }))
}

#[redis_cached(ttl = 600)]
async fn aliased_option(id: u64) -> Maybe {
    loaded();
    let row = Some(id).filter(|id| *id > 0)?;
    Some(Row { id: row })
}

#[redis_cached(ttl = 600)]
async fn anyhow(id: u64) -> anyhow::Result<Vec<Row>> {
    loaded();
    check(id)?;
    Ok(vec![Row { id }])
}

#[redis_cached(ttl = 600)]
async fn boxed(id: u64) -> Result<String, Box<dyn std::error::Error>> {
    loaded();
    check(id)?;
    if id == 1 {
        return Err("one".into());
    }
    Ok(id.to_string())
}

#[redis_cached(ttl = 600)]
async fn static_error(id: u64) -> Result<u64, &'static str> {
    loaded();
    if id == 0 { Err("zero") } else { Ok(id) }
}

#[redis_cached(ttl = 600)]
async fn error_that_is_not_send(id: u64) -> Result<u64, Rc<Failure>> {
    loaded();
    if id == 0 { Err(Rc::new(Failure)) } else { Ok(id) }
}

#[redis_cached(ttl = 600)]
async fn option_of_result(id: u64) -> Option<Result<u64, String>> {
    loaded();
    Some(Ok(id))
}

#[redis_cached(ttl = 600)]
async fn unit_success(id: u64) -> Result<(), Failure> {
    loaded();
    check(id)
}

#[redis_cached(ttl = 600)]
async fn unfinished(_id: u64) -> Result<u64, Failure> {
    if true {
        unimplemented!("later")
    }
    todo!()
}

fn check(id: u64) -> Fallible<()> {
    if id == 0 { Err(Failure) } else { Ok(()) }
}

#[test]
fn values() {
    run(async {
        assert_cached!(plain(7), Row { id: 7 });
        assert_cached!(optional(7), Some(Row { id: 7 }));
        assert_cached!(result(7), Ok(Row { id: 7 }));
        assert_cached!(result_of_option(7), Ok(Some(Row { id: 7 })));
        assert_cached!(aliased(7), Ok(Some(Row { id: 7 })));
        assert_cached!(aliased_option(7), Some(Row { id: 7 }));
        assert_cached!(option_of_result(7), Some(Ok(7)));
        assert_cached!(unit_success(7), Ok(()));
        assert_cached!(async { anyhow(7).await.unwrap() }, vec![Row { id: 7 }]);
        assert_cached!(async { boxed(7).await.unwrap() }, "7");
        assert_cached!(static_error(7), Ok(7));
        assert_cached!(error_that_is_not_send(7), Ok(7));
    });
}

#[test]
fn absences_are_kept() {
    run(async {
        assert_cached!(optional(0), None);
        assert_cached!(result_of_option(1), Ok(None));
        assert_cached!(aliased(1), Ok(None));
        assert_cached!(aliased_option(0), None);
    });
}

#[test]
fn errors_are_not_kept() {
    run(async {
        for _ in 0..2 {
            assert_eq!(ask(result(0)).await, (Err(Failure), true));
            assert_eq!(ask(result_of_option(0)).await, (Err(Failure), true));
            assert_eq!(ask(aliased(0)).await, (Err(Failure), true));
            assert_eq!(ask(unit_success(0)).await, (Err(Failure), true));
            assert_eq!(ask(static_error(0)).await, (Err("zero"), true));
            let (returned, ran) = ask(anyhow(0)).await;
            assert_eq!((returned.unwrap_err().to_string(), ran), ("failed".to_owned(), true));
            let (returned, ran) = ask(boxed(1)).await;
            assert_eq!((returned.unwrap_err().to_string(), ran), ("one".to_owned(), true));
        }
    });
}

/// As of a request that can leave a name as it is, remove it, or set it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::option_option, reason = "what this is about")]
struct Patch {
    name: Option<Option<String>>,
}

#[redis_cached(ttl = 600, skip(patch))]
async fn patched(id: u64, patch: &Patch) -> Patch {
    loaded();
    patch.clone()
}

#[redis_cached(ttl = 600)]
async fn number(bits: u64) -> f64 {
    loaded();
    f64::from_bits(bits)
}

/// `Some(None)` would come back as `None`.
#[test]
fn what_json_cannot_carry_is_not_kept() {
    run(async {
        assert_cached!(patched(1, &Patch { name: None }), Patch { name: None });
        let set = Patch { name: Some(Some("lamp".to_owned())) };
        assert_cached!(patched(2, &set), set);
        let removed = Patch { name: Some(None) };
        for _ in 0..2 {
            assert_eq!(ask(patched(3, &removed)).await, (removed.clone(), true));
        }
    });
}

#[test]
fn a_number_comes_back_to_the_last_bit() {
    run(async {
        let mut random = fastrand::Rng::with_seed(7);
        let bits = std::iter::repeat_with(|| random.u64(..));
        for bits in bits.filter(|bits| f64::from_bits(*bits).is_finite()).take(1000) {
            let first = number(bits).await;
            assert_eq!((number(bits).await.to_bits(), loads()), (first.to_bits(), 1));
        }
    });
}

#[test]
fn futures_are_send() {
    drop(is_send(result(7)));
    drop(is_send(anyhow(7)));
    drop(is_send(unfinished(7)));
    drop(result_entry(7));
}
