//! Values and arguments that are nested thousands of levels deep: the call answers, and nothing is stored.

use super::{FUNCTION, Subject};
use crate::call::Call;
use crate::depth::tests::Deep;
use crate::error::ErrorKind;
use crate::outcome::{ReturnType, ReturnTypePlain as _};

#[tokio::test(start_paused = true)]
async fn a_value_that_is_too_deep_is_the_answer_and_is_not_stored() {
    let subject = Subject::new();
    for (loads, deep) in (1..).zip(Deep::all(5_000)) {
        let body = async { deep };
        subject.call(1).run(ReturnType::<Deep>::new().outcome(), || body).await;
        assert_eq!(subject.stats().errors.get("encode"), Some(&loads));
    }
    let entry = subject.call(1).entry(ReturnType::<Deep>::new().outcome());
    for deep in Deep::all(5_000) {
        assert_eq!(entry.put(deep).await.map_err(|error| error.kind()), Err(ErrorKind::Encode));
    }
    assert_eq!((subject.store().len(), subject.cache.loads_in_flight()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_argument_that_is_too_deep_is_no_key() {
    let subject = Subject::new();
    for (loads, deep) in (1..).zip(Deep::all(5_000)) {
        let mut key = FUNCTION.key("here", &[]);
        key.part(&deep);
        let call = Call { key: key.finish(), ..subject.call(1) };
        assert_eq!(call.run(subject.outcome(), || async { Ok(1) }).await, Ok(1));
        assert_eq!(subject.stats().errors.get("key"), Some(&loads));
    }
    assert_eq!(subject.store().len(), 0);
}

/// Of lists that somebody else has put there.
#[tokio::test(start_paused = true)]
async fn an_entry_that_is_too_deep_is_a_miss() {
    let subject = Subject::new();
    let call = || subject.call(1).run(ReturnType::<Deep>::new().outcome(), || async { Deep::End });
    call().await;
    let (key, store) = (subject.key(1), subject.store());
    let mut record = store.get_raw(&key).expect("a value");
    record.truncate(usize::from(record[7]) * 8);
    record.extend(r#"{"List":["#.repeat(5_000).bytes());
    store.set_raw(&key, record, super::SECOND);
    assert_eq!(call().await, Deep::End);
    assert_eq!(subject.stats().errors.get("decode"), Some(&1));
}
