use cached_redis::invalidates;

struct Repo;

impl Repo {
    async fn plain(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(self.plain(id))]
    async fn save(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
