//! What a batch function returns, taken apart by ids and put together again.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use crate::outcome::{Optional, ReturnType, ReturnTypeOneLayer as _};
use crate::panics::guarded;

/// What the body has returned for the ids that it got.
#[derive(Debug)]
pub enum Taken<R, V> {
    /// A value or an absence for each of them, in their order.
    Values {
        /// In the order of the ids.
        values: Vec<Option<V>>,
        /// How many values there were that nobody had asked for.
        unasked: usize,
    },
    /// An error.
    Failed(R),
    /// Values that cannot be assigned to ids.
    Misshapen(R),
}

impl<R, V> Taken<R, V> {
    fn map<Q>(self, whole: impl FnOnce(R) -> Q) -> Taken<Q, V> {
        match self {
            Self::Values { values, unasked } => Taken::Values { values, unasked },
            Self::Failed(returned) => Taken::Failed(whole(returned)),
            Self::Misshapen(returned) => Taken::Misshapen(whole(returned)),
        }
    }
}

/// How values and ids of a batch function belong together.
pub trait Shape<K> {
    /// What the function returns.
    type Return;
    /// One value.
    type Value;

    /// What the body has returned for these ids.
    fn take(&self, returned: Self::Return, ids: &[K]) -> Taken<Self::Return, Self::Value>;

    /// The answer: `ids` are distinct, each with its value, and `order` says which one was asked for where.
    fn collect(
        &self,
        ids: Vec<K>,
        values: Vec<Option<Self::Value>>,
        order: &[usize],
    ) -> Self::Return;
}

/// The return type `R` says it by itself.
pub struct ByReturn<R>(PhantomData<fn() -> R>);

/// `key_of = |value| …` says it of the list `R`.
pub struct ByKey<R, F>(PhantomData<fn() -> R>, F);

impl<R> Clone for ByReturn<R> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<R, F: Clone> Clone for ByKey<R, F> {
    fn clone(&self) -> Self {
        Self(PhantomData, self.1.clone())
    }
}

impl<R> fmt::Debug for ByReturn<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ByReturn")
    }
}

impl<R, F> fmt::Debug for ByKey<R, F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ByKey")
    }
}

/// The shape of a function without `key_of`.
#[must_use]
pub const fn by_return<R>() -> ByReturn<R> {
    ByReturn(PhantomData)
}

/// The shape of a function that returns `R`, with `key_of`.
pub fn by_key<R: List, K, F: Fn(&R::Item) -> K>(key_of: F) -> ByKey<R, F> {
    ByKey(PhantomData, key_of)
}

/// What one entry of the function means, before its options.
pub fn member_outcome<K, S: Shape<K>>(_: &S, _: &K) -> Optional<S::Value> {
    (&&ReturnType::<Option<S::Value>>::new()).outcome()
}

/// What a batch function returns without `key_of`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which value belongs to which id",
    label = "cannot be taken apart by ids",
    note = "a function with `each(..)` returns `HashMap<K, V>`, `BTreeMap<K, V>` or `Vec<Option<V>>` (one for each id, in their order, where `V` is `Clone`), or a `Result` of these; `K` is the type of the ids",
    note = "with `key_of = |value| value.id` it may return `Vec<V>` too, in any order"
)]
pub trait BatchReturn<K>: Sized {
    /// One value.
    type Value;

    /// See [`Shape::take`].
    fn take(self, ids: &[K]) -> Taken<Self, Self::Value>;

    /// See [`Shape::collect`].
    fn collect(ids: Vec<K>, values: Vec<Option<Self::Value>>, order: &[usize]) -> Self;
}

/// What a batch function returns with `key_of`.
#[diagnostic::on_unimplemented(
    message = "`key_of` is for functions that return a list of values",
    label = "expected `Vec<V>` or `Result<Vec<V>, E>`",
    note = "a map says by itself which value belongs to which id: remove `key_of`"
)]
pub trait List: Sized {
    /// One value.
    type Item;

    /// The values, if there is no error.
    fn values(self) -> Result<Vec<Self::Item>, Self>;

    /// A list of these.
    fn list(values: Vec<Self::Item>) -> Self;
}

impl<R: BatchReturn<K>, K> Shape<K> for ByReturn<R> {
    type Return = R;
    type Value = R::Value;

    fn take(&self, returned: R, ids: &[K]) -> Taken<R, R::Value> {
        returned.take(ids)
    }

    fn collect(&self, ids: Vec<K>, values: Vec<Option<R::Value>>, order: &[usize]) -> R {
        R::collect(ids, values, order)
    }
}

impl<R, K, Q, F> Shape<K> for ByKey<R, F>
where
    R: List,
    Q: KeyFor<K> + Eq + Hash,
    F: Fn(&R::Item) -> Q,
{
    type Return = R;
    type Value = R::Item;

    fn take(&self, returned: R, ids: &[K]) -> Taken<R, R::Item> {
        let values = match returned.values() {
            Ok(values) => values,
            Err(returned) => return Taken::Failed(returned),
        };
        let keys = guarded(|| values.iter().map(&self.1).collect::<Vec<Q>>());
        let Some(keys) = keys else { return Taken::Misshapen(R::list(values)) };
        let mut places = HashMap::with_capacity(values.len());
        for (place, key) in keys.into_iter().enumerate() {
            if places.insert(key, place).is_some() {
                // Two values of one id: which of them is the entry, nobody knows.
                return Taken::Misshapen(R::list(values));
            }
        }
        let mut all: Vec<Option<R::Item>> = values.into_iter().map(Some).collect();
        let mut find = |id| Q::remove(&mut places, id).and_then(|place| all[place].take());
        let values = ids.iter().map(&mut find).collect();
        Taken::Values { values, unasked: places.len() }
    }

    fn collect(&self, _: Vec<K>, mut values: Vec<Option<R::Item>>, order: &[usize]) -> R {
        R::list(order.iter().filter_map(|index| values.get_mut(*index)?.take()).collect())
    }
}

