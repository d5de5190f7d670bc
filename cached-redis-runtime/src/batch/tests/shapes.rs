//! What a batch function can return.

use std::collections::{BTreeMap, HashMap};

use super::super::{batch, by_key, by_return};
use super::Subject;

#[tokio::test(start_paused = true)]
async fn a_tree_keeps_its_order() {
    let subject = Subject::new();
    for _ in 0..2 {
        let batch = batch(vec![3, 1, 2], by_return::<BTreeMap<u64, u64>>(), |shape, id| {
            subject.entry(shape, *id)
        });
        let answer = batch.run(|ids: Vec<u64>| async {
            ids.into_iter().map(|id| (id, 10 * id)).collect::<BTreeMap<_, _>>()
        });
        assert_eq!(answer.await.into_iter().collect::<Vec<_>>(), [(1, 10), (2, 20), (3, 30)]);
    }
    assert_eq!(subject.stats().hits, 3);
}

/// The answer for these ids, if the body returns these values for whatever it gets.
async fn positions(
    subject: &Subject,
    ids: &[u64],
    returned: impl Fn(&[u64]) -> Vec<Option<u64>>,
) -> Vec<Option<u64>> {
    let batch =
        batch(ids.to_vec(), by_return::<Vec<Option<u64>>>(), |shape, id| subject.entry(shape, *id));
    let body = |ids: Vec<u64>| {
        subject.loads.lock().expect("no panic").push(ids.clone());
        let returned = returned(&ids);
        async move { returned }
    };
    batch.run(body).await
}

#[tokio::test(start_paused = true)]
async fn values_by_position_come_back_where_their_ids_stand() {
    let subject = Subject::new();
    let each = |ids: &[u64]| ids.iter().map(|id| (id % 2 == 0).then_some(10 * id)).collect();
    for ids in [&[2, 1, 2][..], &[1, 2, 3, 4], &[4, 4]] {
        let expected: Vec<_> = each(ids);
        assert_eq!(positions(&subject, ids, each).await, expected);
    }
    assert_eq!(subject.take_loads(), [vec![2, 1], vec![3, 4]]);
}

#[tokio::test(start_paused = true)]
async fn another_number_of_values_is_answered_by_the_body_and_stored_by_nobody() {
    let subject = Subject::new();
    let too_few = |_: &[u64]| vec![Some(7)];
    assert_eq!(positions(&subject, &[1, 2], too_few).await, [Some(7)]);
    assert_eq!(subject.take_loads(), [[1, 2]], "the body has run with all ids already");
    assert!(subject.store().is_empty());
    positions(&subject, &[1], |_| vec![Some(10)]).await;
    subject.take_loads();
    // Only a part of the ids was missing: what it returned for those is no answer to the whole.
    let one_more = |ids: &[u64]| ids.iter().map(|id| Some(*id)).chain([None]).collect();
    assert_eq!(positions(&subject, &[1, 2], one_more).await, [Some(1), Some(2), None]);
    assert_eq!(subject.take_loads(), [vec![2], vec![1, 2]]);
    assert_eq!(subject.stats().misshapen_batches, 2);
    assert_eq!(subject.cache.loads_in_flight(), 0);
}

/// The answer for these ids as a list of the ids and their values.
async fn list(
    subject: &Subject,
    ids: &[u64],
    returned: impl Fn(&[u64]) -> Vec<u64>,
) -> Result<Vec<u64>, &'static str> {
    type Answer = Result<Vec<u64>, &'static str>;
    let shape = by_key::<Answer, _, _>(|value| value / 10);
    let batch = batch(ids.to_vec(), shape, |shape, id| subject.entry(shape, *id));
    let body = |ids: Vec<u64>| {
        subject.loads.lock().expect("no panic").push(ids.clone());
        let returned = returned(&ids);
        async move { Ok(returned) }
    };
    batch.run(body).await
}

#[tokio::test(start_paused = true)]
async fn a_list_is_taken_apart_by_key() {
    let subject = Subject::new();
    let backwards =
        |ids: &[u64]| ids.iter().rev().filter(|id| **id != 9).map(|id| 10 * id).collect();
    for ids in [&[1, 9, 2][..], &[2, 1, 2, 9]] {
        let answer = list(&subject, ids, backwards).await.expect("no error");
        let mut expected: Vec<u64> = ids.iter().filter(|id| **id != 9).map(|id| 10 * id).collect();
        expected.dedup();
        expected.truncate(2);
        assert_eq!(answer, expected);
    }
    assert_eq!(subject.take_loads(), [[1, 9, 2]]);
}

#[tokio::test(start_paused = true)]
async fn several_values_of_one_id_are_no_entry() {
    let subject = Subject::new();
    let two_each = |ids: &[u64]| ids.iter().flat_map(|id| [10 * id, 10 * id + 1]).collect();
    for _ in 0..2 {
        let answer = list(&subject, &[1, 2], two_each).await;
        assert_eq!(answer, Ok(vec![10, 11, 20, 21]));
    }
    assert!(subject.store().is_empty());
    assert_eq!(subject.stats().misshapen_batches, 2);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asked_for_is_ignored_and_counted() {
    let subject = Subject::new();
    let load = |_| async { Ok::<_, &'static str>(HashMap::from([(1, 10), (2, 20), (3, 30)])) };
    let answer = subject.batch(&[1]).run(load).await;
    assert_eq!(answer, Ok(HashMap::from([(1, 10)])));
    assert_eq!(subject.store().len(), 1);
    assert_eq!(subject.stats().unasked_values, 2);
}
