//! One step on many entries, each on the node that holds it.

use std::pin::Pin;

use super::node::Node;
use super::topology::Topology;
use crate::error::Error;
use crate::store::Operation;

type Step<'s, R> = Pin<Box<dyn Future<Output = Result<Vec<R>, Error>> + Send + 's>>;

/// Takes a step on each node that holds some of these entries, with those that it holds. The answers are in the order of
/// the entries.
pub(super) fn at_each<'a, T, E, R>(
    topology: &'a T,
    keys: impl Iterator<Item = &'a str>,
    entries: &'a [E],
    step: impl for<'s> Fn(&'a Node, &'s [E]) -> Step<'s, R> + Send + 'a,
) -> Operation<'a, Vec<R>>
where
    T: Topology,
    E: Clone + Send + Sync,
    R: Send,
{
    let shares = topology.shares(keys);
    Box::pin(async move {
        if let [(node, _)] = shares[..] {
            return step(node, entries).await;
        }
        let mut answers: Vec<Option<R>> = entries.iter().map(|_| None).collect();
        for (node, places) in shares {
            let share: Vec<E> = places.iter().map(|place| entries[*place].clone()).collect();
            let of_share = step(node, &share).await?;
            for (place, answer) in places.into_iter().zip(of_share) {
                answers[place] = Some(answer);
            }
        }
        answers.into_iter().collect::<Option<_>>().ok_or_else(Error::protocol)
    })
}
