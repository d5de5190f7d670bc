//! Steps that concern several buckets: at the same time on all.

use std::borrow::Cow;
use std::sync::Arc;

use super::Cluster;
use crate::bucket::{BUCKETS, Bucket, Buckets};
use crate::budget::side_by_side;
use crate::error::Error;
use crate::group::Group;
use crate::store::redis::commands::{is_ask, is_moved};
use crate::store::redis::node::Node;

/// Which of these are in which bucket, by their places among them.
pub(super) fn shares(buckets: impl Iterator<Item = Bucket>) -> Vec<(Bucket, Vec<usize>)> {
    let mut places = vec![Vec::new(); BUCKETS];
    buckets.enumerate().for_each(|(place, bucket)| places[bucket].push(place));
    places.into_iter().enumerate().filter(|(_, places)| !places.is_empty()).collect()
}

/// A key where it is in a bucket, and which of several targets it belongs to.
struct Piece {
    key: String,
    target: usize,
}

impl Cluster {
    /// Where the keys of targets are, by buckets, in their order. A group has a generation in each.
    fn pieces(&self, targets: &[impl AsRef<[String]>]) -> Vec<Vec<Piece>> {
        let mut pieces: Vec<Vec<Piece>> = (0..BUCKETS).map(|_| Vec::new()).collect();
        for (target, keys) in targets.iter().enumerate() {
            for key in keys.as_ref() {
                match Group::from_key(key) {
                    Some(group) => {
                        for (bucket, pieces) in pieces.iter_mut().enumerate() {
                            let key = group.key(self.0.buckets.namespace(bucket));
                            pieces.push(Piece { key, target });
                        }
                    }
                    None => pieces[Buckets::of(key)].push(Piece { key: key.clone(), target }),
                }
            }
        }
        pieces
    }

    pub(super) async fn on_each<'a, F>(
        &'a self,
        keys: &'a [String],
        step: impl Fn(Arc<Node>, Cow<'a, [String]>) -> F + Send + Sync + 'a,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>> + Send + 'a,
    {
        let step = &step;
        let of_buckets = self.pieces(&[keys]).into_iter().enumerate();
        let steps = of_buckets.filter(|(_, pieces)| !pieces.is_empty()).map(|(bucket, pieces)| {
            let keys: Vec<String> = pieces.into_iter().map(|piece| piece.key).collect();
            let on_bucket =
                async move { self.on(bucket, |node| step(node, Cow::Owned(keys.clone()))).await };
            Box::pin(on_bucket) as crate::join::Boxed<'_, _>
        });
        side_by_side(steps.collect()).await.into_iter().collect()
    }

    /// Removes what is under the keys of each target. What came of each: all of it is gone, or an error.
    pub(super) async fn remove_each(
        &self,
        targets: Cow<'_, [Vec<String>]>,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let of_buckets = self.pieces(&targets).into_iter().enumerate();
        let removals =
            of_buckets.filter(|(_, pieces)| !pieces.is_empty()).map(|(bucket, pieces)| {
                let removal = async move {
                    let outcomes = self.remove_from(bucket, &pieces).await;
                    pieces.into_iter().map(|piece| piece.target).zip(outcomes).collect::<Vec<_>>()
                };
                Box::pin(removal) as crate::join::Boxed<'_, _>
            });
        let mut outcomes = vec![Ok(()); targets.len()];
        for (target, outcome) in side_by_side(removals.collect()).await.into_iter().flatten() {
            let known = std::mem::replace(&mut outcomes[target], Ok(()));
            outcomes[target] = known.and(outcome);
        }
        Ok(outcomes)
    }

    /// Each key with a command of its own: while a slot is on its way, commands on several keys are refused.
    async fn remove_from(&self, bucket: Bucket, pieces: &[Piece]) -> Vec<Result<(), Error>> {
        let keys: Vec<_> = pieces.iter().map(|piece| vec![piece.key.clone()]).collect();
        let keys = &keys;
        let removed = self.on(bucket, |node| async move {
            let outcomes = node.remove(keys).await?;
            // Those that are gone may be removed again.
            match outcomes
                .iter()
                .find_map(|outcome| outcome.as_ref().err().filter(|error| is_moved(error)))
            {
                Some(moved) => Err(moved.clone()),
                None => Ok(outcomes),
            }
        });
        let mut outcomes = match removed.await {
            Ok(outcomes) if outcomes.len() == pieces.len() => outcomes,
            Ok(_) => vec![Err(Error::protocol()); pieces.len()],
            Err(error) => vec![Err(error); pieces.len()],
        };
        for (piece, outcome) in pieces.iter().zip(&mut outcomes) {
            // The key is where the slot goes, or nowhere: the node that has the slot has looked.
            if outcome.as_ref().is_err_and(is_ask) {
                *outcome = self.remove_asking(bucket, &piece.key).await;
            }
        }
        outcomes
    }

    async fn remove_asking(&self, bucket: Bucket, key: &str) -> Result<(), Error> {
        let Some(node) = self.0.destination(bucket) else { return Err(Error::unreachable()) };
        let removed = node.remove_asking(key).await;
        if removed.is_err() {
            self.0.refresh();
        }
        removed
    }
}
