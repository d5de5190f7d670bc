//! One step on many entries, each where it is.

use std::borrow::Cow;
use std::pin::Pin;

use super::commands::is_moved;
use super::topology::Topology;
use crate::budget::side_by_side;
use crate::error::Error;
use crate::store::Operation;

type Step<'a, R> = Pin<Box<dyn Future<Output = Result<Vec<R>, Error>> + Send + 'a>>;

/// Takes a step on each node that holds some of these entries, with those that it holds, all at the same time. The answers
/// are in the order of the entries; what a node has not answered that is away, while others have, is `failed`.
pub(super) fn at_each<'a, T, E, R>(
    topology: &'a T,
    keys: impl ExactSizeIterator<Item = &'a str>,
    entries: &'a [E],
    step: impl Fn(T::Lent<'a>, Cow<'a, [E]>) -> Step<'a, R> + Send + Sync + Clone + 'a,
    failed: impl Fn(&Error) -> R + Send + 'a,
) -> Operation<'a, Vec<R>>
where
    T: Topology,
    E: Clone + Send + Sync,
    R: Send + 'a,
{
    let keys: Vec<_> = keys.collect();
    let shares = topology.shares(keys.iter().copied());
    let Some(first) = keys.first().copied() else {
        return Box::pin(std::future::ready(Ok(Vec::new())));
    };
    if shares.len() == 1 {
        return topology.at(first, move |node| step(node, Cow::Borrowed(entries)));
    }
    Box::pin(async move {
        let mut answers: Vec<Option<R>> = entries.iter().map(|_| None).collect();
        let of_shares = shares.iter().filter_map(|places| {
            let share: Vec<E> = places.iter().map(|place| entries[*place].clone()).collect();
            let step = step.clone();
            let key = keys[*places.first()?];
            Some(topology.at(key, move |node| step(node, Cow::Owned(share.clone()))))
        });
        let of_shares = side_by_side(of_shares.collect()).await;
        if of_shares.iter().all(Result::is_err) {
            let first = of_shares.into_iter().find_map(Result::err);
            return Err(first.unwrap_or_else(Error::protocol));
        }
        for (places, of_share) in shares.iter().zip(of_shares) {
            match of_share {
                Ok(of_share) => {
                    for (place, answer) in places.iter().zip(of_share) {
                        answers[*place] = Some(answer);
                    }
                }
                Err(error) => {
                    places.iter().for_each(|place| answers[*place] = Some(failed(&error)))
                }
            }
        }
        answers.into_iter().collect::<Option<_>>().ok_or_else(Error::protocol)
    })
}

/// The answers, unless all of these have moved: then nothing has been executed, and it may be done elsewhere.
pub(super) fn unless_moved<R>(
    answers: Vec<Result<R, Error>>,
) -> Result<Vec<Result<R, Error>>, Error> {
    match answers.first() {
        Some(Err(first)) if answers.iter().all(|answer| answer.as_ref().is_err_and(is_moved)) => {
            Err(first.clone())
        }
        _ => Ok(answers),
    }
}
