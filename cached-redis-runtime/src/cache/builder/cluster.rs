//! Setting a cache up on a cluster.

use super::{CacheBuilder, Place};
use crate::store::redis::{AddressMap, Seeds};

impl CacheBuilder {
    /// A Redis Cluster or Valkey Cluster, found through one or more of its nodes: as [`url`](Self::url) takes them, or one
    /// `redis+cluster://user:password@host:6379,host:6379`. One that answers is enough; more of them help while nodes are
    /// away. User, password and TLS are those of all nodes.
    ///
    /// Keys look different on a cluster (`shop:{x}:…`), and functions with `local` keep no copies in the process: see
    /// `docs/cluster.md`.
    ///
    /// ```
    /// # fn example() -> Result<(), cached_redis_runtime::Error> {
    /// let cache = cached_redis_runtime::Cache::builder()
    ///     .cluster(["redis://10.0.0.1:6379", "redis://10.0.0.2:6379"])
    ///     .namespace("shop")
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn cluster<U: Into<String>>(mut self, urls: impl IntoIterator<Item = U>) -> Self {
        self.place = Place::Cluster(Seeds::new(urls.into_iter().map(Into::into).collect()));
        self
    }

    /// Where the nodes of a cluster can be reached from here, if not where they say that they are (behind a NAT, or in
    /// containers): takes host and port as the cluster names them. Not for the nodes that [`cluster`](Self::cluster)
    /// names.
    pub fn cluster_addresses(
        mut self,
        map: impl Fn(&str, u16) -> (String, u16) + Send + Sync + 'static,
    ) -> Self {
        self.addresses = Some(AddressMap::new(map));
        self
    }
}