impl<V> List for Vec<V> {
    type Item = V;

    fn values(self) -> Result<Self, Self> {
        Ok(self)
    }

    fn list(values: Self) -> Self {
        values
    }
}

impl<V, E> List for Result<Vec<V>, E> {
    type Item = V;

    fn values(self) -> Result<Vec<V>, Self> {
        self.map_err(Err)
    }

    fn list(values: Vec<V>) -> Self {
        Ok(values)
    }
}

/// The key of a returned value, for an id of type `K`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the type of the ids, which is `{K}`",
    label = "expected `{K}`",
    note = "what the function returns is found by id: return the type of the ids, as in `key_of = |value| value.id`"
)]
pub trait KeyFor<K>: Sized {
    /// Takes the value of an id out.
    fn remove<V, S: BuildHasher>(map: &mut HashMap<Self, V, S>, id: &K) -> Option<V>
    where
        Self: Eq + Hash;

    /// The same.
    fn remove_ordered<V>(map: &mut BTreeMap<Self, V>, id: &K) -> Option<V>
    where
        Self: Ord;

    /// The key of an id.
    fn key(id: K) -> Self;
}

impl<K> KeyFor<K> for K {
    fn remove<V, S: BuildHasher>(map: &mut HashMap<K, V, S>, id: &K) -> Option<V>
    where
        K: Eq + Hash,
    {
        map.remove(id)
    }

    fn remove_ordered<V>(map: &mut BTreeMap<K, V>, id: &K) -> Option<V>
    where
        K: Ord,
    {
        map.remove(id)
    }

    fn key(id: K) -> K {
        id
    }
}

impl KeyFor<&str> for String {
    fn remove<V, S: BuildHasher>(map: &mut HashMap<Self, V, S>, id: &&str) -> Option<V> {
        map.remove(*id)
    }

    fn remove_ordered<V>(map: &mut BTreeMap<Self, V>, id: &&str) -> Option<V> {
        map.remove(*id)
    }

    fn key(id: &str) -> Self {
        id.to_owned()
    }
}

fn pairs<Q: KeyFor<K>, K, V>(ids: Vec<K>, values: Vec<Option<V>>) -> impl Iterator<Item = (Q, V)> {
    ids.into_iter().zip(values).filter_map(|(id, value)| Some((Q::key(id), value?)))
}

impl<K, Q, V, S> BatchReturn<K> for HashMap<Q, V, S>
where
    Q: KeyFor<K> + Eq + Hash,
    S: BuildHasher + Default,
{
    type Value = V;

    fn take(mut self, ids: &[K]) -> Taken<Self, V> {
        let values = ids.iter().map(|id| Q::remove(&mut self, id)).collect();
        Taken::Values { values, unasked: self.len() }
    }

    fn collect(ids: Vec<K>, values: Vec<Option<V>>, _: &[usize]) -> Self {
        pairs(ids, values).collect()
    }
}

impl<K, Q: KeyFor<K> + Ord, V> BatchReturn<K> for BTreeMap<Q, V> {
    type Value = V;

    fn take(mut self, ids: &[K]) -> Taken<Self, V> {
        let values = ids.iter().map(|id| Q::remove_ordered(&mut self, id)).collect();
        Taken::Values { values, unasked: self.len() }
    }

    fn collect(ids: Vec<K>, values: Vec<Option<V>>, _: &[usize]) -> Self {
        pairs(ids, values).collect()
    }
}

impl<K, V: Clone> BatchReturn<K> for Vec<Option<V>> {
    type Value = V;

    fn take(self, ids: &[K]) -> Taken<Self, V> {
        if self.len() != ids.len() {
            return Taken::Misshapen(self);
        }
        Taken::Values { values: self, unasked: 0 }
    }

    fn collect(_: Vec<K>, mut values: Self, order: &[usize]) -> Self {
        // The value itself goes where its id stands last, a clone where it stands before.
        let mut left = vec![0_usize; values.len()];
        order.iter().for_each(|index| left[*index] += 1);
        let mut take = |index: &usize| {
            left[*index] -= 1;
            if left[*index] == 0 { values[*index].take() } else { values[*index].clone() }
        };
        order.iter().map(&mut take).collect()
    }
}

impl<K, R: BatchReturn<K>, E> BatchReturn<K> for Result<R, E> {
    type Value = R::Value;

    fn take(self, ids: &[K]) -> Taken<Self, R::Value> {
        match self {
            Ok(returned) => returned.take(ids).map(Ok),
            Err(error) => Taken::Failed(Err(error)),
        }
    }

    fn collect(ids: Vec<K>, values: Vec<Option<R::Value>>, order: &[usize]) -> Self {
        Ok(R::collect(ids, values, order))
    }
}
