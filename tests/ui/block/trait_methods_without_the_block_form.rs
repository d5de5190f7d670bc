use cached_redis::redis_cached;

trait Find {
    type Id;

    async fn find(&self, id: u64) -> u64;
    async fn count() -> u64;
    async fn other(&self) -> u64;
}

struct Repo<T>(T);

mod nested {
    use super::*;

    /// With a header of several lines.
    #[allow(unused)]
    impl<T> Find for Repo<T>
    where
        T: Clone,
    {
        type Id = u64;

        #[redis_cached(tll = 600, skip(self))]
        async fn find(&self, id: u64) -> u64 {
            id
        }

        #[redis_cached(ttl = 600)]
        async fn count() -> u64 {
            1
        }

        async fn other(&self) -> u64 {
            2
        }
    }

    // Here it can do without.
    impl<T: Clone + 'static> Repo<T> {
        #[redis_cached(ttl = 600, skip(self))]
        async fn count(&self) -> u64 {
            Self::count_invalidate_all;
            3
        }
    }
}

macro_rules! made {
    ($ty:ty, $name:ident) => {
        impl $ty {
            #[redis_cached(ttl = 600, skip(self))]
            async fn $name(&self) -> u64 {
                1
            }
        }
    };
}

struct Made;
made!(Made, find);

fn main() {}
